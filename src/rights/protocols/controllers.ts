import { hash, randomBytes, randomUUID } from 'node:crypto'
import type { Db, Tx } from '../../db/pool.ts'
import { openSecret, sealSecret } from '../../destinations/sealed-secret.ts'
import { AppError } from '../../errors.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { DoorProtocol } from './door.ts'
import type { UserIdForm } from './shopify.ts'

export interface NewController {
  readonly name: string
  readonly protocol: DoorProtocol
  /** Shopify's app secret. */
  readonly secret?: string
  readonly userIds?: UserIdForm
  /** Hosts, with a port where it is not the usual one, that an OpenDSR controller may be called back at. */
  readonly callbackHosts?: readonly string[]
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/
const UNIQUE = { code: 'controller-exists' }

/**
 * Lets a system send requests in. An OpenDSR controller gets a bearer token of 256 random bits, answered once and kept as
 * its SHA-256; Shopify's own secret is kept sealed. As the owner. Throws AppError invalid, conflict `controller-exists`.
 */
export async function addController(
  tx: Tx,
  { tokenKey }: Pick<Keyring, 'tokenKey'>,
  { name, protocol, secret, userIds = 'plain', callbackHosts = [] }: NewController,
): Promise<{ readonly token?: string }> {
  if (!NAME.test(name)) {
    throw new AppError('invalid', 'a name is at most 63 of a-z, 0-9, dot, underscore and hyphen')
  }
  if (callbackHosts.some((host) => !isHost(host))) {
    throw new AppError('invalid', 'a callback host is a host, with a port where it is not 443: crm.example')
  }
  const id = randomUUID()
  const token = protocol === 'opendsr' ? `wc_${randomBytes(32).toString('base64url')}` : undefined
  const { rowCount } = await tx.$client.query(
    `insert into weir.request_controller (controller_id, protocol, name, secret_hash, secret, user_ids, callback_hosts)
     select $1, $2, $3, $4, $5, $6, $7
     where not exists (select from weir.request_controller where protocol = $2 and name = $3)`,
    [
      id,
      protocol,
      name,
      token === undefined ? null : hash('sha256', token, 'buffer'),
      secret === undefined ? null : sealSecret(tokenKey, { table: 'request_controller', id }, secret),
      userIds,
      [...callbackHosts],
    ],
  )
  if (rowCount === 0)
    throw new AppError('conflict', 'there is, or was, a controller of this name: take another', UNIQUE)
  return token === undefined ? {} : { token }
}

function isHost(text: string): boolean {
  return URL.canParse(`https://${text}`) && new URL(`https://${text}`).host === text
}

/** Takes effect with the next request. False where none of this name is active. */
export async function revokeController(tx: Tx, protocol: DoorProtocol, name: string): Promise<boolean> {
  const { rowCount } = await tx.$client.query(
    `update weir.request_controller set revoked_at = clock_timestamp(), secret = null
     where protocol = $1 and name = $2 and revoked_at is null`,
    [protocol, name],
  )
  return rowCount === 1
}

/** As an operator sees it: never a secret. */
export interface ListedController {
  readonly name: string
  readonly protocol: DoorProtocol
  readonly userIds: UserIdForm
  readonly callbackHosts: readonly string[]
  readonly madeAt: string
  readonly revokedAt: string | null
}

export async function listControllers(db: Db | Tx): Promise<ListedController[]> {
  const { rows } = await db.$client.query<Row & { made_at: Date; revoked_at: Date | null; protocol: DoorProtocol }>(
    'select * from weir.request_controller order by protocol, name',
  )
  return rows.map((row) => ({
    name: row.name,
    protocol: row.protocol,
    userIds: row.user_ids,
    callbackHosts: row.callback_hosts,
    madeAt: row.made_at.toISOString(),
    revokedAt: row.revoked_at?.toISOString() ?? null,
  }))
}

export interface OpenDsrController {
  readonly name: string
  readonly callbackHosts: readonly string[]
}

/** Who holds this bearer token, asked of the database for each request: a revoked one is refused at once. */
export async function findByToken(db: Db, token: string): Promise<OpenDsrController | undefined> {
  const { rows } = await db.$client.query<Row>(
    `select * from weir.request_controller where protocol = 'opendsr' and secret_hash = $1 and revoked_at is null`,
    [hash('sha256', token, 'buffer')],
  )
  return rows[0] && { name: rows[0].name, callbackHosts: rows[0].callback_hosts }
}

export interface ShopifyController {
  readonly name: string
  readonly userIds: UserIdForm
  readonly secret: string
}

/** Every Shopify app that may send: which of them did, its signature says. */
export async function shopifyControllers(
  db: Db,
  { tokenKey }: Pick<Keyring, 'tokenKey'>,
): Promise<readonly ShopifyController[]> {
  const { rows } = await db.$client.query<Row>(
    `select * from weir.request_controller where protocol = 'shopify' and revoked_at is null and secret is not null order by name`,
  )
  return rows.map((row) => ({
    name: row.name,
    userIds: row.user_ids,
    secret: openSecret(tokenKey, { table: 'request_controller', id: row.controller_id }, row.secret!),
  }))
}

interface Row {
  controller_id: string
  name: string
  user_ids: UserIdForm
  callback_hosts: string[]
  secret: Buffer | null
}
