import { byteaArray, int2Array, uuidArray } from '../db/binary-array.ts'
import type { Db } from '../db/pool.ts'
import { subjectId } from '../event/ids.ts'
import type { Keyring } from './keyring.ts'

export interface RewrapDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly progress?: ((done: number, total: number) => void) | undefined
  /** Ends between two batches; the next call goes on where this one ended. */
  readonly signal?: AbortSignal | undefined
}

const BATCH = 1000
const VACUUM_EVERY = 50_000

/**
 * Wraps every subject key that an older epoch wraps under the active one, while events flow. By keyset over the primary
 * key, one commit a batch; a row that changed or went meanwhile is left as it is. Sealed content is never touched.
 * @returns how many were wrapped anew
 */
export async function rewrapSubjectKeys(deps: RewrapDeps): Promise<number> {
  const { db, keyring } = deps
  const active = kidBytes(keyring.epoch.active.kid)
  const total = deps.progress === undefined ? 0 : await countUnderOlder(db, active)
  let after: readonly [string, number] = ['00000000-0000-0000-0000-000000000000', -1]
  let done = 0
  let sinceVacuum = 0
  for (;;) {
    if (deps.signal?.aborted === true) return done
    const { rows } = await db.$client.query<{ subject_id: string; key_version: number; wrapped: Buffer }>({
      name: 'rewrap-read',
      text: `select subject_id, key_version, wrapped from weir.subject_key
        where (subject_id, key_version) > ($1::uuid, $2::smallint) and substring(wrapped from 3 for 4) <> $3
        order by subject_id, key_version limit ${BATCH}`,
      values: [after[0], after[1], active],
    })
    const last = rows.at(-1)
    if (last === undefined) return done
    after = [last.subject_id, last.key_version]
    const wrapped = rows.map((row) => keyring.rewrapSubjectKey(subjectId(row.subject_id), row.wrapped) ?? row.wrapped)
    await db.$client.query({
      name: 'rewrap-write',
      text: `update weir.subject_key k set wrapped = n.wrapped
        from unnest($1::uuid[], $2::smallint[], $3::bytea[], $4::bytea[]) as n(subject, version, old, wrapped)
        where k.subject_id = n.subject and k.key_version = n.version and k.wrapped = n.old`,
      values: [
        uuidArray(rows.map((row) => row.subject_id)),
        int2Array(rows.map((row) => row.key_version)),
        byteaArray(rows.map((row) => row.wrapped)),
        byteaArray(wrapped),
      ],
    })
    done += rows.length
    sinceVacuum += rows.length
    deps.progress?.(done, Math.max(done, total))
    if (sinceVacuum >= VACUUM_EVERY) {
      sinceVacuum = 0
      // What was replaced is taken back while it goes on, so that the table does not grow by a copy of itself. Before
      // Postgres 17 the gateway's role may not: autovacuum does it, a minute later.
      await db.$client.query('vacuum weir.subject_key')
    }
  }
}

/** How many subject keys an epoch other than the active one wraps. */
export function countToRewrap(db: Db, keyring: Keyring): Promise<number> {
  return countUnderOlder(db, kidBytes(keyring.epoch.active.kid))
}

async function countUnderOlder(db: Db, active: Buffer): Promise<number> {
  const { rows } = await db.$client.query<{ n: number }>(
    'select count(*)::integer as n from weir.subject_key where substring(wrapped from 3 for 4) <> $1',
    [active],
  )
  return rows[0]!.n
}

function kidBytes(kid: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(kid)
  return bytes
}
