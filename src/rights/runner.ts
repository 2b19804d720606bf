import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import { createWorker, type Worker } from '../work-loop.ts'
import { type AlarmDeps, raiseAlarms } from './alarms.ts'
import type { RightsDeps } from './deps.ts'
import { afterRecipients, finishErasure } from './erasure/finish.ts'
import { EXECUTORS } from './executors.ts'
import { queueMessage } from './messages/queue.ts'
import { move } from './move.ts'
import type { Request } from './request.ts'
import { restrict } from './restrict.ts'
import { findRequest, lockRequest, subjectsOf, writeRequest } from './rows.ts'
import { runStep } from './runner-step.ts'
import { nextStep } from './step.ts'
import type { MatchDeps } from './verify/match.ts'
import { matchAndAsk, PROOF_MS } from './verify/match.ts'

const POLL_MS = 2_000
const ALARMS_MS = 60_000
const LEASE_MS = 120_000 // of a step that hangs, or of a node that was killed
const SCAN_MS = 30 * 60_000 // a look into every column takes longer than a step
const FIRST_WAIT_MS = 5_000
const LONGEST_WAIT_MS = 3_600_000
const TRIES = 8 // then an officer should look; it is tried on, once an hour
const HOUR_MS = 3_600_000

export interface RunnerDeps extends RightsDeps, MatchDeps {
  readonly metrics: AlarmDeps['metrics']
}

/** Carries requests out, one step a transaction. Safe on every node at any time, and to be killed anywhere. */
export function createRequestRunner(deps: RunnerDeps): Worker {
  let alarmedAt = Number.NEGATIVE_INFINITY
  return createWorker({
    everyMs: POLL_MS,
    async work(signal) {
      while (!signal.aborted) {
        const id = await takeDue(deps)
        if (id === undefined) break
        await advanceOne(deps, id, signal)
      }
      if (signal.aborted || performance.now() - alarmedAt < ALARMS_MS) return
      alarmedAt = performance.now()
      await raiseAlarms(deps)
    },
    failed: (error) => deps.log.error({ err: error }, 'the requests of people could not be looked at'),
  })
}

/** The request that is due first. Nobody else takes it before the lease is over, which is set here. */
async function takeDue({ db, now }: RightsDeps): Promise<string | undefined> {
  const { rows } = await db.$client.query<{ request_id: string }>(
    `update weir.request set next_at = $1::timestamptz + make_interval(secs => $2), attempts = least(attempts + 1, 1000)
     where request_id = (
       select request_id from weir.request where closed_at is null and next_at <= $1
       order by next_at, number limit 1 for update skip locked)
     returning request_id`,
    [new Date(now()), LEASE_MS / 1000],
  )
  return rows[0]?.request_id
}

/** One step of a request; what fails is tried again, later each time, and said once it has failed often. */
async function advanceOne(deps: RunnerDeps, id: string, signal: AbortSignal): Promise<void> {
  const request = await findRequest(deps.db, id)
  if (request === undefined || request.closedAt !== undefined) return
  try {
    await advance(deps, request, signal)
  } catch (error) {
    if (signal.aborted) return putBack(deps, id)
    const wait = Math.min(FIRST_WAIT_MS * 2 ** request.attempts, LONGEST_WAIT_MS)
    deps.log.error(
      { err: error, request: id, state: request.state, step: request.step },
      'a step failed; it is tried again',
    )
    await transaction(deps.db, async (tx) => {
      const held = await lockRequest(tx, id)
      if (held.closedAt !== undefined) return
      const nextAt = deps.now() + wait
      const code = error instanceof AppError ? error.code : 'internal'
      const isStuck = held.attempts >= TRIES && ['executing', 'awaiting_destinations', 'scanning'].includes(held.state)
      if (isStuck)
        await move(tx, held, 'failed', { actor: 'weir', now: deps.now(), reason: code, nextAt: deps.now() + HOUR_MS })
      else await writeRequest(tx, id, { nextAt })
    })
  }
}

/** It was broken off because this process stops: whoever runs next goes on at once. */
async function putBack({ db, now }: RunnerDeps, id: string): Promise<void> {
  await transaction(db, (tx) => writeRequest(tx, id, { nextAt: now() }))
}

/** What is to be done next, by the state. Each case does one step and says when to look again. */
export async function advance(deps: RunnerDeps, request: Request, signal: AbortSignal): Promise<void> {
  switch (request.state) {
    case 'received':
      return matchAndAsk(deps, request)
    case 'identity_pending':
      return expireUnproven(deps, request)
    case 'verified':
      return begin(deps, request)
    case 'cooling_off':
      return moveOn(deps, request, 'executing')
    case 'executing':
      return execute(deps, request)
    case 'awaiting_destinations':
      return awaitDestinations(deps, request)
    case 'scanning':
      await transaction(deps.db, (tx) => writeRequest(tx, request.id, { nextAt: deps.now() + SCAN_MS }))
      await finishErasure(deps, request, { signal })
      return
    case 'failed':
      return moveOn(deps, request, failedFrom(request))
    case 'completed':
    case 'completed_partial':
    case 'denied':
    case 'cancelled':
    case 'expired':
      return
    default:
      return request.state satisfies never
  }
}

/** Where a request that failed goes on: an erasure whose rows are gone has its recipients and the scan before it. */
function failedFrom({ right, step }: Request): 'executing' | 'scanning' {
  return right === 'erasure' && nextStep(EXECUTORS.erasure, step) === undefined ? 'scanning' : 'executing'
}

async function expireUnproven(deps: RunnerDeps, request: Request): Promise<void> {
  const end = request.stateAt + PROOF_MS
  await transaction(deps.db, async (tx) => {
    const held = await lockRequest(tx, request.id)
    if (held.state !== 'identity_pending') return
    if (deps.now() < end) return writeRequest(tx, held.id, { nextAt: end, attempts: 0 })
    await move(tx, held, 'expired', { actor: 'weir', now: deps.now(), reason: 'not-proven' })
  })
}

/** It is proved who asks. What needs an officer waits for one; an erasure restricts at once, and leaves time to take it back. */
async function begin(deps: RunnerDeps, request: Request): Promise<void> {
  await withActiveEpoch(deps.keyring, () =>
    transaction(deps.db, async (tx) => {
      const held = await lockRequest(tx, request.id)
      if (held.state !== 'verified') return
      const now = deps.now()
      const subjects = await subjectsOf(tx, held.id)
      const waits = held.needsOfficer && held.officerDecision === undefined
      if (held.right === 'erasure') {
        await restrict(tx, deps, { request: held.id, subjects, now })
        if (waits) return writeRequest(tx, held.id, { nextAt: now + HOUR_MS, attempts: 0 })
        const until = now + deps.coolingMs
        await move(tx, held, 'cooling_off', { actor: 'weir', now, coolingUntil: until, nextAt: until, attempts: 0 })
        await queueMessage(tx, { request: held.id, template: 'erasure-begins', now })
        return
      }
      if (waits) return writeRequest(tx, held.id, { nextAt: now + HOUR_MS, attempts: 0 })
      await move(tx, held, 'executing', { actor: 'weir', now, nextAt: now, attempts: 0 })
    }),
  )
  if (request.right === 'erasure') deps.committed()
}

async function moveOn(deps: RunnerDeps, request: Request, to: 'executing' | 'scanning'): Promise<void> {
  await transaction(deps.db, async (tx) => {
    const held = await lockRequest(tx, request.id)
    if (held.state !== request.state) return
    const { coolingUntil } = held
    if (held.state === 'cooling_off' && coolingUntil !== undefined && deps.now() < coolingUntil) {
      return writeRequest(tx, held.id, { nextAt: coolingUntil, attempts: 0 })
    }
    await move(tx, held, to, { actor: 'weir', now: deps.now(), nextAt: deps.now(), attempts: 0, reason: null })
  })
}

/** The next step, or the state that follows the last one. */
async function execute(deps: RunnerDeps, request: Request): Promise<void> {
  const step = nextStep(EXECUTORS[request.right], request.step)
  if (step !== undefined) {
    await runStep(deps, request, step)
    return
  }
  await transaction(deps.db, async (tx) => {
    const held = await lockRequest(tx, request.id)
    if (held.state !== 'executing') return
    const now = deps.now()
    const changes = held.right !== 'access' && held.right !== 'portability'
    const to = changes ? 'awaiting_destinations' : 'completed'
    await move(tx, held, to, { actor: 'weir', now, nextAt: now, attempts: 0 })
    if (!changes) await queueMessage(tx, { request: held.id, template: 'download-ready', now })
  })
}

const ASK_AGAIN_MS = 30_000

async function awaitDestinations(deps: RightsDeps, request: Request): Promise<void> {
  if (request.right === 'erasure') {
    await afterRecipients(deps, request)
  } else {
    await transaction(deps.db, async (tx) => {
      const held = await lockRequest(tx, request.id)
      if (held.state !== 'awaiting_destinations') return
      // They are told by the outbox, which outlives the request: nobody waits for them.
      await move(tx, held, 'completed', { actor: 'weir', now: deps.now() })
      await queueMessage(tx, { request: held.id, template: 'done', now: deps.now() })
    })
  }
  await transaction(deps.db, async (tx) => {
    const held = await lockRequest(tx, request.id)
    if (held.state === 'awaiting_destinations')
      await writeRequest(tx, held.id, { nextAt: deps.now() + ASK_AGAIN_MS, attempts: 0 })
  })
}
