import { randomUUID } from 'node:crypto'
import { uuidArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import { currentSubjectKeys, loadKeyVersions } from '../keys/subject-keys.ts'
import { openRecord, readHeader, type SealPlace, sealRecord } from '../protect/seal.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import type { IdentifierForm } from './identifier-form.ts'

/** What one outside recipient got of one person under one identifier, all times together. Times in milliseconds since 1970. */
export interface Received {
  readonly subject: SubjectId
  readonly destinationId: number
  /** Exactly as it was sent. */
  readonly identifierForm: IdentifierForm
  readonly identifier: string
  /** Paths as the policy writes them, sorted. */
  readonly fields: readonly string[]
  readonly firstAt: number
  readonly lastAt: number
  /** Consent records under which it was sent, in the order in which they were noted; at most the last 50. */
  readonly records: readonly string[]
}

/** One thing that is sent, before it is. */
export interface Sent {
  readonly subject: SubjectId
  readonly destinationId: number
  readonly fields: readonly string[]
  readonly at: number
  /** Of the consent ledger. */
  readonly recordId: string
  readonly identifierForm: IdentifierForm
  readonly identifier: string
}

const TABLE = 'recipient'
const GROUP = 'register'
const CONTEXT_ID = 43
const MOST_RECORDS = 50 // a choice is changed now and then; who changes it every day leaves the last fifty

/**
 * Notes who is about to receive what of a person: in the transaction before the request goes out, since what was sent and
 * not noted could never be called back. What a recipient got under one identifier is one entry, whose fields add up, so
 * that the register grows with recipients, not with events. Run it inside withActiveEpoch.
 * Throws AppError conflict `subject-erased`: then nothing may be sent.
 */
export async function noteSent(tx: Tx, keyring: Keyring, sent: Sent): Promise<void> {
  const rows = await readRows(tx, [sent.subject], { destinationId: sent.destinationId, forUpdate: true })
  const same = (await opened(tx, keyring, rows)).filter((one) => isOf(one.entry, sent))
  const keys = (await currentSubjectKeys(tx, keyring, [sent.subject])).get(sent.subject)
  if (keys === undefined) {
    throw new AppError('conflict', 'the subject was erased meanwhile: nothing is sent', { code: 'subject-erased' })
  }
  const entryId = same[0]?.entryId ?? randomUUID()
  const entry = [...same.map((one) => one.entry), entryOf(sent)].reduce(together)
  await tx.$client.query(
    `insert into weir.recipient (subject_id, destination_id, entry_id, sealed) values ($1, $2, $3, $4)
     on conflict (subject_id, destination_id, entry_id) do update set sealed = excluded.sealed`,
    [sent.subject, sent.destinationId, entryId, seal(keys, { ...sent, entryId }, entry)],
  )
}

/** Everybody who received something of these subjects, by subject, recipient and identifier. Empty of who was erased. */
export async function recipientsOf(db: Db | Tx, keyring: Keyring, subjects: readonly SubjectId[]): Promise<Received[]> {
  const found = await opened(db, keyring, await readRows(db, subjects))
  const byWhom = Map.groupBy(found, ({ subject, destinationId, entry }) =>
    JSON.stringify([subject, destinationId, entry.form, entry.identifier]),
  )
  return [...byWhom.values()].map((several): Received => {
    const { subject, destinationId } = several[0]!
    const { form, identifier, fields, first, last, records } = several.map((one) => one.entry).reduce(together)
    return { subject, destinationId, identifierForm: form, identifier, fields, firstAt: first, lastAt: last, records }
  })
}

/** Seals the entries of a subject under a newer key of theirs. Returns how many there were. */
export async function resealRegister(
  tx: Tx,
  keyring: Keyring,
  { subject, keyVersion }: { readonly subject: SubjectId; readonly keyVersion: number },
): Promise<number> {
  const rows = await readRows(tx, [subject], { forUpdate: true })
  const old = rows.filter((row) => readHeader(row.sealed).keyVersion < keyVersion)
  if (old.length === 0) return 0
  const keys = (await loadKeyVersions(tx, keyring, [{ subject, keyVersion }]))(subject, keyVersion)
  if (keys === undefined) throw new AppError('conflict', 'the subject was erased meanwhile', { code: 'subject-erased' })
  for (const { destinationId, entryId, entry } of await opened(tx, keyring, old)) {
    await tx.$client.query(
      'update weir.recipient set sealed = $4 where subject_id = $1 and destination_id = $2 and entry_id = $3',
      [subject, destinationId, entryId, seal(keys, { subject, destinationId, entryId }, entry)],
    )
  }
  return old.length
}

/** As it is sealed: short names, since there are many. */
interface Entry {
  readonly form: IdentifierForm
  readonly identifier: string
  readonly fields: readonly string[]
  readonly first: number
  readonly last: number
  readonly records: readonly string[]
}

interface Place {
  readonly subject: SubjectId
  readonly destinationId: number
  readonly entryId: string
}

function entryOf({ identifierForm, identifier, fields, at, recordId }: Sent): Entry {
  return {
    form: identifierForm,
    identifier,
    fields: [...new Set(fields)].sort(),
    first: at,
    last: at,
    records: [recordId],
  }
}

function isOf(entry: Entry, sent: Sent): boolean {
  return entry.form === sent.identifierForm && entry.identifier === sent.identifier
}

function together(one: Entry, other: Entry): Entry {
  return {
    ...one,
    fields: [...new Set([...one.fields, ...other.fields])].sort(),
    first: Math.min(one.first, other.first),
    last: Math.max(one.last, other.last),
    records: [...new Set([...one.records, ...other.records])].slice(-MOST_RECORDS),
  }
}

type Row = Place & { readonly sealed: Buffer }

async function readRows(
  db: Db | Tx,
  subjects: readonly SubjectId[],
  { destinationId, forUpdate = false }: { readonly destinationId?: number; readonly forUpdate?: boolean } = {},
): Promise<Row[]> {
  const { rows } = await db.$client.query<{
    subject_id: string
    destination_id: number
    entry_id: string
    sealed: Buffer
  }>(
    `select subject_id, destination_id, entry_id, sealed from weir.recipient
     where subject_id = any($1::uuid[]) and ($2::smallint is null or destination_id = $2)
     order by subject_id, destination_id, entry_id ${forUpdate ? 'for update' : ''}`,
    [uuidArray(subjects), destinationId ?? null],
  )
  return rows.map((row) => ({
    subject: subjectId(row.subject_id),
    destinationId: row.destination_id,
    entryId: row.entry_id,
    sealed: row.sealed,
  }))
}

async function opened(db: Db | Tx, keyring: Keyring, rows: readonly Row[]): Promise<(Place & { entry: Entry })[]> {
  const versions = rows.map(({ subject, sealed }) => ({ subject, keyVersion: readHeader(sealed).keyVersion }))
  const keysOf = await loadKeyVersions(db, keyring, versions)
  return rows.flatMap((row, i) => {
    const keys = keysOf(row.subject, versions[i]!.keyVersion)
    if (keys === undefined) return [] // erased: nothing opens it any more
    const entry = JSON.parse(openRecord(keys.group(TABLE, GROUP), placeOf(row), row.sealed).toString('utf8')) as Entry
    return [{ subject: row.subject, destinationId: row.destinationId, entryId: row.entryId, entry }]
  })
}

function seal(keys: SubjectKeys, place: Place, entry: Entry): Buffer {
  const header = { keyVersion: keys.keyVersion, contextId: CONTEXT_ID }
  return sealRecord(keys.group(TABLE, GROUP), placeOf(place), header, Buffer.from(JSON.stringify(entry), 'utf8'))
}

function placeOf({ subject, destinationId, entryId }: Place): SealPlace {
  return { subject, table: TABLE, group: GROUP, record: Buffer.from(`${destinationId}/${entryId}`, 'utf8') }
}
