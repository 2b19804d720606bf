import { appendEntriesAbout } from '../audit/log.ts'
import type { Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { tellRecipients } from '../destinations/outbox.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { LiftApi } from '../http/lift-api.ts'
import { contactsOf } from '../identity/contacts.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import { putContent } from './content.ts'
import type { RightsDeps } from './deps.ts'
import { queueMessage } from './messages/queue.ts'
import { makeOwnKey, ownKey } from './own-key.ts'
import { bySecret } from './present-secret.ts'
import type { Request, RequestContent } from './request.ts'
import { liftRestriction } from './restrict.ts'
import { lockRequest, note, subjectsOf } from './rows.ts'

export interface LiftDeps extends Pick<RightsDeps, 'db' | 'keyring' | 'active' | 'now' | 'committed'> {
  /** A message waits. */
  readonly told: () => void
}

/** The end of restrictions, as the HTTP edge is given it. */
export function createLift(deps: LiftDeps): LiftApi {
  return {
    async own({ id, secret }) {
      await within(deps, async (tx) => {
        await bySecret(tx, id, secret)
        await lift(tx, deps, await liftable(tx, id), { actor: 'person', more: { by: 'person' } })
      })
      return stateNow(deps, id)
    },
    async byOfficer({ by, id, told }) {
      const actor = by.kind === 'cli' ? by.kind : `${by.kind}:${by.id}`
      await within(deps, async (tx) => {
        const request = await liftable(tx, id)
        if (told === 'otherwise') await lift(tx, deps, request, { actor, more: { told } })
        else await announce(tx, deps, request, actor)
      })
      if (told === 'message') deps.told()
      return stateNow(deps, id)
    },
  }
}

async function within(deps: LiftDeps, work: (tx: Tx) => Promise<void>): Promise<void> {
  await withActiveEpoch(deps.keyring, () => transaction(deps.db, work))
  deps.committed()
}

/** Throws AppError not-found, conflict `nothing-to-lift`. */
async function liftable(tx: Tx, id: string): Promise<Request> {
  const request = await lockRequest(tx, id)
  const { rows } = await tx.$client.query('select from weir.request where request_id = $1 and lifted_at is null', [id])
  const holds = request.state === 'awaiting_destinations' || request.state === 'completed'
  if (request.right === 'restriction' && holds && rows.length > 0) return request
  throw new AppError('conflict', 'The request restricts nobody, or not any more.', { code: 'nothing-to-lift' })
}

interface Lifted {
  readonly actor: string
  readonly more: JsonObject
}

/** What was kept is used again as far as it is permitted now, modules learn it anew, and recipients hear of it (art. 19). */
async function lift(tx: Tx, deps: LiftDeps, { id }: Request, { actor, more }: Lifted): Promise<void> {
  const subjects = await subjectsOf(tx, id)
  await liftRestriction(tx, deps, id)
  await tx.$client.query('update weir.request set lifted_at = $2 where request_id = $1', [id, new Date(deps.now())])
  await note(tx, id, { actor, what: 'lifted' })
  await tellRecipients(tx, deps, { request: id, kind: 'restriction-lifted', subjects })
  await appendEntriesAbout(tx, deps, [
    {
      actor: actor === 'person' ? 'weir' : actor,
      action: 'request.lift',
      resource: `request:${id}`,
      purpose: 'rights',
      outcome: 'done',
      about: subjects.map((subject) => ({ subject })),
      more,
    },
  ])
}

/** The person is written to first; it ends once the message was sent. Throws AppError conflict `nobody-to-tell`. */
async function announce(tx: Tx, deps: LiftDeps, { id }: Request, actor: string): Promise<void> {
  const { keyring, now } = deps
  const subjects = await subjectsOf(tx, id)
  const contact = await onFile(tx, deps, subjects)
  if (contact === undefined) {
    throw new AppError('conflict', 'No address or number is on file: tell the person otherwise, and say so.', {
      code: 'nobody-to-tell',
    })
  }
  if ((await ownKey(tx, keyring, id)) === undefined) await makeOwnKey(tx, keyring, id) // it was over, and forgotten
  await putContent(tx, keyring, id, 'contact', contact)
  await queueMessage(tx, { request: id, template: ENDS, now: now() })
  await note(tx, id, { actor, what: 'lift-announced' })
  const entry = { actor, action: 'request.announce-lift', resource: `request:${id}`, purpose: 'rights' }
  const about = subjects.map((subject) => ({ subject }))
  await appendEntriesAbout(tx, deps, [{ ...entry, outcome: 'done', about }])
}

const ENDS = 'restriction-ends'

async function onFile(
  tx: Tx,
  { keyring }: LiftDeps,
  subjects: Awaited<ReturnType<typeof subjectsOf>>,
): Promise<RequestContent['contact'] | undefined> {
  for (const subject of subjects) {
    const contact = await contactsOf(tx, keyring, subject)
    if (contact.mail !== undefined || contact.phone !== undefined) return contact
  }
  return undefined
}

/** Ends restrictions whose end people were told of. Part of the housekeeping. @returns how many */
export async function liftAnnounced(deps: LiftDeps): Promise<number> {
  const { rows } = await deps.db.$client.query<{ request_id: string }>(
    `select distinct m.request_id from weir.request_message m join weir.request r using (request_id)
     where m.template = $1 and m.sent_at is not null and r.lifted_at is null and r."right" = 'restriction'
     order by m.request_id`,
    [ENDS],
  )
  for (const { request_id: id } of rows) {
    await within(deps, async (tx) => {
      const { rows: still } = await tx.$client.query(
        'select from weir.request where request_id = $1 and lifted_at is null for no key update',
        [id],
      )
      if (still.length > 0) await lift(tx, deps, await liftable(tx, id), { actor: 'weir', more: { told: 'message' } })
    })
  }
  return rows.length
}

async function stateNow({ db }: LiftDeps, id: string): Promise<JsonObject> {
  const { rows } = await db.$client.query<{ lifted_at: Date | null }>(
    'select lifted_at from weir.request where request_id = $1',
    [id],
  )
  return { requestId: id, liftedAt: rows[0]?.lifted_at?.toISOString() ?? null }
}
