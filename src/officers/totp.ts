import { randomBytes } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'
import type { Db, Tx } from '../db/pool.ts'
import type { Role } from './roles.ts'

const PERIOD_S = 30
const SEED_BYTES = 20 // RFC 4226 §4 R6: 160 bits are recommended

export function newSeed(): Buffer {
  return randomBytes(SEED_BYTES)
}

/** What an authenticator app reads, as text or QR code. It names the role and the account's number, never an address. */
export function totpUri(seed: Uint8Array, officer: { readonly id: string; readonly role: Role }): string {
  return totp(seed, officerLabel(officer)).toString()
}

/** What stands for an officer where an authenticator shows a name. */
export function officerLabel({ id, role }: { readonly id: string; readonly role: Role }): string {
  return `${role}-${id.slice(0, 8)}`
}

/** The step that the code is of: the one of `now` (milliseconds), or one before or after it (RFC 6238 §5.2). */
export function stepOf(seed: Uint8Array, code: string, now: number): number | undefined {
  const token = code.replaceAll(' ', '')
  if (!/^\d{6}$/.test(token)) return undefined
  const delta = totp(seed, '').validate({ token, timestamp: now, window: 1 })
  return delta === null ? undefined : Math.floor(now / 1000 / PERIOD_S) + delta
}

/**
 * Takes a step for good: false where it, or a later one, was taken before (RFC 6238 §5.2), also by a request at the
 * same time. Without a step nothing is taken and as much is done.
 */
export async function takeStep(db: Db | Tx, officer: string, step: number | undefined): Promise<boolean> {
  const { rowCount } = await db.$client.query(
    'update weir.officer set totp_step = $2 where officer_id = $1 and totp_step < $2 and $3 and disabled_at is null',
    [officer, step ?? 0, step !== undefined],
  )
  return rowCount === 1
}

function totp(seed: Uint8Array, label: string): TOTP {
  return new TOTP({
    issuer: 'Weir',
    label,
    algorithm: 'SHA1', // what every app reads; HMAC does not rest on collisions
    digits: 6,
    period: PERIOD_S,
    secret: new Secret({ buffer: Uint8Array.from(seed).buffer }),
  })
}
