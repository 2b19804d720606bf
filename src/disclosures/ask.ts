import { randomBytes, randomUUID } from 'node:crypto'
import { appendEntriesAbout } from '../audit/log.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import { isPurpose } from '../event/purpose.ts'
import type { Asked } from '../http/disclosures-api.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import { queueMail } from '../mail/outbox.ts'
import { type ByOfficer, type DisclosureDeps, entryOf, orEnterRefusal, requireDpo } from './deps.ts'
import { detailsOf, sealGround } from './ground.ts'
import { findByIdentifier } from './person.ts'
import { destinationOf, findByPseudonym } from './pseudonym.ts'
import { commitTo, type Ground, type Request, requestHash } from './request.ts'
import { insertDisclosure } from './rows.ts'
import { opensAt, REVIEW_MS } from './state.ts'

const ACTION = 'disclosure.ask'

/**
 * Takes a request. Whether somebody is known by the identifier or the pseudonym changes nothing of the answer. An
 * emergency needs no approval and opens after a delay. @returns its id
 */
export async function ask(deps: DisclosureDeps, by: ByOfficer, asked: Asked): Promise<string> {
  requireDpo(deps)
  const id = randomUUID()
  const named = { id, purpose: purposeOf(asked), caseId: asked.caseId, emergency: isEmergency(asked) }
  const entry = (code: string) =>
    entryOf(
      // What is no purpose is free text, and may be somebody's: it stands in no log.
      { ...named, purpose: isKnownPurpose(asked) ? named.purpose : 'unknown', subject: undefined },
      {
        officer: by.officer,
        action: ACTION,
        outcome: 'refused',
        more: { kind: asked.kind, refused: code },
      },
    )
  await orEnterRefusal(deps, entry, async () => {
    await refuseOverdue(deps, by)
    const subject = await targetOf(deps, asked)
    const ground = { subject, reason: asked.reason, salt: randomBytes(32) }
    await write(deps, { ...requestOf(asked), ...named, askedBy: by.officer, askedAt: deps.now() }, ground)
  })
  return id
}

type Shape = Pick<
  Request,
  'kind' | 'caseId' | 'wanted' | 'destination' | 'toDestination' | 'planHash' | 'reads' | 'minutes'
>

function requestOf(asked: Asked): Shape {
  const { caseId, minutes } = asked
  const none = { destination: undefined, toDestination: undefined, planHash: undefined }
  switch (asked.kind) {
    case 'fields':
      return { ...none, kind: 'fields', caseId, minutes, reads: asked.reads, wanted: sorted(asked.fields) }
    case 'reidentify': {
      const { destination, types, reads } = asked
      return { ...none, kind: 'reidentify', caseId, minutes, reads, wanted: sorted(types), destination }
    }
    case 'translate': {
      const { destination, to: toDestination, reads } = asked
      return { ...none, kind: 'translate', caseId, minutes, reads, wanted: [], destination, toDestination }
    }
    case 'retention-fuse':
      return { ...none, kind: 'retention-fuse', caseId, minutes, reads: 1, wanted: [], planHash: asked.plan }
  }
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort()
}

function purposeOf(asked: Asked): string {
  return asked.kind === 'retention-fuse' ? 'retention' : asked.purpose
}

function isKnownPurpose(asked: Asked): boolean {
  return asked.kind === 'retention-fuse' || isPurpose(asked.purpose)
}

function isEmergency(asked: Asked): boolean {
  return asked.kind !== 'retention-fuse' && asked.emergency
}

/** Whom it is about; undefined for nobody. Throws AppError invalid where the policy does not know what is named. */
async function targetOf(deps: DisclosureDeps, asked: Asked): Promise<SubjectId | undefined> {
  if (asked.kind === 'retention-fuse') return undefined
  if (!isPurpose(asked.purpose))
    throw new AppError('invalid', 'The policy has no purpose of this name.', UNKNOWN_PURPOSE)
  if (asked.kind === 'fields') {
    refuseUnknownFields(deps, asked.fields)
    return findByIdentifier(deps, asked.identifier)
  }
  const destination = destinationOf(deps, asked.destination)
  if (asked.kind === 'translate') destinationOf(deps, asked.to)
  return findByPseudonym(deps, destination, asked.pseudonym)
}

const UNKNOWN_PURPOSE = { code: 'purpose-unknown' }

function refuseUnknownFields({ active }: DisclosureDeps, fields: readonly string[]): void {
  const { classes, eventList } = active().compiled
  const known = (name: string): boolean => classes.has(name) || eventList.some((rule) => rule.classOf.has(name))
  if (fields.every(known)) return
  throw new AppError(
    'invalid',
    'The policy has no field class or path of such a name: weir policy explain lists them.',
    {
      code: 'field-unknown',
    },
  )
}

/** Who left an emergency without review looks at nothing else. */
async function refuseOverdue({ db, now }: DisclosureDeps, { officer }: ByOfficer): Promise<void> {
  const { rows } = await db.$client.query(
    'select from weir.disclosure where asked_by = $1 and emergency and reviewed_at is null and asked_at <= $2 limit 1',
    [officer, new Date(now() - REVIEW_MS)],
  )
  if (rows.length === 0) return
  throw new AppError('conflict', 'An emergency of yours was not reviewed in time: ask another officer to, first.', {
    code: 'review-overdue',
  })
}

async function write(deps: DisclosureDeps, asked: Omit<Request, 'commitment'>, ground: Ground): Promise<void> {
  const request = { ...asked, commitment: commitTo(ground) }
  const { subject } = ground
  const sealedReason = subject === undefined ? sealGround(deps.officers.keys(), request.id, ground) : undefined
  const more = { ...shapeOf(request), request: requestHash(request).toString('base64url') }
  const act = { officer: request.askedBy, action: ACTION, outcome: 'done', more } as const
  const about = subject === undefined ? {} : { about: [{ subject, details: detailsOf(ground) }] }
  await withActiveEpoch(deps.keyring, () =>
    transaction(deps.db, async (tx) => {
      const entry = { ...entryOf({ ...request, subject }, act), ...about }
      const { records } = await appendEntriesAbout(tx, { keyring: deps.keyring, now: deps.now }, [entry])
      await insertDisclosure(tx, request, { subject, recordId: records[0]!, sealedReason })
      if (!request.emergency) return
      await queueMail(tx, { kind: 'emergency-asked', disclosure: request.id, at: deps.now() })
      await queueMail(tx, { kind: 'emergency-opens', disclosure: request.id, at: opensAt(request) })
    }),
  )
  if (request.emergency) deps.mailWaits()
}

/** What of a request stands in the audit log. */
export function shapeOf({ kind, wanted, destination, toDestination, planHash, reads, minutes }: Shape): JsonObject {
  return {
    kind,
    reads,
    minutes,
    ...(wanted.length === 0 ? {} : { fields: wanted }),
    ...(destination === undefined ? {} : { destination }),
    ...(toDestination === undefined ? {} : { to: toDestination }),
    ...(planHash === undefined ? {} : { plan: planHash }),
  }
}
