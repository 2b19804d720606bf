import type { Tx } from '../../db/pool.ts'
import type { SubjectId } from '../../event/ids.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { readStruck } from '../../pipeline/struck-tags.ts'
import type { Refs } from './refs.ts'
import type { AccessDocument } from './schema.ts'

/** What the person struck out of what recommendations go by, oldest first. */
export async function readStruckTags(
  tx: Tx,
  keyring: Keyring,
  { subjects, refs }: { readonly subjects: readonly SubjectId[]; readonly refs: Refs },
): Promise<AccessDocument['struckTags']> {
  const struck = await readStruck(tx, keyring, subjects)
  return struck.reverse().map(({ subject, item, at }) => ({ of: refs.of(subject), tag: item, at: at.toISOString() }))
}
