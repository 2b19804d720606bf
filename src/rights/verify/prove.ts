import { randomBytes } from 'node:crypto'
import type { Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import { AppError } from '../../errors.ts'
import { normalise } from '../../identity/normalise.ts'
import { withCurrentIndex } from '../../identity/stale-index.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import type { AskingDeps } from '../asking-deps.ts'
import { type AskingKeys, askingKeys, hashOfSecret, same } from '../asking-keys.ts'
import { readContent } from '../content.ts'
import { bySecret, lockKnown, notNow, requestUnknown } from '../present-secret.ts'
import type { GivenIdentifier, Request } from '../request.ts'
import { TRIED, TRIED_FOR, TRIED_FROM, take } from '../throttle.ts'
import { type Found, look, moveToVerified, rulingOf } from './match.ts'
import { browserHash, type ProofRow, proofOf, readProofs, useProof } from './proofs.ts'

/** A code with the request's secret, or the token of a link. */
export interface Proving {
  readonly id: string
  readonly secret?: string
  readonly shown: { readonly code: string } | { readonly token: string }
  readonly browser?: string
  readonly addressPrefix: string
}

export interface Proven {
  readonly request: Request
  /** In place of the one before: of a link that was opened where nobody had asked. */
  readonly secret: string | undefined
}

type Outcome = Proven | 'wrong' | 'too-old' | 'other-browser' | 'too-many'

/**
 * Takes the proof that was asked for. A code goes with the request's secret; a link works in the browser that asked, and
 * where none was named the request passes to whoever opened it: who only asked learns nothing more of it. Throws AppError
 * not-found, `code-wrong` (403), `other-browser` (403), `request-state` (409), `too-many-tries` (429).
 */
export async function proveRequest(deps: AskingDeps, proving: Proving): Promise<Proven> {
  const { throttle } = askingKeys(deps.keyring.tokenKey)
  const wait = await take(deps.db, throttle, TRIED_FROM, [proving.addressPrefix], deps.now())
  if (wait > 0) throw tooManyTries(wait)
  // The outcome is thrown after the commit: a wrong try stays counted.
  const outcome = await withCurrentIndex(deps.keyring, () =>
    withActiveEpoch(deps.keyring, () => transaction(deps.db, (tx) => proveIn(tx, deps, proving))),
  )
  if (outcome === 'wrong')
    throw 'code' in proving.shown || proving.secret !== undefined ? codeWrong() : requestUnknown()
  if (outcome === 'too-old') throw codeWrong()
  if (outcome === 'other-browser') throw otherBrowser()
  if (outcome === 'too-many') throw tooManyTries(TRIED.ms)
  deps.told()
  deps.due()
  return outcome
}

async function proveIn(tx: Tx, deps: AskingDeps, { id, secret, shown, browser }: Proving): Promise<Outcome> {
  const keys = askingKeys(deps.keyring.tokenKey)
  const now = deps.now()
  if ('code' in shown || secret !== undefined) await bySecret(tx, id, secret)
  const request = await lockKnown(tx, id)
  if ('code' in shown) {
    if (!mayProve(request)) throw notNow()
    const refused = await counted(tx, deps, keys, id, now)
    if (refused !== undefined) return refused
  }
  const proof = proofOf(keys, await readProofs(tx, id), shown)
  if (proof === undefined) return 'wrong'
  if (!mayProve(request)) throw notNow()
  if (proof.usedAt !== undefined || proof.expiresAt <= now) return 'too-old'
  if (!inItsBrowser(keys, proof, browser)) return 'other-browser'
  const found = await look(tx, deps.keyring, request)
  const contact = await stillOnFile(tx, deps, request, found, proof)
  const rule = rulingOf(request, found, proof.way)
  if (contact === undefined || !rule.met || !(await useProof(tx, proof.id, now))) return 'wrong'
  const identifiers = identifiersOf(found, contact)
  const { named } = found
  const moved = await moveToVerified(tx, deps, request, {
    identifiers,
    named,
    proof: proof.way,
    officer: rule.officer,
    now,
  })
  const passes = 'token' in shown && secret === undefined && proof.browser === undefined
  return { request: moved, secret: passes && found.asking.agent === undefined ? await newSecret(tx, id) : undefined }
}

function mayProve({ state }: Request): boolean {
  return state === 'received' || state === 'identity_pending'
}

/** Five codes a request; so many for what it is named by, of which nobody is told: who asks may not be who is named. */
async function counted(
  tx: Tx,
  { keyring }: AskingDeps,
  { throttle }: AskingKeys,
  id: string,
  now: number,
): Promise<'wrong' | 'too-many' | undefined> {
  if ((await take(tx, throttle, TRIED, [id], now)) > 0) return 'too-many'
  const [named] = (await readContent(tx, keyring, id, 'identifiers')) ?? []
  if (named === undefined) return 'wrong'
  const normal = normalise(named.type, named.value)
  const whose = [named.type, normal.ok ? normal.value : named.value]
  return (await take(tx, throttle, TRIED_FOR, whose, now)) > 0 ? 'wrong' : undefined
}

function inItsBrowser(keys: AskingKeys, { way, browser }: ProofRow, nonce: string | undefined): boolean {
  if (way !== 'mail-link' || browser === undefined) return true
  return nonce !== undefined && same(browserHash(keys, nonce), browser)
}

/** What it was sent to, where that is still on file of the same person. */
async function stillOnFile(
  tx: Tx,
  { keyring }: AskingDeps,
  { id }: Request,
  { contact: now }: Found,
  { way }: ProofRow,
): Promise<GivenIdentifier | undefined> {
  const then = (await readContent(tx, keyring, id, 'contact')) ?? {}
  const [type, value] = way === 'sms-code' ? (['phone', now.phone] as const) : (['email', now.mail] as const)
  const sentTo = way === 'sms-code' ? then.phone : then.mail
  return value === undefined || value !== sentTo ? undefined : { type, value, verified: true }
}

/** What was proved by a token or a secret stays the scope; else it is what the request is named by. */
function identifiersOf({ identifiers, named }: Found, contact: GivenIdentifier): readonly GivenIdentifier[] {
  const proven = identifiers.some((one) => one.verified)
  const own = identifiers.map((one) => (!proven && one === named ? { ...one, verified: true } : one))
  return own.some((one) => one.verified && one.type === contact.type) ? own : [...own, contact]
}

async function newSecret(tx: Tx, id: string): Promise<string> {
  const secret = randomBytes(32).toString('base64url')
  await tx.$client.query('update weir.request set secret_hash = $2 where request_id = $1', [id, hashOfSecret(secret)])
  return secret
}

function codeWrong(): AppError {
  return new AppError('forbidden', 'The code or link does not hold: it is wrong, used, or too old.', {
    code: 'code-wrong',
  })
}

function otherBrowser(): AppError {
  return new AppError('forbidden', 'The link works in the browser that asked: open it there, or ask for a code.', {
    code: 'other-browser',
  })
}

function tooManyTries(wait: number): AppError {
  return new AppError('overloaded', 'Too many codes were tried: wait as long as Retry-After says, or ask anew.', {
    code: 'too-many-tries',
    status: 429,
    retryAfter: Math.ceil(wait / 1000),
  })
}
