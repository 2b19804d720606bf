import { randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import type { Db, Tx } from '../db/pool.ts'
import { sqlState } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { Role } from './roles.ts'

export interface ListedServiceKey {
  /** `iss`, `sub` and `kid` of its assertions; `service:<id>` in the audit log. */
  readonly id: string
  readonly role: Role
  readonly createdAt: string
  readonly revokedAt: string | null
}

const UNIQUE = '23505'

/** Registers a machine's public key. Throws AppError conflict where it is known, revoked ones too. As the owner only. */
export async function addServiceKey(
  tx: Tx,
  input: { readonly jwk: JsonObject; readonly role: Role; readonly now: number },
): Promise<string> {
  const id = randomUUID()
  const { kty, crv, x } = input.jwk as JWK
  const jwk = { kty, crv, x } // its other members say nothing that we go by
  const thumbprint = Buffer.from(await calculateJwkThumbprint(jwk as JWK, 'sha256'), 'base64url')
  await tx.$client
    .query(`insert into weir.service_key (key_id, role, jwk, thumbprint, created_at) values ($1, $2, $3, $4, $5)`, [
      id,
      input.role,
      jwk,
      thumbprint,
      new Date(input.now),
    ])
    .catch((cause: unknown) => {
      if (sqlState(cause) !== UNIQUE) throw cause
      throw new AppError('conflict', 'this key is registered, or was: make a new one', { cause })
    })
  return id
}

export async function listServiceKeys(db: Db | Tx): Promise<ListedServiceKey[]> {
  const { rows } = await db.$client.query<{ id: string; role: Role; created: Date; revoked: Date | null }>(
    'select key_id as id, role, created_at as created, revoked_at as revoked from weir.service_key order by created_at, key_id',
  )
  return rows.map(({ id, role, created, revoked }) => ({
    id,
    role,
    createdAt: created.toISOString(),
    revokedAt: revoked?.toISOString() ?? null,
  }))
}

/** Takes effect with the next request. False where no such key is active. */
export async function revokeServiceKey(tx: Tx, id: string, now: number): Promise<boolean> {
  const { rowCount } = await tx.$client.query(
    'update weir.service_key set revoked_at = $2 where key_id = $1 and revoked_at is null',
    [id, new Date(now)],
  )
  return rowCount === 1
}

/** The public key and role of an active key, asked of the database for each request: a revoked one is refused at once. */
export async function findServiceKey(db: Db, id: string): Promise<{ jwk: JsonObject; role: Role } | undefined> {
  const { rows } = await db.$client.query<{ jwk: JsonObject; role: Role }>(
    'select jwk, role from weir.service_key where key_id = $1 and revoked_at is null',
    [id],
  )
  return rows[0]
}
