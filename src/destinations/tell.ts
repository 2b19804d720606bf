import { randomUUID } from 'node:crypto'
import type { Db } from '../db/pool.ts'
import type { Keyring } from '../keys/keyring.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import type { Logger } from '../log.ts'
import { type Endpoint, findEndpoint } from './endpoints.ts'
import { type Outcome, settle, type Taken } from './messages.ts'
import { type Progress, statusOf, submit, tellOpenDsr } from './opendsr-client.ts'
import { type MessageContent, openMessage } from './outbox.ts'
import type { SafeCall } from './safe-call.ts'
import type { Told, ToTell } from './told.ts'
import { tellWebhook } from './webhook.ts'

export interface TellingDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly call: SafeCall
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Where recipients say how far they are; without a trailing slash. */
  readonly publicUrl: string
  readonly log: Logger
}

/** For how long after its own term a recipient may answer the question whether it is gone. */
const PROBE_MS = 30 * 86_400_000

/**
 * One try with one message: tells, or asks how far it is, or asks for access to see that nothing is left; then writes down
 * what it came to. No transaction is open while the network is asked.
 */
export async function tell(deps: TellingDeps, taken: Taken): Promise<void> {
  const endpoint = await findEndpoint(deps.db, deps.keyring, taken.destinationId)
  const content = await withActiveEpoch(deps.keyring, () => openMessage(deps.db, deps.keyring, taken))
  const outcome = await outcomeOf(deps, taken, endpoint, content)
  if (outcome === undefined) return
  const written = await settle(deps, taken.id, outcome)
  if (written && outcome.state === 'failed') {
    deps.log.error({ message: taken.id, kind: taken.kind, code: outcome.failure }, 'a recipient could not be told')
  }
}

/** Undefined where nothing is to be written: it is looked at again in its turn. */
async function outcomeOf(
  deps: TellingDeps,
  taken: Taken,
  endpoint: Endpoint | undefined,
  content: MessageContent | undefined,
): Promise<Outcome | undefined> {
  if (content === undefined) return failed('key-gone')
  if (endpoint === undefined) return failed('no-endpoint')
  const told = toTell(deps, taken, endpoint, content)
  if (taken.state !== 'acknowledged') return afterTelling(deps, taken, endpoint, await tellBy(deps, endpoint, told))
  if (taken.remoteId !== undefined) return probe(deps, taken, endpoint, { ...told, id: taken.remoteId })
  return follow(deps, taken, endpoint)
}

function toTell({ publicUrl }: TellingDeps, taken: Taken, { name }: Endpoint, content: MessageContent): ToTell {
  const { id, kind, madeAt, dueAt, regime } = taken
  return { id, kind, content, madeAt, dueAt, regime, callbackUrl: `${publicUrl}/v1/recipients/${name}/callback` }
}

function tellBy({ call, now }: TellingDeps, endpoint: Endpoint, told: ToTell): Promise<Told> {
  return endpoint.protocol === 'webhook'
    ? tellWebhook(call, endpoint, told, now())
    : tellOpenDsr(call, endpoint, told, now())
}

function afterTelling({ now }: TellingDeps, taken: Taken, endpoint: Endpoint, told: Told): Outcome {
  switch (told.outcome) {
    case 'acknowledged': {
      // A webhook says by itself that it is gone, by the message's number alone: what it was told can go.
      const done = endpoint.protocol === 'webhook' || !goesAway(taken)
      return { state: 'acknowledged', failure: null, sha256: told.sha256, done }
    }
    case 'impossible':
      return failed(told.failure)
    case 'sent':
    case 'unsent': {
      if (now() >= taken.dueAt) return failed(told.failure)
      const state = told.outcome === 'sent' ? 'sent' : taken.state
      return { state, failure: told.failure }
    }
    default:
      return told satisfies never
  }
}

/** Of these it can be asked whether anything is left. */
function goesAway({ kind }: Taken): boolean {
  return kind === 'erasure' || kind === 'withdrawal'
}

/** Asks an OpenDSR processor how far it is; once it says that it is done, or its term is over, it is asked for access. */
async function follow({ call, now }: TellingDeps, taken: Taken, endpoint: Endpoint): Promise<Outcome> {
  const progress = await statusOf(call, endpoint, taken.id, now())
  const status = typeof progress === 'string' ? undefined : progress.status
  if (status === 'cancelled') return failed('cancelled-there')
  if (status === 'completed' || now() >= taken.dueAt) {
    // The number is written down before it is used: after a kill the same question is asked again, not another one.
    return { state: 'acknowledged', failure: null, remoteId: randomUUID(), nextAt: now() }
  }
  return { state: 'acknowledged', failure: typeof progress === 'string' ? progress : null }
}

async function probe(deps: TellingDeps, taken: Taken, endpoint: Endpoint, told: ToTell): Promise<Outcome> {
  const { call, now } = deps
  const asked = await statusOf(call, endpoint, told.id, now())
  if (typeof asked === 'string') return askForAccess(deps, taken, endpoint, { told, unknown: asked })
  if (asked.status === 'completed') return judge(deps, taken, asked)
  if (asked.status === 'cancelled') return undecided()
  return late(deps, taken) ? undecided() : { state: 'acknowledged', failure: 'probing' }
}

async function askForAccess(
  deps: TellingDeps,
  taken: Taken,
  endpoint: Endpoint,
  { told, unknown }: { readonly told: ToTell; readonly unknown: string },
): Promise<Outcome> {
  if (late(deps, taken)) return undecided()
  // Anything but "no such request" may be a request that is there: it is asked for again, not made again.
  if (unknown !== 'http-404' && unknown !== 'http-400') return { state: 'acknowledged', failure: unknown }
  const { id, content, regime, callbackUrl } = told
  const submitted = await submit(
    deps.call,
    endpoint,
    { id, type: 'access', ...content, submittedAt: deps.now(), regime, callbackUrl },
    deps.now(),
  )
  if (submitted.outcome === 'impossible') return undecided()
  return { state: 'acknowledged', failure: submitted.outcome === 'acknowledged' ? 'probing' : submitted.failure }
}

/** Nothing found is verified; something found before the recipient's own term is no failure yet. */
function judge({ now }: TellingDeps, taken: Taken, { found, sha256 }: Progress): Outcome {
  if (found === 0) return { state: 'verified-gone', failure: null, sha256, done: true }
  if (found === undefined) return undecided()
  if (now() >= taken.dueAt) return failed('still-there')
  return { state: 'acknowledged', failure: 'still-there', remoteId: null, nextAt: taken.dueAt }
}

function late({ now }: TellingDeps, { dueAt }: Taken): boolean {
  return now() >= dueAt + PROBE_MS
}

/** It was acknowledged, and more than that is not known. */
function undecided(): Outcome {
  return { state: 'acknowledged', failure: 'not-verified', done: true }
}

function failed(failure: string): Outcome {
  return { state: 'failed', failure, done: true }
}
