import { openDetail } from '../audit/detail.ts'
import type { Db, Tx } from '../db/pool.ts'
import type { JsonObject } from '../event/event.ts'
import { loadSubjectKeys } from '../keys/subject-keys.ts'
import { type OfficerKeys, officerKeys } from '../officers/keys.ts'
import { openRecord, readHeader, type SealPlace, sealRecord } from '../protect/seal.ts'
import type { DisclosureDeps } from './deps.ts'
import { type Ground, isGroundOf } from './request.ts'
import type { Disclosure } from './rows.ts'

/** Sealing context of docs/architecture.md. */
const CONTEXT = 32
const KEY_VERSION = 1
const ONE = new Uint8Array(0) // there is one reason of a request

/** The details of the audit entry about a person: gone with the person. */
export function detailsOf({ reason, salt }: Ground): JsonObject {
  return { reason, salt: salt.toString('base64url') }
}

/** The same under the officers' key, of a request that is about nobody. */
export function sealGround({ seal }: OfficerKeys, id: string, ground: Ground): Buffer {
  const header = { keyVersion: KEY_VERSION, contextId: CONTEXT }
  return sealRecord(seal, place(id), header, Buffer.from(JSON.stringify(detailsOf(ground)), 'utf8'))
}

/**
 * Why, and about whom, proved to be what the request was asked with. Undefined once the person was erased. Throws where
 * a row was exchanged: then it is not what was approved.
 */
export async function openGround(
  deps: Pick<DisclosureDeps, 'keyring'>,
  db: Db | Tx,
  disclosure: Disclosure,
): Promise<Ground | undefined> {
  const { sealedReason, subject, id } = disclosure
  const details =
    sealedReason === undefined
      ? await personsDetails(deps, db, disclosure)
      : JSON.parse(openRecord(officerKeys(deps.keyring.tokenKey).seal, place(id), sealedReason).toString('utf8'))
  if (details === undefined) return undefined
  const { reason, salt } = details as { reason: string; salt: string } // sealed by us
  const ground = { subject, reason, salt: Buffer.from(salt, 'base64url') }
  if (!isGroundOf(disclosure, ground)) throw new TypeError('a request is not about whom it was asked about')
  return ground
}

async function personsDetails(
  { keyring }: Pick<DisclosureDeps, 'keyring'>,
  db: Db | Tx,
  { subject, recordId }: Disclosure,
): Promise<JsonObject | undefined> {
  if (subject === undefined) return undefined
  const { rows } = await db.$client.query<{ commitment: Buffer; sealed: Buffer }>(
    'select commitment, sealed from weir.audit_detail where subject_id = $1 and record_id = $2',
    [subject, recordId],
  )
  if (rows[0] === undefined) return undefined
  const { keyVersion } = readHeader(rows[0].sealed)
  const keys = (await loadSubjectKeys(db, keyring, [{ subject, keyVersion }])).get(subject)
  return keys === undefined ? undefined : openDetail(keys, { subject, ...rows[0] })
}

function place(id: string): SealPlace {
  return { subject: id, table: 'disclosure', group: 'reason', record: ONE }
}
