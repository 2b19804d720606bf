import { byteaArray, uuidArray } from '../db/binary-array.ts'
import { lockSubjects } from '../db/locks.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import type { IndexKey, SubjectId } from '../event/ids.ts'
import { type IdentifierRow, insertIdentifiers, openIdentifiers, sealIdentifier } from '../identity/identifiers.ts'
import type { IdentifierType } from '../identity/normalise.ts'
import { indexUnder } from '../identity/present.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import type { Keyring } from './keyring.ts'
import { loadSubjectKeys } from './subject-keys.ts'
import type { Wanted } from './wanted-index.ts'

/** A row whose identifier lacks a version. */
export interface Listed {
  readonly index_key: Buffer
  readonly subject_id: SubjectId
}

/** What became of a batch, in identifiers; `written` in rows. */
export interface Batch {
  written: number
  conflicts: number
  refused: number
  unreadable: number
}

/**
 * Writes what these identifiers lack, in one transaction. The lock of their subjects keeps them from being moved to
 * another subject, or erased, by somebody who would miss a row that is written meanwhile.
 */
export async function indexBatch(
  { db, keyring }: { readonly db: Db; readonly keyring: Keyring },
  wanted: Wanted,
  listed: readonly Listed[],
): Promise<Batch> {
  return transaction(db, async (tx) => {
    await lockSubjects(
      tx,
      listed.map((row) => row.subject_id),
    )
    const rows = await readRows(tx, listed)
    const batch: Batch = { written: 0, conflicts: 0, refused: 0, unreadable: 0 }
    const current = rows.map((row) => ({ subject: row.subject_id, keyVersion: row.key_version }))
    const keys = await loadSubjectKeys(tx, keyring, current)
    const kept = await openIdentifiers(
      tx,
      keyring,
      rows.map((row) => ({ subject: row.subject_id, key: row.index_key, sealed: row.sealed })),
    )
    const made = rows.flatMap((row, i) =>
      indexAnew(row, { keys: keys.get(row.subject_id), kept: kept[i] }, wanted, batch),
    )
    const free = await insertIdentifiers(tx, made)
    batch.written = free.size
    const taken = made.filter((row) => !free.delete(textOf(row.key)))
    batch.conflicts = await settleTaken(tx, taken)
    await clearConflicts(tx, made, taken)
    return batch
  })
}

interface OldRow {
  readonly index_key: Buffer
  readonly subject_id: SubjectId
  readonly identifier_id: string
  readonly type: IdentifierType
  readonly sealed: Buffer
  readonly key_version: number
  /** `kid norm` of every version that the identifier stands under. */
  readonly has: string[]
}

/** As they are now, under the lock; one row an identifier. */
async function readRows(tx: Tx, listed: readonly Listed[]): Promise<OldRow[]> {
  const { rows } = await tx.$client.query<OldRow>(
    `select distinct on (i.subject_id, i.identifier_id) i.index_key, i.subject_id, i.identifier_id, i.type, i.sealed, s.key_version,
       array(select h.index_version || ' ' || h.norm_version from weir.identifier h
         where h.subject_id = i.subject_id and h.identifier_id = i.identifier_id) as has
     from weir.identifier i join weir.subject s on s.subject_id = i.subject_id
     where i.index_key = any($1::bytea[])
     order by i.subject_id, i.identifier_id, i.index_version desc, i.norm_version desc`,
    [byteaArray(listed.map((row) => row.index_key))],
  )
  return rows
}

interface Opened {
  /** The subject's newest, which seals. */
  readonly keys: SubjectKeys | undefined
  readonly kept: string | undefined
}

/** One that does not open is counted: a damaged row must not keep the others from being found. */
function indexAnew(row: OldRow, { keys, kept }: Opened, wanted: Wanted, batch: Batch): IdentifierRow[] {
  if (keys === undefined || kept === undefined) {
    batch.unreadable += 1
    return []
  }
  return (wanted.get(row.type) ?? []).flatMap((version) => {
    if (row.has.includes(`${version.kid} ${version.rule.version}`)) return []
    const under = indexUnder(version, row.type, kept)
    if (under === undefined) {
      batch.refused += 1
      return []
    }
    const subject = row.subject_id
    const sealed = sealIdentifier(keys, subject, under.key, kept)
    return [{ ...under, subject, identifierId: row.identifier_id, type: row.type, sealed }]
  })
}

interface Holder {
  readonly index_key: Buffer
  readonly subject_id: SubjectId
  readonly identifier_id: string
}

/**
 * What is somebody's already. Of the same person it is the same identifier, in another form; of somebody else it is
 * noted as a conflict, by subject ids alone. @returns conflicts
 */
async function settleTaken(tx: Tx, taken: readonly IdentifierRow[]): Promise<number> {
  if (taken.length === 0) return 0
  const { rows } = await tx.$client.query<Holder>(
    'select index_key, subject_id, identifier_id from weir.identifier where index_key = any($1::bytea[])',
    [byteaArray(taken.map((row) => row.key))],
  )
  const holders = new Map(rows.map((row) => [textOf(row.index_key), row]))
  const met = taken.flatMap((own) => {
    const holder = holders.get(textOf(own.key))
    return holder === undefined ? [] : [{ own, holder }]
  })
  const [others = [], same = []] = [false, true].map((is) =>
    met.filter(({ own, holder }) => (holder.subject_id === own.subject) === is),
  )
  for (const { own, holder } of same) {
    await tx.$client.query(
      'update weir.identifier set identifier_id = $3 where subject_id = $1 and identifier_id = $2',
      [own.subject, own.identifierId, holder.identifier_id],
    )
  }
  for (const { own, holder } of others) {
    await tx.$client.query(
      'update weir.identifier set conflict_with = $3 where subject_id = $1 and identifier_id = $2',
      [own.subject, own.identifierId, holder.subject_id],
    )
  }
  return others.length
}

/** The other side of a conflict is gone, and the value is free. */
async function clearConflicts(tx: Tx, made: readonly IdentifierRow[], taken: readonly IdentifierRow[]): Promise<void> {
  const still = new Set(taken.map((row) => row.identifierId))
  const clear = made.filter((row) => !still.has(row.identifierId))
  if (clear.length === 0) return
  await tx.$client.query(
    `update weir.identifier i set conflict_with = null from unnest($1::uuid[], $2::uuid[]) as n(subject, id)
     where i.subject_id = n.subject and i.identifier_id = n.id and i.conflict_with is not null`,
    [uuidArray(clear.map((row) => row.subject)), uuidArray(clear.map((row) => row.identifierId))],
  )
}

function textOf(key: IndexKey | Buffer): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}
