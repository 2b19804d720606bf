import { uuidArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import type { SubjectId } from '../../event/ids.ts'

/**
 * Work that goes through all people in the order of their numbers remembers where it is by the number of the last one.
 * Where that is one of these subjects, it is set back to a number that is nobody's: what lies between is done once more,
 * which changes nothing.
 */
export async function forgetPlaces(tx: Tx, subjects: readonly SubjectId[]): Promise<void> {
  const ids = uuidArray(subjects)
  await tx.$client.query(
    `update weir.module_root set telling_after = ${before('telling_after::text')}::uuid where telling_after = any($1::uuid[])`,
    [ids],
  )
  await tx.$client.query(
    `update weir.retention_step set cursor = ${before('cursor')} || substr(cursor, 37)
     where exists (select from unnest($1::uuid[]) as s where position(s::text in cursor) = 1)`,
    [ids],
  )
}

/** The first number of those that begin alike: of 65,536 equal parts of all people one is gone through again. */
function before(id: string): string {
  return `(substr(${id}, 1, 4) || '0000-0000-0000-0000-000000000000')`
}
