import { randomUUID } from 'node:crypto'
import type { Db, Tx } from '../../db/pool.ts'
import { type AskingKeys, keyed, same } from '../asking-keys.ts'
import type { Way } from './levels.ts'

/** A link or a code that was made to be sent. */
export interface ProofRow {
  readonly id: string
  readonly request: string
  readonly way: Way
  readonly hash: Buffer
  readonly browser: Buffer | undefined
  readonly expiresAt: number
  readonly usedAt: number | undefined
}

const CODE_MS = 15 * 60_000
const LINK_MS = 24 * 3_600_000 // 256 random bits, good in one browser; mail takes its time

/** How long a link or a code is good once it was sent, in milliseconds. */
export function goodFor(way: Way): number {
  return way === 'mail-link' ? LINK_MS : CODE_MS
}

// No 0 and O, 1, I and L, U (which makes words): 30 characters, 39 bits.
const LETTERS = '23456789ABCDEFGHJKMNPQRSTVWXYZ'

/**
 * The link's token (256 bits) or the code (8 characters by mail, 6 digits by SMS) of a proof: made from its random number
 * under a key of its own whenever it is sent, so that it lies nowhere.
 */
export function tokenOf({ made }: AskingKeys, { id, way }: Pick<ProofRow, 'id' | 'way'>): string {
  const bytes = keyed(made, way, id)
  if (way === 'mail-link') return bytes.toString('base64url')
  if (way === 'sms-code') return (bytes.readBigUInt64BE() % 1_000_000n).toString().padStart(6, '0')
  let rest = bytes.readBigUInt64BE()
  let code = ''
  for (let i = 0; i < 8; i++) {
    code += LETTERS[Number(rest % 30n)]
    rest /= 30n
  }
  return code
}

/** What people type: blanks and hyphens mean nothing, small letters are large ones. */
export function readCode(typed: string): string {
  return typed.replaceAll(/[\s-]/g, '').toUpperCase()
}

function kept({ kept: key }: AskingKeys, { id, way }: Pick<ProofRow, 'id' | 'way'>, token: string): Buffer {
  return keyed(key, way, id, token)
}

/** Keyed hash of what only the browser knows that asked. */
export function browserHash({ kept: key }: AskingKeys, nonce: string): Buffer {
  return keyed(key, 'browser', nonce)
}

/** Makes a link or a code; those that were made before for the request are good no more. */
export async function makeProof(
  tx: Tx,
  keys: AskingKeys,
  made: { readonly request: string; readonly way: Way; readonly browser: Buffer | undefined; readonly now: number },
): Promise<string> {
  const { request, way, browser, now } = made
  const id = randomUUID()
  await tx.$client.query('delete from weir.request_proof where request_id = $1 and used_at is null', [request])
  await tx.$client.query(
    `insert into weir.request_proof (proof_id, request_id, kind, code_hash, browser_hash, expires_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      id,
      request,
      way,
      kept(keys, { id, way }, tokenOf(keys, { id, way })),
      browser ?? null,
      new Date(now + goodFor(way)),
    ],
  )
  return id
}

export async function readProofs(db: Db | Tx, request: string): Promise<ProofRow[]> {
  const { rows } = await db.$client.query<{
    proof_id: string
    kind: Way
    code_hash: Buffer
    browser_hash: Buffer | null
    expires_at: Date
    used_at: Date | null
  }>(
    `select proof_id, kind, code_hash, browser_hash, expires_at, used_at from weir.request_proof
     where request_id = $1 order by proof_id`,
    [request],
  )
  return rows.map((row) => ({
    id: row.proof_id,
    request,
    way: row.kind,
    hash: row.code_hash,
    browser: row.browser_hash ?? undefined,
    expiresAt: row.expires_at.getTime(),
    usedAt: row.used_at?.getTime(),
  }))
}

/** The proof that a token or code is of, used and old ones too. Each is compared in constant time. */
export function proofOf(
  keys: AskingKeys,
  proofs: readonly ProofRow[],
  shown: { readonly token: string } | { readonly code: string },
): ProofRow | undefined {
  const isLink = 'token' in shown
  const text = isLink ? shown.token : readCode(shown.code)
  let found: ProofRow | undefined
  for (const proof of proofs) {
    if ((proof.way === 'mail-link') === isLink && same(kept(keys, proof, text), proof.hash)) found = proof
  }
  return found
}

/** False where it was used meanwhile. */
export async function useProof(tx: Tx, id: string, now: number): Promise<boolean> {
  const { rowCount } = await tx.$client.query(
    'update weir.request_proof set used_at = $2, tries = tries + 1 where proof_id = $1 and used_at is null',
    [id, new Date(now)],
  )
  return rowCount === 1
}

/** A code is good from when it was sent, not from when it was made: mail may wait for a server. */
export async function proofSentNow(db: Db | Tx, id: string, now: number): Promise<ProofRow | undefined> {
  const { rows } = await db.$client.query<{ request_id: string; kind: Way; used_at: Date | null }>(
    'select request_id, kind, used_at from weir.request_proof where proof_id = $1',
    [id],
  )
  const [row] = rows
  if (row === undefined || row.used_at !== null) return undefined
  const expiresAt = now + goodFor(row.kind)
  await db.$client.query('update weir.request_proof set expires_at = $2 where proof_id = $1', [id, new Date(expiresAt)])
  return (await readProofs(db, row.request_id)).find((one) => one.id === id)
}
