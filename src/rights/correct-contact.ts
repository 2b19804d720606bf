import type { Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { SubjectId } from '../event/ids.ts'
import { contactsOf, setContacts } from '../identity/contacts.ts'
import { present } from '../identity/present.ts'
import type { RightsDeps } from './deps.ts'
import { identifiersOf } from './erasure/subjects.ts'
import type { Change } from './request.ts'

/** A change of where somebody is written to, rather than of what an event said. */
export const CONTACT = 'contact'

/**
 * The address or number on file of each user among these subjects, put right. `email` and `phone` are its paths; where
 * `from` is said, only that which is it. One that is another's already, or cannot be one, is left as it is.
 * @returns how many are others now
 */
export async function correctContacts(
  tx: Tx,
  deps: Pick<RightsDeps, 'keyring'>,
  subjects: readonly SubjectId[],
  changes: readonly Change[],
): Promise<number> {
  const wanted = changes.filter(({ event }) => event === CONTACT)
  if (wanted.length === 0) return 0
  let count = 0
  for (const subject of subjects) {
    const user = (await identifiersOf(tx, deps, [subject])).find(({ type }) => type === 'user_id')
    if (user === undefined) continue // a device has none
    for (const change of wanted) {
      if (await correctOne(tx, deps, { subject, userId: user.value }, change)) count++
    }
  }
  return count
}

interface Whose {
  readonly subject: SubjectId
  readonly userId: string
}

async function correctOne(
  tx: Tx,
  { keyring }: Pick<RightsDeps, 'keyring'>,
  { subject, userId }: Whose,
  { path, from, to }: Change,
): Promise<boolean> {
  if ((path !== 'email' && path !== 'phone') || typeof to !== 'string') return false
  const now = await contactsOf(tx, keyring, subject)
  const current = path === 'email' ? now.mail : now.phone
  const kept = (value: unknown): string | undefined =>
    typeof value === 'string' ? present(keyring, path, value)?.kept : undefined
  if (from !== undefined && (current === undefined || kept(from) !== kept(current))) return false
  if (current !== undefined && kept(to) === kept(current)) return false
  return unlessRefused(tx, () => setContacts(tx, keyring, { userId, [path]: to }))
}

const REFUSED: ReadonlySet<string> = new Set(['contact-taken', 'bad-identifier', 'user-unknown'])

/** What cannot be stays as it was, and the rest of the correction stands. */
async function unlessRefused(tx: Tx, work: () => Promise<unknown>): Promise<boolean> {
  await tx.$client.query('savepoint contact')
  try {
    await work()
    await tx.$client.query('release savepoint contact')
    return true
  } catch (error) {
    if (!(error instanceof AppError) || !REFUSED.has(error.code)) throw error
    await tx.$client.query('rollback to savepoint contact')
    return false
  }
}
