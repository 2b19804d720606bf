import type { KeyObject } from 'node:crypto'
import { expandKey } from '../protect/expand.ts'
import { lpConcat } from '../protect/layouts.ts'
import { openRecord, sealRecord } from '../protect/seal.ts'

/** Whose secret it is: a row of a table, by a UUID. */
export interface SecretPlace {
  readonly table: 'recipient_endpoint' | 'request_controller'
  readonly id: string
}

/** Sealing contexts of docs/architecture.md. */
const CONTEXT = { recipient_endpoint: 49, request_controller: 50 } as const
const KEY_VERSION = 1
const GROUP = 'secret'

/** HKDF-Expand(token key, LP("gw/v1/foreign-secret") ‖ LP(table)) */
function keyOf(tokenKey: KeyObject, table: string): KeyObject {
  return expandKey(tokenKey, lpConcat('gw/v1/foreign-secret', table))
}

/** Seals what another system and Weir both know: it is needed in clear to sign or to check with, so that a hash will not do. */
export function sealSecret(tokenKey: KeyObject, { table, id }: SecretPlace, secret: string): Buffer {
  const place = { subject: id, table, group: GROUP, record: Buffer.from(table, 'utf8') }
  const header = { keyVersion: KEY_VERSION, contextId: CONTEXT[table] }
  return sealRecord(keyOf(tokenKey, table), place, header, Buffer.from(secret, 'utf8'))
}

/** Throws ProtectError where it is another row's. */
export function openSecret(tokenKey: KeyObject, { table, id }: SecretPlace, sealed: Uint8Array): string {
  const place = { subject: id, table, group: GROUP, record: Buffer.from(table, 'utf8') }
  return openRecord(keyOf(tokenKey, table), place, sealed).toString('utf8')
}
