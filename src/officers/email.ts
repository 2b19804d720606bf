import { createHmac, type KeyObject } from 'node:crypto'
import { normaliseEmail } from '../identity/normalise-email.ts'
import { lpConcat } from '../protect/layouts.ts'
import { openRecord, type SealPlace, sealRecord } from '../protect/seal.ts'
import type { OfficerKeys } from './keys.ts'

/** Sealing contexts of docs/architecture.md. */
const EMAIL_CONTEXT = 30
const TOTP_CONTEXT = 31
const KEY_VERSION = 1
const ONE = new Uint8Array(0) // there is one record of each for an officer

/** The address as it is indexed, or undefined where it is none. */
export function normalisedEmail(email: string): string | undefined {
  const normalised = normaliseEmail(email, { foldGmail: false })
  return normalised.ok ? normalised.value : undefined
}

/**
 * What an account is found by: HMAC-SHA-256(key, LP("gw/v1/officer/email") ‖ LP(address))[:16]. What is no address gets
 * an index too, which no account has: a login with one costs as much as any other.
 */
export function emailIndex(key: KeyObject, email: string): Buffer {
  const normalised = normalisedEmail(email)
  const parts = normalised === undefined ? ['gw/v1/officer/none', email] : ['gw/v1/officer/email', normalised]
  return createHmac('sha256', key)
    .update(lpConcat(...parts))
    .digest()
    .subarray(0, 16)
}

export function sealEmail({ seal }: OfficerKeys, officer: string, email: string): Buffer {
  return sealRecord(seal, place(officer, 'email'), header(EMAIL_CONTEXT), Buffer.from(email, 'utf8'))
}

/** Throws ProtectError where it was sealed for another officer or under another key. */
export function openEmail({ seal }: OfficerKeys, officer: string, sealed: Uint8Array): string {
  return openRecord(seal, place(officer, 'email'), sealed).toString('utf8')
}

export function sealSeed({ seal }: OfficerKeys, officer: string, seed: Uint8Array): Buffer {
  return sealRecord(seal, place(officer, 'totp'), header(TOTP_CONTEXT), seed)
}

/** Throws ProtectError where it was sealed for another officer or under another key. */
export function openSeed({ seal }: OfficerKeys, officer: string, sealed: Uint8Array): Buffer {
  return openRecord(seal, place(officer, 'totp'), sealed)
}

function place(subject: string, group: string): SealPlace {
  return { subject, table: 'officer', group, record: ONE }
}

function header(contextId: number): { keyVersion: number; contextId: number } {
  return { keyVersion: KEY_VERSION, contextId }
}
