import type { Db, Tx } from '../../db/pool.ts'
import type { IndexKey, SubjectId } from '../../event/ids.ts'
import type { Presented } from '../../identity/present.ts'
import { indexText, type Node, readNodes } from '../../identity/read.ts'
import { withCurrentIndex } from '../../identity/stale-index.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { devicesOf } from '../../rights/people.ts'
import type { Who } from '../visit.ts'

/** Who is signed in, as far as anything is held of them. */
export interface Person {
  readonly subject: SubjectId
  readonly kind: 'user' | 'device'
  readonly node: Node
  /** Of a user with every device that is confirmed theirs: what a request of theirs is about. */
  readonly subjects: readonly SubjectId[]
}

/** An index as a session holds it. */
export function indexOf({ keys }: Presented): Who['keys'] {
  return keys.map(({ kid, normVersion, key }) => [kid, normVersion, Buffer.from(key).toString('base64url')])
}

/** Undefined where nothing is held of them: not yet, or not any more. */
export async function personOf(
  deps: { readonly db: Db; readonly keyring: Keyring },
  who: Pick<Who, 'type' | 'keys'>,
): Promise<Person | undefined> {
  const node = await withCurrentIndex(deps.keyring, () => nodeOf(deps.db, who))
  if (node === undefined) return undefined
  const { subject, kind } = node
  const devices = kind === 'user' ? await devicesOf(deps.db, [subject]) : []
  return { subject, kind, node, subjects: [...new Set([subject, ...devices])].sort() }
}

/** The subject that a session's index leads to. */
export async function nodeOf(db: Db | Tx, { type, keys }: Pick<Who, 'type' | 'keys'>): Promise<Node | undefined> {
  const versions = keys.map(([kid, normVersion, key]) => ({
    kid,
    normVersion,
    key: Buffer.from(key, 'base64url') as unknown as IndexKey,
  }))
  const [first] = versions
  if (first === undefined) return undefined
  const presented: Presented = { type, given: '', value: '', kept: '', key: first.key, keys: versions }
  return (await readNodes(db, [presented])).get(indexText(first.key))
}
