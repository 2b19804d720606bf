import type { Db, Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'
import type { IdentifierType } from '../identity/normalise.ts'
import { present } from '../identity/present.ts'
import { confirmedDevices, indexText, readNodes, readNodesById } from '../identity/read.ts'
import { withCurrentIndex } from '../identity/stale-index.ts'
import type { DisclosureDeps } from './deps.ts'

/** The subject behind an identifier; undefined for nobody. */
export async function findByIdentifier(
  { db, keyring }: Pick<DisclosureDeps, 'db' | 'keyring'>,
  { type, value }: { readonly type: IdentifierType; readonly value: string },
): Promise<SubjectId | undefined> {
  return withCurrentIndex(keyring, async () => {
    const presented = present(keyring, type, value)
    if (presented === undefined) return undefined
    return (await readNodes(db, [presented])).get(indexText(presented.key))?.subject
  })
}

/**
 * The subject with everything that is confirmed to be the same person: the user of a device, the devices of a user.
 * Empty where the subject was erased.
 */
export async function wholePerson(db: Db | Tx, subject: SubjectId): Promise<SubjectId[]> {
  const node = (await readNodesById(db, [subject])).get(subject)
  if (node === undefined) return []
  const user = node.kind === 'user' ? subject : node.link?.confirmed === true ? node.link.user : undefined
  if (user === undefined) return [subject]
  return [...new Set([subject, user, ...(await confirmedDevices(db, user))])]
}
