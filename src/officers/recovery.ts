import { createHmac, type KeyObject, randomBytes } from 'node:crypto'
import type { Db, Tx } from '../db/pool.ts'
import { lpConcat, uuidBytes } from '../protect/layouts.ts'

const CODES = 10
const CODE_BYTES = 13 // 104 random bits: too many to guess, so a fast keyed hash keeps them
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz' // Crockford's base 32: no i, l, o, u

/** Replaces an officer's recovery codes. They are shown once; only their keyed hashes are kept. */
export async function renewRecoveryCodes(tx: Tx, key: KeyObject, officer: string): Promise<string[]> {
  const codes = Array.from({ length: CODES }, newCode)
  await tx.$client.query('delete from weir.officer_recovery where officer_id = $1', [officer])
  await tx.$client.query('insert into weir.officer_recovery (officer_id, code_hash) select $1, unnest($2::bytea[])', [
    officer,
    codes.map((code) => codeHash(key, officer, code)),
  ])
  return codes
}

/** Uses a code up: false where it is none of the officer's, or was used, also by a request at the same time. */
export async function takeRecoveryCode(db: Db | Tx, key: KeyObject, officer: string, code: string): Promise<boolean> {
  const { rowCount } = await db.$client.query(
    'delete from weir.officer_recovery where officer_id = $1 and code_hash = $2',
    [officer, codeHash(key, officer, code)],
  )
  return rowCount === 1
}

export async function recoveryCodesLeft(db: Db | Tx, officer: string): Promise<number> {
  const { rows } = await db.$client.query<{ left: number }>(
    'select count(*)::integer as left from weir.officer_recovery where officer_id = $1',
    [officer],
  )
  return rows[0]!.left
}

/** Four groups of five, lower case: `7k3mq-0v8xd-…`. */
function newCode(): string {
  const bytes = randomBytes(CODE_BYTES)
  let bits = 0n
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte)
  const letters = Array.from({ length: 20 }, (_, i) => ALPHABET[Number((bits >> BigInt(i * 5)) & 31n)])
  return letters.join('').replace(/.{5}(?=.)/g, '$&-')
}

/** What people type for what they read: capitals, spaces, and the letters that Crockford's alphabet leaves out. */
function codeHash(key: KeyObject, officer: string, code: string): Buffer {
  const typed = code.toLowerCase().replace(/[\s-]/g, '').replaceAll('o', '0').replace(/[il]/g, '1')
  return createHmac('sha256', key)
    .update(lpConcat('gw/v1/officer/recovery', uuidBytes(officer), typed.slice(0, 64)))
    .digest()
}
