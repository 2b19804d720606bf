import { createPublicKey, timingSafeEqual } from 'node:crypto'
import { compactVerify, importJWK, type JWK } from 'jose'
import { FormatError } from '../audit/format-error.ts'
import { parseNote } from '../audit/note.ts'
import { parseTlogProof, verifyTlogProof } from '../audit/tlog-proof.ts'
import { leafHash } from '../audit/tree.ts'
import { COSIGNATURE, ED25519, type VerifierKey, verifierKey } from '../audit/verifier-key.ts'
import { commitmentOf, LOG_KEY_USE, loggedDigest, RECEIPT_TYPE, type ReceiptClaims } from './receipt-claims.ts'
import { receiptSchema } from './receipt-schema.ts'

/** Why a receipt is not to be believed. */
export type ReceiptProblem =
  | 'malformed' // no compact JWS, or claims that are none of a receipt
  | 'type' // a token of another kind, or an algorithm that receipts never have
  | 'unknown-key' // signed by nobody whom the keys name
  | 'signature'
  | 'times' // issued in the future, or in an order that cannot be
  | 'log-proof' // the log's signature, or the entry's place in it
  | 'log-entry' // the entry that is proved is not one of these claims
  | 'not-yours' // of none of the identifiers that were given

export interface ReceiptCheck {
  readonly ok: boolean
  readonly problems: readonly ReceiptProblem[]
  /** Absent where nothing can be believed of it. */
  readonly claims?: ReceiptClaims
  /** `proved`: a key of the log signed a tree that has the entry; `no-key`: none of the log's was given. */
  readonly log: 'proved' | 'no-key' | 'wrong'
  /** Outside witnesses whose key was given, and when they saw it. ISO 8601. */
  readonly witnesses: readonly { readonly name: string; readonly at: string }[]
  /** Witnesses that the receipt names and whose key was not given: not looked at. */
  readonly unchecked: readonly string[]
  /** Whether one of the identifiers that were given is this receipt's; absent where none was. */
  readonly yours?: boolean
}

export interface VerifyReceiptOptions {
  /** As /.well-known/jwks.json has them; of the log those with `use` tlog. */
  readonly jwks: { readonly keys: readonly unknown[] }
  readonly witnesses?: readonly VerifierKey[]
  /** Milliseconds since 1970. */
  readonly now: number
  /** The salt that the person was told, and what they think that it was about. */
  readonly person?: { readonly salt: string; readonly identifiers: readonly string[] }
}

const SKEW_MS = 300_000

/** Checks a receipt with nothing but keys: no network, no database. Never throws for what is in it. */
export async function verifyReceipt(jws: string, options: VerifyReceiptOptions): Promise<ReceiptCheck> {
  const opened = await openReceipt(jws.trim(), options.jwks)
  if (!('claims' in opened)) {
    return { ok: false, problems: [opened.problem], log: 'no-key', witnesses: [], unchecked: [] }
  }
  const { claims } = opened
  const problems: ReceiptProblem[] = areTimesPossible(claims, options.now) ? [] : ['times']
  const log = checkLog(claims, options)
  problems.push(...log.problems)
  const yours = options.person && isOf(claims, options.person)
  if (yours === false) problems.push('not-yours')
  const { state, witnesses, unchecked } = log
  const found = { ok: problems.length === 0, problems, claims, log: state, witnesses, unchecked }
  return yours === undefined ? found : { ...found, yours }
}

type Opened = { readonly claims: ReceiptClaims } | { readonly problem: ReceiptProblem }

async function openReceipt(jws: string, { keys }: VerifyReceiptOptions['jwks']): Promise<Opened> {
  const header = headerOf(jws)
  if (header === undefined) return { problem: 'malformed' }
  // The type keeps other tokens under the same key from passing for a receipt (RFC 8725 §3.11); the algorithm is ours to say.
  if (header.typ !== RECEIPT_TYPE || header.alg !== 'EdDSA') return { problem: 'type' }
  const jwk = keys.find((one): one is JWK => isEd25519(one) && one.use !== LOG_KEY_USE && one.kid === header.kid)
  if (jwk === undefined) return { problem: 'unknown-key' }
  let payload: Uint8Array
  try {
    payload = (await compactVerify(jws, await importJWK(jwk, 'EdDSA'), { algorithms: ['EdDSA'] })).payload
  } catch {
    return { problem: 'signature' }
  }
  const parsed = receiptSchema.safeParse(parseJson(Buffer.from(payload).toString('utf8')))
  return parsed.success ? { claims: parsed.data as unknown as ReceiptClaims } : { problem: 'malformed' }
}

function headerOf(jws: string): { typ?: unknown; alg?: unknown; kid?: unknown } | undefined {
  const parts = jws.split('.')
  if (parts.length !== 3) return undefined
  const header = parseJson(Buffer.from(parts[0]!, 'base64url').toString('utf8'))
  return typeof header === 'object' && header !== null ? header : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isEd25519(value: unknown): value is JWK & { x: string } {
  if (typeof value !== 'object' || value === null) return false
  const { kty, crv, x } = value as JWK
  return kty === 'OKP' && crv === 'Ed25519' && typeof x === 'string'
}

/** Asked, then scanned, then completed, then signed, and not after now. */
function areTimesPossible({ iat, received_at, completed_at, scan }: ReceiptClaims, now: number): boolean {
  const [received, scanned, completed] = [received_at, scan.at, completed_at].map((one) => Date.parse(one))
  return (
    received! <= completed! + SKEW_MS &&
    scanned! <= completed! + SKEW_MS &&
    completed! <= iat * 1000 + SKEW_MS &&
    iat * 1000 <= now + SKEW_MS
  )
}

interface LogCheck {
  readonly state: ReceiptCheck['log']
  readonly problems: readonly ReceiptProblem[]
  readonly witnesses: ReceiptCheck['witnesses']
  readonly unchecked: readonly string[]
}

/** Whether the log that signed has an entry with the digest of these claims. */
function checkLog(claims: ReceiptClaims, { jwks, witnesses = [] }: VerifyReceiptOptions): LogCheck {
  const nobody = { witnesses: [], unchecked: [] }
  try {
    const { extra, index, note } = parseTlogProof(claims.log.proof)
    const isSame =
      extra !== undefined &&
      Number(index) === claims.log.index &&
      note === claims.log.checkpoint &&
      leafHash(extra).toString('base64') === claims.log.leaf
    if (!isSame || !isEntryOf(extra, claims)) return { state: 'wrong', problems: ['log-entry'], ...nobody }
    const keys = logKeys(jwks, claims.log.origin)
    const unchecked = namesIn(note).filter(
      (name) => name !== claims.log.origin && witnesses.every((one) => one.name !== name),
    )
    if (keys.length === 0) return { state: 'no-key', problems: [], witnesses: [], unchecked }
    const known = witnesses.filter(({ type }) => type === COSIGNATURE)
    const result = verifyTlogProof(claims.log.proof, { log: keys, witnesses: known })
    if (result.outcome !== 'valid') return { state: 'wrong', problems: ['log-proof'], ...nobody }
    const seen = result.cosigned.map(({ key, timestamp = 0 }) => ({
      name: key.name,
      at: new Date(timestamp * 1000).toISOString(),
    }))
    return { state: 'proved', problems: [], witnesses: seen, unchecked }
  } catch (error) {
    if (error instanceof FormatError) return { state: 'wrong', problems: ['log-proof'], ...nobody }
    throw error
  }
}

function isEntryOf(entry: Uint8Array, claims: ReceiptClaims): boolean {
  const body = parseJson(Buffer.from(entry).toString('utf8'))
  if (typeof body !== 'object' || body === null) return false
  const { receipt_sha256, resource } = body as { receipt_sha256?: unknown; resource?: unknown }
  return receipt_sha256 === loggedDigest(claims) && resource === `request:${claims.request_id}`
}

/** The log signs every year's shard under another name, with one key; the name begins with who issued the receipt. */
function logKeys({ keys }: VerifyReceiptOptions['jwks'], origin: string): VerifierKey[] {
  return keys.flatMap((one) => {
    if (!isEd25519(one) || one.use !== LOG_KEY_USE) return []
    const { kty, crv, x } = one
    return [
      verifierKey(origin, createPublicKey({ key: { kty, crv, x } as JWK & { kty: string }, format: 'jwk' }), ED25519),
    ]
  })
}

function namesIn(note: string): string[] {
  return [...new Set(parseNote(note).lines.map(({ name }) => name))]
}

function isOf(
  { subject_commitment }: ReceiptClaims,
  { salt, identifiers }: NonNullable<VerifyReceiptOptions['person']>,
): boolean {
  const known = [subject_commitment].flat().map((one) => Buffer.from(one))
  return identifiers.some((identifier) => {
    const own = Buffer.from(commitmentOf(salt, identifier))
    return known.some((one) => one.length === own.length && timingSafeEqual(one, own))
  })
}
