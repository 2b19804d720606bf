import type { Tx } from '../../db/pool.ts'
import { AppError } from '../../errors.ts'
import type { JsonObject } from '../../event/event.ts'
import type { SubjectId } from '../../event/ids.ts'
import type { DownloadInput } from '../../http/exports-api.ts'
import { secretHash } from '../../identity/blind-index.ts'
import type { IdentifierType } from '../../identity/normalise.ts'
import { present } from '../../identity/present.ts'
import { indexText, type Node, readNodes } from '../../identity/read.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { askingKeys, same } from '../asking-keys.ts'
import type { Proof, Request } from '../request.ts'
import { type Budget, TRIED_FROM, take } from '../throttle.ts'
import { proofOf, readProofs, useProof } from '../verify/proofs.ts'
import { checkSession } from '../verify/session-token.ts'

/** Tries for one request: three downloads, each with a few slips of the finger. */
const TRIED_DOWNLOAD: Budget = { name: 'tried-download', limit: 12, ms: 7 * 86_400_000 }

export interface ProvingDeps {
  readonly keyring: Keyring
  readonly publicUrl: string
  readonly now: () => number
}

export interface Again {
  readonly request: Request
  /** Whose data it is. */
  readonly subjects: readonly SubjectId[]
  readonly shown: DownloadInput
  /** Public keys of the shops. */
  readonly shops: readonly JsonObject[]
}

/** By what it was proved; or why it was not, told after the commit, so that the try stays counted. */
export type ProvedAgain = { readonly by: Proof } | { readonly error: AppError }

/**
 * Whoever has the request's secret followed it; that they are the person is proved again before anything is handed out,
 * since a link may be forwarded and a browser left open (EDPB 01/2022 §65). Run it inside withCurrentIndex.
 */
export async function proveAgain(tx: Tx, deps: ProvingDeps, again: Again): Promise<ProvedAgain> {
  const { shown, request } = again
  const now = deps.now()
  const { throttle } = askingKeys(deps.keyring.tokenKey)
  const waits = [
    await take(tx, throttle, TRIED_DOWNLOAD, [request.id], now),
    await take(tx, throttle, TRIED_FROM, [shown.addressPrefix], now),
  ]
  const wait = Math.max(...waits)
  if (wait > 0) return { error: tooMany(wait) }
  if (shown.subjectToken !== undefined) return byToken(tx, deps, again, shown.subjectToken)
  if (shown.code !== undefined) return byCode(tx, deps, again, shown.code)
  if (shown.anonymousId !== undefined && shown.anonymousSecret !== undefined) {
    return byDevice(tx, deps, again, { id: shown.anonymousId, secret: shown.anonymousSecret })
  }
  return { error: proveOnce('Prove once more who you are: a subject token, a code, or your device.') }
}

async function byToken(
  tx: Tx,
  { keyring, publicUrl, now }: ProvingDeps,
  { request, subjects, shops }: Again,
  token: string,
): Promise<ProvedAgain> {
  const checked = await checkSession(token, { right: request.right, publicUrl, now: now(), keys: shops }).catch(
    (error: unknown) => {
      if (error instanceof AppError) return error
      throw error
    },
  )
  if (checked instanceof AppError) return { error: checked }
  const node = await nodeOf(tx, keyring, 'user_id', checked.user)
  if (node === undefined || !subjects.includes(node.subject)) return { error: notTheirs() }
  const { rowCount } = await tx.$client.query(
    `insert into weir.request_token (token_hash, expires_at, used_at) values ($1, $2, clock_timestamp())
     on conflict (token_hash) do nothing`,
    [checked.once, new Date(checked.expiresAt)],
  )
  return rowCount === 1 ? { by: 'session-token' } : { error: proveOnce('The subject token was used already.') }
}

async function byCode(tx: Tx, { keyring, now }: ProvingDeps, { request }: Again, code: string): Promise<ProvedAgain> {
  const proof = proofOf(askingKeys(keyring.tokenKey), await readProofs(tx, request.id), { code })
  const isGood = proof !== undefined && proof.usedAt === undefined && proof.expiresAt > now()
  if (isGood && (await useProof(tx, proof.id, now()))) return { by: proof.way }
  return { error: codeWrong() }
}

/** A device reaches what it sent itself: so far, and no further, did the request reach that it proved. */
async function byDevice(
  tx: Tx,
  { keyring }: ProvingDeps,
  { request, subjects }: Again,
  device: { readonly id: string; readonly secret: string },
): Promise<ProvedAgain> {
  if (request.verifiedBy !== 'device-secret') return { error: notTheirs() }
  const node = await nodeOf(tx, keyring, 'anonymous_id', device.id)
  const stored = node?.secretHash
  const isOwn =
    node !== undefined &&
    stored !== undefined &&
    subjects.includes(node.subject) &&
    same(stored, secretHash(keyring.tokenKey, device.id, device.secret))
  return isOwn ? { by: 'device-secret' } : { error: notTheirs() }
}

async function nodeOf(tx: Tx, keyring: Keyring, type: IdentifierType, value: string): Promise<Node | undefined> {
  const presented = present(keyring, type, value)
  return presented && (await readNodes(tx, [presented])).get(indexText(presented.key))
}

function notTheirs(): AppError {
  return proveOnce('What was shown does not prove that this is the person whose request it is.')
}

function proveOnce(message: string): AppError {
  return new AppError('forbidden', message, { code: 'prove-again' })
}

function codeWrong(): AppError {
  return new AppError('forbidden', 'The code does not hold: it is wrong, used, or too old.', { code: 'code-wrong' })
}

function tooMany(wait: number): AppError {
  return new AppError('overloaded', 'Too many tries: wait as long as Retry-After says, or ask anew.', {
    code: 'too-many-tries',
    status: 429,
    retryAfter: Math.ceil(wait / 1000),
  })
}
