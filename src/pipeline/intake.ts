import { xxh32 } from '@node-rs/xxhash'
import { AppError } from '../errors.ts'
import type { IncomingEvent, JsonObject, Outcome, Source } from '../event/event.ts'
import { indexText } from '../identity/read.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { type GroupDeps, type GroupOutcome, processGroup } from './group.ts'
import { judge, rehearse } from './judge.ts'
import { createLane, type Lane } from './lane.ts'
import { type Resolvable, resolvable } from './resolve.ts'
import { explainJudged } from './test-source.ts'

export interface IntakeDeps extends GroupDeps {
  readonly metrics: Metrics
  readonly log: Logger
  /** Events that may wait for a commit; more are answered 503. */
  readonly queueLimit: number
  /** The user id that a subject token proves, for its source; throws AppError for a bad token. */
  verifySubjectToken(source: Source, token: string): Promise<string>
  /** Writes the choice that a consent preference event tells of. Returns whether anything was recorded. */
  recordEvidence(item: Resolvable): Promise<boolean>
  /** Called after each commit. */
  committed(): void
}

export interface Submission {
  readonly source: Source
  readonly receivedAt: number
  readonly addressPrefix: string
  readonly subjectToken?: string
  readonly events: readonly IncomingEvent[]
}

export interface Submitted {
  readonly messageId: string
  readonly outcome: Outcome
  readonly reason?: string
  readonly detail?: JsonObject
}

export interface Intake {
  /** Resolves after commit, one result an event in order. Throws AppError overloaded where the queue is full. */
  submit(request: Submission): Promise<Submitted[]>
  /** Takes nothing more and resolves when all that was taken is committed and answered. */
  drain(): Promise<void>
}

const LANES = 2 // commits in flight
const MAX_GROUP = 1000
export const CONSENT_EVENT = 'Segment Consent Preference Updated'

interface Waiting {
  readonly item: Resolvable
  readonly receivedAt: number
  settle(result: GroupOutcome): void
  fail(error: unknown): void
}

/** The first half of an event's way: from parsed to durable. */
export function createIntake(deps: IntakeDeps): Intake {
  let queued = 0
  let draining = false
  const lanes: Lane<Waiting>[] = Array.from({ length: LANES }, () => createLane(processLane, MAX_GROUP))

  async function processLane(group: readonly Waiting[]): Promise<void> {
    const { first, repeats } = withoutRepeats(group)
    try {
      const outcomes = await processGroup(
        deps,
        first.map((one) => one.item),
      )
      for (const [i, one] of first.entries()) one.settle(outcomes[i]!)
      deps.committed()
      for (const { one, of } of repeats) one.settle(repeatOf(outcomes[of]!))
      deps.metrics.groupSize(group.length)
    } catch (error) {
      deps.log.error({ err: error, events: group.length }, 'a group could not be kept')
      const answer = unavailable(error)
      for (const one of group) one.fail(answer)
    } finally {
      queued -= group.length
      deps.metrics.queued(queued)
    }
  }

  async function submit(request: Submission): Promise<Submitted[]> {
    if (draining) throw new AppError('overloaded', 'the gateway is stopping: send again', { retryAfter: 5 })
    const { source, receivedAt, subjectToken, addressPrefix } = request
    const confirmedUser = subjectToken === undefined ? undefined : await deps.verifySubjectToken(source, subjectToken)
    const items = request.events.map((event) =>
      resolvable(deps.keyring, source, event, { addressPrefix, confirmedUser }),
    )
    if (source.test) return answerTest(items)
    if (queued > 0 && queued + items.length > deps.queueLimit) {
      throw new AppError('overloaded', 'more events wait than can be kept now: send again', { retryAfter: 2 })
    }
    queued += items.length
    deps.metrics.queued(queued)
    const taken: Promise<Submitted>[] = []
    try {
      for (const item of items) {
        // What follows a choice in its batch is decided by it: it waits until the choice is recorded.
        const told = item.event.name === CONSENT_EVENT && (await deps.recordEvidence(item))
        taken.push(enqueue(item, receivedAt, { told }))
      }
    } catch (error) {
      queued -= items.length - taken.length
      await Promise.allSettled(taken)
      throw error
    }
    return Promise.all(taken)
  }

  async function enqueue(item: Resolvable, receivedAt: number, { told }: { told: boolean }): Promise<Submitted> {
    const result = await new Promise<GroupOutcome>((settle, fail) => {
      lanes[laneOf(item)]!.push({ item, receivedAt, settle, fail })
    })
    const submitted = answerOf(item, result, told)
    deps.metrics.outcome(submitted.outcome)
    if (result.outcome === 'accepted') deps.metrics.unclassified(result.judged.projection.unclassified)
    deps.metrics.intakeSeconds((deps.now() - receivedAt) / 1000)
    return submitted
  }

  async function answerTest(items: readonly Resolvable[]): Promise<Submitted[]> {
    const active = deps.active()
    // A browser's key is public: if it were told what the ledger decides, anybody could ask what somebody has refused.
    const judged = items[0]?.source.kind === 'browser' ? rehearse(deps, items) : (await judge(deps, items)).judged
    return judged.map((one) => ({
      messageId: one.resolved.item.event.messageId,
      outcome: one.reason === undefined ? 'accepted' : 'refused',
      ...(one.reason === undefined ? {} : { reason: one.reason }),
      detail: explainJudged(active.compiled, one),
    }))
  }

  return {
    submit,
    async drain() {
      draining = true
      await Promise.all(lanes.map((lane) => lane.idle()))
    },
  }
}

/** Events of one device stay in order, and in one transaction at a time. Not an adversary's business: it only balances. */
function laneOf(item: Resolvable): number {
  const id = item.event.anonymousId ?? item.event.userId ?? item.event.messageId
  return xxh32(`${item.source.id} ${id}`) % LANES
}

interface Distinct {
  readonly first: Waiting[]
  readonly repeats: { one: Waiting; of: number }[]
}

function withoutRepeats(group: readonly Waiting[]): Distinct {
  const seen = new Map<string, number>()
  const first: Waiting[] = []
  const repeats: { one: Waiting; of: number }[] = []
  for (const one of group) {
    const key = `${one.item.source.id} ${indexText(one.item.keys.key as never)}`
    const of = seen.get(key)
    if (of === undefined) seen.set(key, first.push(one) - 1)
    else repeats.push({ one, of })
  }
  return { first, repeats }
}

/** The same message id twice in one group: the second is a duplicate, unless the first was no event at all. */
function repeatOf(outcome: GroupOutcome): GroupOutcome {
  return outcome.outcome === 'invalid' ? outcome : { outcome: 'duplicate', judged: outcome.judged }
}

function answerOf(item: Resolvable, result: GroupOutcome, told: boolean): Submitted {
  const { messageId } = item.event
  if (result.outcome === 'invalid') return { messageId, outcome: 'invalid', reason: 'unstorable' }
  if (result.outcome === 'refused' && !told) {
    const isSuppressed = result.reason === 'restricted' || result.reason === 'erased'
    return { messageId, outcome: isSuppressed ? 'suppressed' : 'refused', reason: result.reason }
  }
  return { messageId, outcome: result.outcome === 'refused' ? 'accepted' : result.outcome }
}

function unavailable(error: unknown): AppError {
  if (error instanceof AppError) return error
  return new AppError('overloaded', 'the event could not be kept just now: send it again', {
    retryAfter: 2,
    cause: error,
  })
}
