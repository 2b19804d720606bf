import { randomUUID } from 'node:crypto'
import { byteaArray, int2Array, textArray, uuidArray } from '../db/binary-array.ts'
import type { Tx } from '../db/pool.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import { insertIdentifiers, sealIdentifier } from './identifiers.ts'
import type { Presented } from './present.ts'
import { indexText } from './read.ts'

/**
 * Makes a subject with its own key for each identifier that has none yet, findable under every version of the index.
 * One that another transaction made meanwhile is left as it is: read again after this.
 */
export async function createSubjects(tx: Tx, keyring: Keyring, wanted: readonly Presented[]): Promise<void> {
  const made = distinct(wanted).map((presented): Made => {
    const subject = subjectId(randomUUID())
    const { wrapped, keys } = keyring.createSubjectKey(subject)
    const kind = presented.type === 'anonymous_id' ? 'device' : 'user'
    return { presented, subject, identifierId: randomUUID(), kind, wrapped, keys, keyVersion: keys.keyVersion }
  })
  const won = await insertVersions(tx, made)
  await insertSubjects(tx, won)
}

interface Made extends NewSubject {
  readonly presented: Presented
  readonly identifierId: string
  readonly keys: SubjectKeys
}

/**
 * One statement a version, the oldest first: a node that knows fewer versions than this one knows the oldest too, and
 * there one of the two is second. Who was not first under every version leaves nothing: under newer rules the
 * identifier is somebody's already.
 */
async function insertVersions(tx: Tx, made: readonly Made[]): Promise<readonly Made[]> {
  let left = made
  const beaten: Made[] = []
  for (let version = 0; left.some(({ presented }) => version < presented.keys.length); version++) {
    const rows = left.flatMap((one) => {
      const { presented, subject, identifierId, keys } = one
      const under = presented.keys[version]
      if (under === undefined) return []
      const sealed = sealIdentifier(keys, subject, under.key, presented.kept)
      return [{ ...under, subject, identifierId, type: presented.type, sealed }]
    })
    const free = await insertIdentifiers(tx, rows)
    const first = (one: Made): boolean => {
      const under = one.presented.keys[version]
      return under === undefined || free.delete(indexText(under.key))
    }
    const { won = [], lost = [] } = Object.groupBy(left, (one) => (first(one) ? 'won' : 'lost'))
    if (version > 0) beaten.push(...lost)
    left = won
  }
  if (beaten.length > 0) {
    const subjects = uuidArray(beaten.map((one) => one.subject))
    await tx.$client.query('delete from weir.identifier where subject_id = any($1::uuid[])', [subjects])
  }
  return left
}

interface NewSubject {
  readonly subject: SubjectId
  readonly kind: 'device' | 'user'
  readonly wrapped: Uint8Array
  readonly keyVersion: number
}

/** Writes the subject rows and their keys. */
export async function insertSubjects(tx: Tx, made: readonly NewSubject[]): Promise<void> {
  if (made.length === 0) return
  await tx.$client.query(
    `with subject as (
       insert into weir.subject (subject_id, kind, key_version)
       select subject, kind, version from unnest($1::uuid[], $2::text[], $3::smallint[]) as n(subject, kind, version))
     insert into weir.subject_key (subject_id, key_version, wrapped)
     select subject, version, wrapped from unnest($1::uuid[], $3::smallint[], $4::bytea[]) as n(subject, version, wrapped)`,
    [
      uuidArray(made.map((m) => m.subject)),
      textArray(made.map((m) => m.kind)),
      int2Array(made.map((m) => m.keyVersion)),
      byteaArray(made.map((m) => m.wrapped)),
    ],
  )
}

/** Sorted by index key: two groups that make the same subjects meet in one order. */
function distinct(wanted: readonly Presented[]): Presented[] {
  const byKey = new Map(wanted.map((presented) => [indexText(presented.key), presented]))
  return [...byKey.values()].sort((a, b) => Buffer.compare(a.key, b.key))
}

/** Notes that subjects were seen on this day (YYYY-MM-DD), by the clock that asks; at most one write a subject and day. */
export async function markSeen(tx: Tx, subjects: readonly SubjectId[], day: string): Promise<void> {
  await tx.$client.query(
    `update weir.subject set seen_on = $2::date
     where subject_id in (select subject_id from weir.subject where subject_id = any($1::uuid[])
       and seen_on < $2::date order by subject_id for update)`,
    [uuidArray([...subjects]), day],
  )
}
