import { uuidArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import { type SubjectId, subjectId } from '../../event/ids.ts'
import type { Refs } from './refs.ts'
import type { AccessDocument } from './schema.ts'

/** What the person struck out of what recommendations go by. */
export async function readStruckTags(
  tx: Tx,
  { subjects, refs }: { readonly subjects: readonly SubjectId[]; readonly refs: Refs },
): Promise<AccessDocument['struckTags']> {
  const { rows } = await tx.$client.query<{ subject_id: string; struck_at: Date }>(
    `select subject_id, struck_at from weir.struck_tag where subject_id = any($1::uuid[]) order by struck_at, tag`,
    [uuidArray(subjects)],
  )
  return rows.map(({ subject_id, struck_at }) => ({
    of: refs.of(subjectId(subject_id)),
    tag: null,
    at: struck_at.toISOString(),
  }))
}
