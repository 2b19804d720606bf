import { createHmac } from 'node:crypto'
import { appendEntriesAbout } from '../audit/log.ts'
import { byteaArray, uuidArray } from '../db/binary-array.ts'
import { lockSubjects } from '../db/locks.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import { currentSubjectKeys, loadKeyVersions, withActiveEpoch } from '../keys/subject-keys.ts'
import { lpConcat } from '../protect/layouts.ts'
import { ProtectError } from '../protect/protect-error.ts'
import { openRecord, readHeader, sealRecord } from '../protect/seal.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'

/**
 * What people struck out of what recommendations go by: rows of weir.struck_tag. `tag` is HMAC-SHA-256/128 of the item
 * under a key of the subject's, `sealed` the item under another: who reads the table learns neither what nor how often
 * the same.
 */
const TABLE = 'struck_tag'
const GROUP = 'behaviour'
const CONTEXT_ID = 48
const MAX_STRUCK = 500
const MAX_ITEM = 255

export interface StruckDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly now: () => number
}

export interface Struck {
  readonly subject: SubjectId
  readonly item: string
  readonly at: Date
}

interface Row {
  readonly subject_id: string
  readonly tag: Buffer
  readonly sealed: Buffer
  readonly struck_at: Date
}

/** Newest first, each item once. What does not open any more is left out. */
export async function readStruck(db: Db | Tx, keyring: Keyring, subjects: readonly SubjectId[]): Promise<Struck[]> {
  const { rows } = await db.$client.query<Row>({
    name: 'read-struck',
    text: `select subject_id, tag, sealed, struck_at from weir.struck_tag where subject_id = any($1::uuid[])
      order by struck_at desc, tag`,
    values: [uuidArray(subjects)],
  })
  if (rows.length === 0) return []
  const wanted = rows.map((row) => ({ subject: subjectId(row.subject_id), keyVersion: versionOf(row.sealed) }))
  const keysOf = await loadKeyVersions(db, keyring, wanted)
  const found = new Map<string, Struck>()
  for (const row of rows) {
    const subject = subjectId(row.subject_id)
    const keys = keysOf(subject, versionOf(row.sealed))
    const item = keys && open(keys, subject, row)
    if (item !== undefined && !found.has(item)) found.set(item, { subject, item, at: row.struck_at })
  }
  return [...found.values()]
}

/**
 * Strikes an item out for a person, from the commit on; `too-many` where so many are that the list says nothing any more.
 * Throws AppError invalid for what is no item, conflict `person-erased`.
 */
export async function strike(deps: StruckDeps, subject: SubjectId, item: string): Promise<'struck' | 'too-many'> {
  if (item === '' || item.length > MAX_ITEM) throw new AppError('invalid', 'This is no item.')
  return change(deps, subject, 'recommendation.strike', async (tx, keys) => {
    const { rows } = await tx.$client.query<{ n: number }>(
      'select count(*)::integer as n from weir.struck_tag where subject_id = $1',
      [subject],
    )
    if (rows[0]!.n >= MAX_STRUCK) return 'too-many'
    await insert(tx, keys, subject, { item, at: new Date(deps.now()) })
    return 'struck'
  })
}

/** Takes a strike back, whichever of the person's subjects has it. */
export async function unstrike(
  deps: StruckDeps,
  { subject, subjects }: { readonly subject: SubjectId; readonly subjects: readonly SubjectId[] },
  item: string,
): Promise<void> {
  await change(deps, subject, 'recommendation.unstrike', async (tx) => {
    const keys = await currentSubjectKeys(tx, deps.keyring, subjects)
    const tags = [...keys].map(([one, own]) => ({ one, tag: tagOf(own, item) }))
    await tx.$client.query(
      `delete from weir.struck_tag s using unnest($1::uuid[], $2::bytea[]) as gone(subject, tag)
       where s.subject_id = gone.subject and s.tag = gone.tag`,
      [uuidArray(tags.map(({ one }) => one)), byteaArray(tags.map(({ tag }) => tag))],
    )
  })
}

/** Seals anew what lies under an older key of the subject's. */
export async function resealStruck(
  tx: Tx,
  keyring: Keyring,
  { subject, keyVersion }: { readonly subject: SubjectId; readonly keyVersion: number },
): Promise<number> {
  const { rows } = await tx.$client.query<Row>(
    'select subject_id, tag, sealed, struck_at from weir.struck_tag where subject_id = $1',
    [subject],
  )
  const old = rows.filter((row) => versionOf(row.sealed) < keyVersion)
  if (old.length === 0) return 0
  const versions = [...old.map((row) => versionOf(row.sealed)), keyVersion]
  const keysOf = await loadKeyVersions(
    tx,
    keyring,
    versions.map((version) => ({ subject, keyVersion: version })),
  )
  for (const row of old) {
    const [before, after] = [keysOf(subject, versionOf(row.sealed)), keysOf(subject, keyVersion)]
    const item = before && open(before, subject, row)
    await tx.$client.query('delete from weir.struck_tag where subject_id = $1 and tag = $2', [subject, row.tag])
    if (item !== undefined && after !== undefined) await insert(tx, after, subject, { item, at: row.struck_at })
  }
  return old.length
}

async function change<T>(
  { db, keyring, now }: StruckDeps,
  subject: SubjectId,
  action: string,
  work: (tx: Tx, keys: SubjectKeys) => Promise<T>,
): Promise<T> {
  return withActiveEpoch(keyring, () =>
    transaction(db, async (tx) => {
      await lockSubjects(tx, [subject]) // an erasure that waits for it takes what is written here along
      const keys = (await currentSubjectKeys(tx, keyring, [subject])).get(subject)
      if (keys === undefined)
        throw new AppError('conflict', 'Nothing is held of this person.', { code: 'person-erased' })
      const outcome = await work(tx, keys)
      await appendEntriesAbout(tx, { keyring, now }, [
        {
          actor: 'weir',
          action,
          resource: 'recommendation',
          purpose: 'own-state',
          outcome: 'done',
          about: [{ subject }],
          more: { by: 'person' },
        },
      ])
      return outcome
    }),
  )
}

async function insert(
  tx: Tx,
  keys: SubjectKeys,
  subject: SubjectId,
  { item, at }: { readonly item: string; readonly at: Date },
): Promise<void> {
  const tag = tagOf(keys, item)
  const place = { subject, table: TABLE, group: GROUP, record: tag }
  const header = { keyVersion: keys.keyVersion, contextId: CONTEXT_ID }
  const sealed = sealRecord(keys.group(TABLE, GROUP), place, header, Buffer.from(item, 'utf8'))
  await tx.$client.query(
    `insert into weir.struck_tag (subject_id, tag, sealed, struck_at) values ($1, $2, $3, $4)
     on conflict (subject_id, tag) do nothing`,
    [subject, tag, sealed, at],
  )
}

/** HMAC-SHA-256/128 of LP("gw/v1/struck") ‖ LP(item) under the subject's key for this table's tags. */
function tagOf(keys: SubjectKeys, item: string): Buffer {
  return createHmac('sha256', keys.group(TABLE, 'tag')).update(lpConcat('gw/v1/struck', item)).digest().subarray(0, 16)
}

function open(keys: SubjectKeys, subject: SubjectId, { tag, sealed }: Row): string | undefined {
  try {
    const place = { subject, table: TABLE, group: GROUP, record: tag }
    return openRecord(keys.group(TABLE, GROUP), place, sealed).toString('utf8')
  } catch (error) {
    if (error instanceof ProtectError) return undefined
    throw error
  }
}

function versionOf(sealed: Uint8Array): number {
  try {
    return readHeader(sealed).keyVersion
  } catch (error) {
    if (error instanceof ProtectError) return -1 // of no key: it does not open, and is sealed anew with nothing
    throw error
  }
}
