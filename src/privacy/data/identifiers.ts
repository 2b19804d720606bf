import type { Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import type { SubjectId } from '../../event/ids.ts'
import { openIdentifiers } from '../../identity/identifiers.ts'
import type { IdentifierType } from '../../identity/normalise.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import type { PrivacyDeps } from '../deps.ts'

/** An identifier on file, opened. */
export interface OnFile {
  readonly type: IdentifierType
  readonly value: string
}

/** What is on file of a subject, once however many versions of the index have it. */
export async function identifiersOf(
  { db, keyring }: Pick<PrivacyDeps, 'db' | 'keyring'>,
  subjects: readonly SubjectId[],
): Promise<OnFile[]> {
  return withActiveEpoch(keyring, () => transaction(db, (tx) => read(tx, keyring, subjects)))
}

async function read(tx: Tx, keyring: PrivacyDeps['keyring'], subjects: readonly SubjectId[]): Promise<OnFile[]> {
  const { rows } = await tx.$client.query<{
    subject_id: SubjectId
    index_key: Buffer
    sealed: Buffer
    type: IdentifierType
  }>(
    `select distinct on (identifier_id) subject_id, index_key, sealed, type from weir.identifier
     where subject_id = any($1::uuid[]) order by identifier_id, index_version desc, norm_version desc`,
    [[...subjects]],
  )
  const values = await openIdentifiers(
    tx,
    keyring,
    rows.map((row) => ({ subject: row.subject_id, key: row.index_key, sealed: row.sealed })),
  )
  return rows
    .flatMap(({ type }, i) => (values[i] === undefined ? [] : [{ type, value: values[i] }]))
    .sort((a, b) => (`${a.type} ${a.value}` < `${b.type} ${b.value}` ? -1 : 1))
}

/** Enough to know it again, for whoever knows it: who looks over a shoulder does not learn it. */
export function masked({ type, value }: OnFile): string {
  const at = type === 'email' ? value.lastIndexOf('@') : -1
  if (at > 0) return `${value.slice(0, 1)}•••${value.slice(at)}`
  if (value.length <= 4) return `${value.slice(0, 1)}•••`
  return `${value.slice(0, 2)}•••${value.slice(-2)}`
}
