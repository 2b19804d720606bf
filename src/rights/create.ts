import { randomBytes, randomUUID } from 'node:crypto'
import { appendEntries } from '../audit/log.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { JsonObject, Source } from '../event/event.ts'
import { maskOf, type Purpose, purposesIn } from '../event/purpose.ts'
import { secretHash } from '../identity/blind-index.ts'
import { normalise } from '../identity/normalise.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import type { AskingDeps } from './asking-deps.ts'
import { askingKeys, hashOfSecret } from './asking-keys.ts'
import { putContent } from './content.ts'
import { dueOf } from './due.ts'
import { makeOwnKey } from './own-key.ts'
import type { Regime } from './regimes.ts'
import type { Asking, Change, GivenIdentifier, Language, Proof, Right } from './request.ts'
import { insertRequest, note } from './rows.ts'
import { ASKED_FROM, forgetOldTries, take } from './throttle.ts'
import type { Way } from './verify/levels.ts'
import { checkMandate } from './verify/mandate.ts'
import { browserHash } from './verify/proofs.ts'
import { checkSession, keysOfShops } from './verify/session-token.ts'

/** What a person, or somebody for them, asks. */
export interface AskInput {
  readonly right: Right
  readonly identifier: { readonly type: GivenIdentifier['type']; readonly value: string }
  /** Absent: from the privacy centre, where nobody vouches. */
  readonly source?: Source
  readonly subjectToken?: string
  readonly anonymousSecret?: string
  readonly language: Language
  readonly regime?: Regime
  readonly changes?: readonly Change[]
  readonly purposes?: readonly Purpose[]
  readonly verifyBy?: Way
  /** A signed mandate: somebody asks for somebody else. */
  readonly agent?: string
  /** What only the browser knows that asks: a link then works there alone. */
  readonly browser?: string
  /** The network that asks, already truncated. */
  readonly addressPrefix: string
  /** What the privacy centre's own session proves, in place of a token. */
  readonly session?: ProvenSession
}

/** Who is signed in at the privacy centre: of whom it was proved as a request's own verification does. */
export interface ProvenSession {
  readonly proof: Proof
  /** Verified, every one. */
  readonly identifiers: readonly GivenIdentifier[]
  /** Not proved just now. */
  readonly stale: boolean
}

export interface Asked {
  readonly requestId: string
  /** 256 random bits, told this once. */
  readonly secret: string
}

/**
 * Takes a request in. Whom it may be about is looked for afterwards (matchAndAsk), so that what is answered, its size and
 * its time are the same whether anybody is found. Throws AppError `bad-identifier`, `purpose-not-open`, `not-yours`, `test-source`,
 * `bad-session-token`, `sign-in-again`, `bad-mandate`, `mandate-missing`, `not-for-agents`, `used-already`,
 * `asked-too-often` (429): none of them depends on who is known here.
 */
export async function createRequest(deps: AskingDeps, input: AskInput): Promise<Asked> {
  const now = deps.now()
  refuseUnreadable(input)
  refuseWhatNobodyChooses(deps, input)
  const shown = await proofsOf(deps, input, now)
  await meter(deps, input, now)
  const id = randomUUID()
  const secret = randomBytes(32).toString('base64url')
  await withActiveEpoch(deps.keyring, () =>
    transaction(deps.db, async (tx) => {
      for (const token of shown.once) await useOnce(tx, token)
      await insert(tx, deps, input, { ...shown, id, secret, now })
    }),
  )
  deps.due()
  return { requestId: id, secret }
}

function refuseUnreadable({ identifier: { type, value }, source }: AskInput): void {
  if (source?.test === true) {
    throw new AppError('forbidden', 'A test source keeps nothing: ask with another key.', { code: 'test-source' })
  }
  const normalised = normalise(type, value)
  if (normalised.ok) return
  throw new AppError('invalid', `body.identifier.value cannot be one of its type (${normalised.reason}).`, {
    code: 'bad-identifier',
  })
}

/** What a contract or a duty needs cannot be objected to: it is said at once, not answered as if it were done. */
function refuseWhatNobodyChooses({ active }: AskingDeps, { right, purposes = [] }: AskInput): void {
  if (right !== 'objection') return
  const { needsConsent } = active().compiled
  if ((maskOf(purposes) & ~needsConsent) === 0) return
  const possible = purposesIn(needsConsent).join(', ')
  const message = `body.purposes names what a contract or a law needs, which nobody can object to. Name of these: ${possible}.`
  throw new AppError('invalid', message, { code: 'purpose-not-open' })
}

interface Once {
  readonly once: Buffer
  readonly expiresAt: number
}

interface Shown {
  readonly identifiers: readonly GivenIdentifier[]
  readonly asking: Asking
  readonly proof: Proof | undefined
  readonly once: readonly Once[]
}

/** What came with the request and can be checked without knowing whom it is about. */
async function proofsOf(deps: AskingDeps, input: AskInput, now: number): Promise<Shown> {
  const { identifier, source, right } = input
  const named: GivenIdentifier = { ...identifier, verified: false }
  const mandate = await mandateOf(deps, input, now)
  const asking = askingOf(deps, input, mandate?.agent)
  if (input.session !== undefined) return shownBySession(input.session, asking)
  if (mandate !== undefined) return { identifiers: [named], asking, proof: undefined, once: [mandate] }
  const session =
    input.subjectToken === undefined
      ? undefined
      : await checkSession(input.subjectToken, {
          right,
          publicUrl: deps.publicUrl,
          now,
          keys:
            source === undefined ? await keysOfShops(deps.db) : [source.subjectKey].filter((key) => key !== undefined),
        })
  if (session !== undefined && identifier.type === 'user_id' && identifier.value !== session.user) {
    throw new AppError('forbidden', 'The session token is of another user than the identifier.', { code: 'not-yours' })
  }
  if (source?.kind === 'server' && identifier.type === 'user_id') {
    const once = session === undefined ? [] : [session]
    return { identifiers: [{ ...named, verified: true }], asking, proof: 'server-key', once }
  }
  if (session === undefined) return { identifiers: [named], asking, proof: undefined, once: [] }
  const user: GivenIdentifier = { type: 'user_id', value: session.user, verified: true }
  const identifiers = identifier.type === 'user_id' ? [user] : [user, named]
  const stale = session.stale ? { stale: true as const } : {}
  return { identifiers, asking: { ...asking, ...stale }, proof: 'session-token', once: [session] }
}

function shownBySession({ proof, identifiers, stale }: ProvenSession, asking: Asking): Shown {
  return { identifiers, asking: stale ? { ...asking, stale: true } : asking, proof, once: [] }
}

async function mandateOf(
  deps: AskingDeps,
  { source, agent, right, identifier }: AskInput,
  now: number,
): Promise<(Once & { readonly agent: string }) | undefined> {
  const agentKey: JsonObject | undefined = source?.agentKey
  if (agent === undefined) {
    if (agentKey === undefined) return undefined
    throw new AppError('forbidden', 'An agent asks with a mandate: send it as agent.', { code: 'mandate-missing' })
  }
  if (source === undefined || agentKey === undefined) {
    throw new AppError('unauthenticated', 'This source is no agent’s: weir source set NAME --agent-key FILE.', {
      code: 'bad-mandate',
    })
  }
  const from = { name: source.name, agentKey }
  return checkMandate(agent, { right, person: identifier.value, source: from, publicUrl: deps.publicUrl, now })
}

function askingOf({ keyring }: AskingDeps, input: AskInput, agent: string | undefined): Asking {
  const { verifyBy, identifier, anonymousSecret, browser } = input
  const keys = askingKeys(keyring.tokenKey)
  return {
    ...(verifyBy === undefined ? {} : { verifyBy }),
    ...(anonymousSecret === undefined || identifier.type !== 'anonymous_id'
      ? {}
      : { device: secretHash(keyring.tokenKey, identifier.value, anonymousSecret).toString('base64url') }),
    ...(browser === undefined ? {} : { browser: browserHash(keys, browser).toString('base64url') }),
    ...(agent === undefined ? {} : { agent }),
  }
}

/** A shop's own server is trusted to know whom it asks for; everybody else asks from somewhere. */
async function meter({ db, keyring }: AskingDeps, { source, addressPrefix }: AskInput, now: number): Promise<void> {
  await forgetOldTries(db, now)
  if (source?.kind === 'server' && source.agentKey === undefined) return
  const wait = await take(db, askingKeys(keyring.tokenKey).throttle, ASKED_FROM, [addressPrefix], now)
  if (wait > 0) throw askedTooOften(wait)
}

export function askedTooOften(wait: number): AppError {
  return new AppError('overloaded', 'Too many from here lately: wait as long as Retry-After says.', {
    code: 'asked-too-often',
    status: 429,
    retryAfter: Math.ceil(wait / 1000),
  })
}

/** Throws AppError unauthenticated `used-already` the second time. */
export async function useOnce(tx: Db | Tx, { once, expiresAt }: Once): Promise<void> {
  const { rowCount } = await tx.$client.query(
    `insert into weir.request_token (token_hash, expires_at, used_at) values ($1, $2, clock_timestamp())
     on conflict (token_hash) do nothing`,
    [once, new Date(expiresAt)],
  )
  if (rowCount === 1) return
  throw new AppError('unauthenticated', 'This token was used already: sign a new one for each request.', {
    code: 'used-already',
  })
}

interface Made extends Shown {
  readonly id: string
  readonly secret: string
  readonly now: number
}

async function insert(tx: Tx, deps: AskingDeps, input: AskInput, made: Made): Promise<void> {
  const { id, secret, now, proof, identifiers, asking } = made
  const { right, language, source, changes, purposes } = input
  const door = source === undefined ? 'privacy' : 'api'
  const regime = input.regime ?? (language === 'zh-CN' ? 'PIPL' : 'GDPR')
  const { because: _, ...due } = dueOf({ right, regime, receivedAt: now })
  const row = { id, right, door, regime, language, state: 'received', receivedAt: now, nextAt: now, ...due } as const
  const proven = proof === undefined ? {} : { verifiedBy: proof }
  await insertRequest(tx, { ...row, ...proven, secretHash: hashOfSecret(secret) }, now)
  await makeOwnKey(tx, deps.keyring, id)
  const put = putContent.bind(null, tx, deps.keyring, id)
  await put('identifiers', identifiers)
  await put('asking', asking)
  if (right === 'correction') await put('changes', changes ?? [])
  if (right === 'objection') await put('purposes', purposes ?? [])
  const actor = source === undefined ? 'weir' : `source:${source.id}`
  await note(tx, id, { actor: source === undefined ? 'person' : actor, what: 'created', to: 'received', more: door })
  const entry = {
    actor,
    action: 'request.create',
    resource: `request:${id}`,
    purpose: 'rights',
    outcome: 'done',
  } as const
  await appendEntries(tx, [{ ...entry, more: { by: asking.agent === undefined ? 'person' : 'agent', right, door } }])
}
