import { lockSubjects } from '../db/locks.ts'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import { currentSubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import { insertIdentifiers, openIdentifiers, sealIdentifier } from './identifiers.ts'
import { type Presented, present } from './present.ts'
import { indexText, readNodes } from './read.ts'

/** Where a person can be written to: the address and the number that the shop has on file and vouches for. */
export interface Contacts {
  readonly mail?: string
  readonly phone?: string
}

/** What the shop says of one of its users; null takes it off the file, absent leaves it as it is. */
export interface ContactsChange {
  readonly userId: string
  readonly email?: string | null
  readonly phone?: string | null
}

/**
 * Puts the contacts of a user on file: identifiers of their subject, found under every version of the index and sealed
 * under the subject's key. Run it inside withCurrentIndex and withActiveEpoch. Nobody is made by it: of whom nothing is
 * held, nothing can be asked.
 * @throws AppError `user-unknown` (404), `bad-identifier` (400), `contact-taken` (409) where it is another's already
 */
export async function setContacts(tx: Tx, keyring: Keyring, change: ContactsChange): Promise<SubjectId> {
  const user = presentOr400(keyring, 'user_id', change.userId)
  const node = (await readNodes(tx, [user])).get(indexText(user.key))
  if (node === undefined) {
    throw new AppError('not-found', 'Nothing is held of this user, so that there is nobody to write to yet.', {
      code: 'user-unknown',
    })
  }
  await lockSubjects(tx, [node.subject])
  const keys = (await currentSubjectKeys(tx, keyring, [node.subject])).get(node.subject)
  if (keys === undefined) throw new AppError('not-found', 'Nothing is held of this user.', { code: 'user-unknown' })
  const own = { subject: node.subject, keys }
  if (change.email !== undefined) await replace(tx, keyring, own, 'email', change.email)
  if (change.phone !== undefined) await replace(tx, keyring, own, 'phone', change.phone)
  return node.subject
}

interface Own {
  readonly subject: SubjectId
  readonly keys: SubjectKeys
}

async function replace(
  tx: Tx,
  keyring: Keyring,
  { subject, keys }: Own,
  type: 'email' | 'phone',
  value: string | null,
): Promise<void> {
  const presented = value === null ? undefined : presentOr400(keyring, type, value)
  await tx.$client.query('delete from weir.identifier where subject_id = $1 and type = $2', [subject, type])
  if (presented === undefined) return
  const identifierId = crypto.randomUUID()
  for (const under of presented.keys) {
    const sealed = sealIdentifier(keys, subject, under.key, presented.kept)
    const free = await insertIdentifiers(tx, [{ ...under, subject, identifierId, type, sealed }])
    if (!free.has(indexText(under.key))) throw taken() // which rolls back what was taken off
  }
}

function presentOr400(keyring: Keyring, type: Presented['type'], value: string): Presented {
  const presented = present(keyring, type, value)
  if (presented !== undefined) return presented
  const what = { user_id: 'userId', anonymous_id: 'anonymousId', email: 'email', phone: 'phone' }[type]
  throw new AppError('invalid', `${what} cannot be one: an address as mail goes to it, a number with + and country.`, {
    code: 'bad-identifier',
  })
}

function taken(): AppError {
  return new AppError('conflict', 'This address or number is another user’s: take it off there first.', {
    code: 'contact-taken',
  })
}

/** The contacts of a user, opened. Empty for a device, for who has none, and once they were erased. */
export async function contactsOf(db: Db | Tx, keyring: Keyring, subject: SubjectId): Promise<Contacts> {
  const { rows } = await db.$client.query<{ index_key: Buffer; subject_id: string; type: string; sealed: Buffer }>(
    `select distinct on (type) index_key, subject_id, type, sealed from weir.identifier
     where subject_id = $1 and type in ('email', 'phone') order by type, index_version, norm_version`,
    [subject],
  )
  const sealed = rows.map((row) => ({ subject: subjectId(row.subject_id), key: row.index_key, sealed: row.sealed }))
  const opened = await openIdentifiers(db as Tx, keyring, sealed)
  const of = (type: string): string | undefined => opened[rows.findIndex((row) => row.type === type)]
  const mail = of('email')
  const phone = of('phone')
  return { ...(mail === undefined ? {} : { mail }), ...(phone === undefined ? {} : { phone }) }
}
