import type { Db, Tx } from '../db/pool.ts'
import type { Json } from '../event/event.ts'
import { subjectId } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import { loadSubjectKeys } from '../keys/subject-keys.ts'
import { openRecord, sealRecord } from '../protect/seal.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'

/**
 * What a request, a message to a recipient or a statutory remainder says lies under a key of its own: a row of
 * weir.subject_key under its id, wrapped by the key epoch like a person's, so that it is rolled with them, is in no
 * backup for longer than theirs, and can be destroyed by itself.
 */
const KEY_VERSION = 1

/** Makes the key of a thing. Throws as withActiveEpoch expects where the epoch was rolled meanwhile. */
export async function makeOwnKey(tx: Tx, keyring: Keyring, id: string): Promise<SubjectKeys> {
  const { wrapped, keys } = keyring.createSubjectKey(subjectId(id), KEY_VERSION)
  await tx.$client.query('insert into weir.subject_key (subject_id, key_version, wrapped) values ($1, $2, $3)', [
    id,
    KEY_VERSION,
    wrapped,
  ])
  return keys
}

/** Undefined once it was destroyed. */
export async function ownKey(db: Db | Tx, keyring: Keyring, id: string): Promise<SubjectKeys | undefined> {
  const wanted = { subject: subjectId(id), keyVersion: KEY_VERSION }
  const { rows } = await db.$client.query('select from weir.subject_key where subject_id = $1 and key_version = $2', [
    id,
    KEY_VERSION,
  ])
  // The row decides, not this node's cache: another node may have destroyed it.
  if (rows.length === 0) return undefined
  return (await loadSubjectKeys(db, keyring, [wanted])).get(wanted.subject)
}

/** What was sealed under it opens for nobody any more. */
export async function destroyOwnKey(tx: Tx, keyring: Keyring, id: string): Promise<void> {
  await tx.$client.query('delete from weir.subject_key where subject_id = $1', [id])
  keyring.forget(subjectId(id))
}

/** Where a sealed thing stands: docs/architecture.md, the registry of contexts. */
export interface OwnPlace {
  readonly id: string
  readonly table: string
  readonly group: string
  readonly contextId: number
}

/** Seals JSON under the key of a thing, bound to its place. */
export function sealOwn(keys: SubjectKeys, { id, table, group, contextId }: OwnPlace, value: Json): Buffer {
  const place = { subject: id, table, group, record: Buffer.from(group, 'utf8') }
  const header = { keyVersion: keys.keyVersion, contextId }
  return sealRecord(keys.group(table, group), place, header, Buffer.from(JSON.stringify(value), 'utf8'))
}

/** Throws ProtectError where it is another thing's, or stands elsewhere. */
export function openOwn(
  keys: SubjectKeys,
  { id, table, group }: Omit<OwnPlace, 'contextId'>,
  sealed: Uint8Array,
): Json {
  const place = { subject: id, table, group, record: Buffer.from(group, 'utf8') }
  return JSON.parse(openRecord(keys.group(table, group), place, sealed).toString('utf8')) as Json
}
