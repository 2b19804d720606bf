import { createHash } from 'node:crypto'
import { type CanonicalValue, canonicalJson } from '../audit/jcs.ts'
import type { Proof, Removed, Right } from './request.ts'

/** `typ` of the receipt's JWS header (RFC 7515 §4.1.9). */
export const RECEIPT_TYPE = 'erasure-receipt+jwt'
/** `use` of a key in the JWKS that signs the audit log, not receipts (RFC 7517 §4.2 leaves the values open). */
export const LOG_KEY_USE = 'tlog'
/** Raised where the scan looks for more, or elsewhere, than before. */
export const SCAN_VERSION = 1

/**
 * What a receipt says: a compact JWS, `alg` EdDSA, `kid` in /.well-known/jwks.json. It names nobody. Times are ISO 8601 but for `iat`,
 * which is in seconds since 1970. A member that is not known yet is not there.
 */
export interface ReceiptClaims {
  /** The gateway's public URL. */
  readonly iss: string
  /** Random UUID of this receipt: an issue with later states of recipients has another one. */
  readonly jti: string
  readonly iat: number
  readonly request_id: string
  readonly regime: string
  readonly right: Right
  readonly received_at: string
  readonly completed_at: string
  /** How it was proved who asked: the method, not the data. */
  readonly verified_by: Proof
  /** commitmentOf(salt, identifier), one for each identifier; a list where there are several. Only the person has the salt. */
  readonly subject_commitment: string | readonly string[]
  readonly actions: readonly ReceiptAction[]
  readonly retained: readonly ReceiptRetained[]
  readonly destinations: readonly ReceiptDestination[]
  readonly models: readonly ReceiptModel[]
  /** From when on no copy of the database can be opened any more, by the schedule of the key epochs. */
  readonly horizon: string
  /** When the last backup of the database that was made before is deleted; null where Weir does not know. */
  readonly backups_expire_at: string | null
  readonly scan: ReceiptScan
  readonly files_scan: FilesScan
  /** Sealed bytes taken before the erasure, tried with every key there is. */
  readonly sample: { readonly tried: number; readonly opened: 0 }
  /** SHA-256 of the receipt issued before, base64url; null for the first. */
  readonly prev: string | null
  readonly log: ReceiptLog
}

export interface ReceiptAction {
  /** `weir.sealed`, `module:recommendation`… */
  readonly store: string
  readonly class: string
  readonly action: Removed['action']
  readonly count_bucket: CountBucket
}

export interface ReceiptRetained {
  readonly class: string
  /** The law as the policy names it, or the authority of a hold. */
  readonly ground: string
  /** Day, YYYY-MM-DD. */
  readonly until: string
}

/** `waiting`: not sent yet; `failed`: given up, a person must be told. There is no single word for all of it. */
export type DestinationState = 'waiting' | 'sent' | 'acknowledged' | 'verified-gone' | 'failed'

export interface ReceiptDestination {
  /** The recipient's name in the policy. */
  readonly id: string
  readonly protocol: string
  readonly state: DestinationState
  /** SHA-256 of the recipient's answer, hex. */
  readonly ack_sha256?: string
}

export interface ReceiptModel {
  /** Of the hosted module. */
  readonly name: string
  readonly method: 'exact_subtract' | 'rebuild'
  /** Whether its digest was compared with a rebuild without the person, and was the same. */
  readonly verified: boolean
}

export interface ReceiptScan {
  readonly at: string
  readonly version: number
  readonly columns: number
  /** There is no receipt with another number. */
  readonly hits: 0
}

/** The search of the database's own files, logs and spool; `out-of-reach`: another machine has them. */
export type FilesScan =
  | { readonly state: 'done'; readonly at: string }
  | { readonly state: 'pending' }
  | { readonly state: 'out-of-reach' }

/** Where the audit log has the entry whose `receipt_sha256` is loggedDigest of these claims. */
export interface ReceiptLog {
  readonly origin: string
  /** Within its shard. */
  readonly index: number
  /** Hash of the leaf, base64. */
  readonly leaf: string
  /** The signed checkpoint with the lines of its witnesses (C2SP tlog-checkpoint). */
  readonly checkpoint: string
  /** C2SP tlog-proof@v1 as text, the entry's body as its extra data. */
  readonly proof: string
}

/** What the entry in the log has of a receipt, as `receipt_sha256`: all claims but those of the log, which come after. Hex. */
export function loggedDigest(claims: Omit<ReceiptClaims, 'log'>): string {
  const { log: _, ...rest } = claims as ReceiptClaims
  return createHash('sha256')
    .update(canonicalJson(rest as unknown as CanonicalValue), 'utf8')
    .digest('hex')
}

/**
 * SHA-256(salt ‖ identifier in UTF-8), base64url. The salt is 32 random bytes, given in base64url; the identifier is
 * taken as the person gave it, without blanks around it.
 */
export function commitmentOf(salt: string, identifier: string): string {
  return createHash('sha256')
    .update(Buffer.from(salt, 'base64url'))
    .update(identifier.trim(), 'utf8')
    .digest('base64url')
}

export type CountBucket = '0' | '1-9' | '10-99' | '100-999' | '1000+'

/** How many there were, roughly: an exact number of rows could tell whose receipt it is. */
export function countBucket(count: number): CountBucket {
  if (count <= 0) return '0'
  if (count < 10) return '1-9'
  if (count < 100) return '10-99'
  return count < 1000 ? '100-999' : '1000+'
}
