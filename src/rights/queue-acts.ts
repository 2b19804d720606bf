import { type AuditEntry, appendEntriesAbout } from '../audit/log.ts'
import type { Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { By } from '../http/audit-api.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import { actorName } from '../officers/roles.ts'
import { alarmAt } from './alarms.ts'
import { putContent } from './content.ts'
import type { RightsDeps } from './deps.ts'
import { extend as extensionOf } from './due.ts'
import { forgetWhenTold, queueMessage } from './messages/queue.ts'
import { move } from './move.ts'
import { articleOf, EXTENSION_REASONS, isRefusalCode } from './reasons.ts'
import type { Request } from './request.ts'
import { liftRestriction } from './restrict.ts'
import { lockRequest, note, subjectsOf, writeRequest } from './rows.ts'
import { isClosed } from './state.ts'

export interface QueueDeps extends Pick<RightsDeps, 'db' | 'keyring' | 'audit' | 'active' | 'now' | 'committed'> {
  /** Said after an act: the request may go on, and a message waits. */
  readonly acted: () => void
}

interface Acting {
  readonly by: By
  readonly id: string
}

/** An officer agrees: the runner goes on at once. Throws AppError as `RequestQueueApi.accept` says. */
export async function accept(deps: QueueDeps, acting: Acting): Promise<void> {
  await act(deps, acting, 'request.accept', async (tx, request) => {
    refuseState(request.state === 'verified')
    if (!request.needsOfficer || request.officerDecision !== undefined) {
      throw new AppError('conflict', 'Nothing about this request waits for an officer.', { code: 'nothing-to-decide' })
    }
    const now = deps.now()
    await writeDecision(tx, request.id, { decision: 'accepted', by: acting.by })
    await writeRequest(tx, request.id, { needsOfficer: false, nextAt: now })
    await note(tx, request.id, { actor: actorName(actorOf(acting.by)), what: 'accepted' })
    return {}
  })
}

export interface Refusal {
  readonly reason: string
  readonly words?: string
}

/**
 * An officer refuses: the request is over, what it restricted is free again, and the person is told why, by which article
 * and where to complain (GDPR art. 12(4), PIPL art. 50). Throws AppError as `RequestQueueApi.refuse` says.
 */
export async function refuse(deps: QueueDeps, { reason, words, ...acting }: Acting & Refusal): Promise<void> {
  await act(deps, acting, 'request.refuse', async (tx, request) => {
    const { id } = request
    const now = deps.now()
    const article = requireReason(request, reason)
    const actor = actorName(actorOf(acting.by))
    await move(tx, request, 'denied', { actor, now, what: 'refused', reason, needsOfficer: false })
    await writeDecision(tx, id, { decision: 'refused', by: acting.by })
    if (words !== undefined) await putContent(tx, deps.keyring, id, 'words', words)
    await liftRestriction(tx, deps, id)
    await queueMessage(tx, { request: id, template: 'refused', now })
    await forgetWhenTold(tx, deps.keyring, id)
    return { reason, article }
  })
  deps.committed()
}

export interface Longer {
  readonly reason: string
  readonly until?: number
}

/** An officer takes longer, once, while there is time, and says why. Throws AppError as `RequestQueueApi.extend` says. */
export async function extend(deps: QueueDeps, { reason, until, ...acting }: Acting & Longer): Promise<void> {
  await act(deps, acting, 'request.extend', async (tx, request) => {
    refuseState(!isClosed(request.state))
    if (!(EXTENSION_REASONS as readonly string[]).includes(reason)) throw reasonNotThere()
    const now = deps.now()
    const found = extensionOf({ ...request, now, ...(until === undefined ? {} : { until }) })
    if ('obstacle' in found) throw extensionError(found.obstacle)
    const alarmed = alarmAt({ ...request, extendedUntil: found.until }, now)
    await tx.$client.query('update weir.request set extended_until = $2, alarmed = $3 where request_id = $1', [
      request.id,
      new Date(found.until),
      alarmed,
    ])
    await note(tx, request.id, { actor: actorName(actorOf(acting.by)), what: 'extended', more: reason })
    await queueMessage(tx, { request: request.id, template: 'extended', now })
    return { reason, until: new Date(found.until).toISOString(), article: found.article }
  })
}

/** The person is told that the request is here. Throws AppError as `RequestQueueApi.acknowledge` says. */
export async function acknowledge(deps: QueueDeps, acting: Acting): Promise<void> {
  await act(deps, acting, 'request.acknowledge', async (tx, request) => {
    refuseState(!isClosed(request.state))
    if (request.acknowledgedAt !== undefined) {
      throw new AppError('conflict', 'The person was told already.', { code: 'acknowledged-already' })
    }
    const now = deps.now()
    await writeRequest(tx, request.id, { acknowledgedAt: now })
    await note(tx, request.id, { actor: actorName(actorOf(acting.by)), what: 'acknowledged' })
    await queueMessage(tx, { request: request.id, template: 'received', now })
    return {}
  })
}

/** The entry of a look or an act; `more` holds codes, times and numbers only. */
export function entryOf(
  by: By,
  entry: Pick<AuditEntry, 'action' | 'outcome' | 'more' | 'caseId' | 'about'> & { readonly id?: string },
): AuditEntry {
  const { id, ...rest } = entry
  const resource = id === undefined ? 'requests' : `request:${id}`
  return { ...rest, actor: actorName(actorOf(by)), resource, purpose: 'rights' }
}

/** One act in one transaction, its entry with it; an attempt that is refused is entered too. */
async function act(
  deps: QueueDeps,
  { by, id }: Acting,
  action: string,
  work: (tx: Tx, request: Request) => Promise<JsonObject>,
): Promise<void> {
  try {
    await withActiveEpoch(deps.keyring, () =>
      transaction(deps.db, async (tx) => {
        const request = await lockRequest(tx, id)
        const about = (await subjectsOf(tx, id)).map((subject) => ({ subject }))
        const more = { right: request.right, ...(await work(tx, request)) }
        const entry = entryOf(by, { id, action, outcome: 'done', more, about, ...caseOf(request) })
        refuseStanding(await appendEntriesAbout(tx, { keyring: deps.keyring, now: deps.now }, [entry]))
      }),
    )
  } catch (error) {
    if (error instanceof AppError && error.kind === 'conflict') {
      await deps.audit.append(entryOf(by, { id, action, outcome: 'refused', more: { refused: error.code } }))
    }
    throw error
  }
}

const STOPPED_S = 30 // as the log itself counts

function refuseStanding({ behind }: { readonly behind: number }): void {
  if (behind <= STOPPED_S) return
  throw new AppError('overloaded', 'The audit log does not take entries in: nothing is done or shown until it does.', {
    code: 'audit-behind',
    retryAfter: 5,
  })
}

async function writeDecision(
  tx: Tx,
  id: string,
  { decision, by }: { readonly decision: 'accepted' | 'refused'; readonly by: By },
): Promise<void> {
  await tx.$client.query('update weir.request set officer_decision = $2, decided_by = $3 where request_id = $1', [
    id,
    decision,
    by.kind === 'officer' || by.kind === 'token' ? by.id : null, // a command is nobody
  ])
}

function caseOf({ caseId }: Request): { readonly caseId?: string } {
  return caseId === undefined ? {} : { caseId }
}

function actorOf({ kind, id }: By): Parameters<typeof actorName>[0] {
  return { kind: kind as Parameters<typeof actorName>[0]['kind'], id }
}

function refuseState(fits: boolean): void {
  if (fits) return
  throw new AppError('conflict', 'The request is in a state in which this is not done.', { code: 'request-state' })
}

function requireReason({ right, regime }: Request, reason: string): string {
  const article = isRefusalCode(reason) ? articleOf({ code: reason, right, regime }) : undefined
  if (article === undefined) throw reasonNotThere()
  return article
}

function reasonNotThere(): AppError {
  return new AppError('invalid', 'This is no reason that the request’s law knows for it: the request lists those.', {
    code: 'reason-not-there',
  })
}

type Obstacle = Extract<ReturnType<typeof extensionOf>, { readonly obstacle: string }>['obstacle']

function extensionError(obstacle: Obstacle): AppError {
  switch (obstacle) {
    case 'not-extensible':
      return new AppError('conflict', 'Its law knows no extension for this request.', { code: 'not-extensible' })
    case 'extended-already':
      return new AppError('conflict', 'It was extended once already.', { code: 'extended-already' })
    case 'deadline-over':
      return new AppError('conflict', 'It can be extended before its end only.', { code: 'deadline-over' })
    case 'extension-too-long':
      return new AppError('invalid', 'The new end lies before the old one, or beyond what the law allows.', {
        code: 'extension-too-long',
      })
    default:
      return obstacle satisfies never
  }
}
