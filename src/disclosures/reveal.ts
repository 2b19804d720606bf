import { viewOf } from '../consent/view.ts'
import { uuidArray } from '../db/binary-array.ts'
import type { Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import { bitOf, isPurpose } from '../event/purpose.ts'
import { openIdentifiers } from '../identity/identifiers.ts'
import type { IdentifierType } from '../identity/normalise.ts'
import { readNodesById } from '../identity/read.ts'
import { currentSubjectKeys, withActiveEpoch } from '../keys/subject-keys.ts'
import { clusterOfNode } from '../pipeline/open-batch.ts'
import type { DisclosureDeps } from './deps.ts'
import { openFields } from './fields.ts'
import { destinationOf, pseudonymAt } from './pseudonym.ts'
import type { Disclosure } from './rows.ts'

/**
 * What the request was approved for, of this person, and nothing else; of nobody the same with nothing in it. Throws
 * AppError conflict `person-erased`, `purpose-refused`.
 */
export async function reveal(
  deps: DisclosureDeps,
  disclosure: Disclosure,
  person: readonly SubjectId[],
): Promise<JsonObject> {
  return withActiveEpoch(deps.keyring, () =>
    transaction(deps.db, async (tx) => {
      await requireHeld(deps, tx, disclosure, person)
      switch (disclosure.kind) {
        case 'fields':
          return openFields(tx, deps, disclosure.wanted, person)
        case 'reidentify':
          return { identifiers: await identifiersOf(tx, deps, disclosure.wanted, person) }
        case 'translate':
          return { pseudonym: await translated(tx, deps, disclosure) }
        case 'retention-fuse':
          throw new TypeError('a fuse shows nobody')
      }
    }),
  )
}

/** Still there, under a key of their own, and the purpose is one that the person has not refused (law 1). */
async function requireHeld(
  { keyring, active }: DisclosureDeps,
  tx: Tx,
  { purpose, subject }: Disclosure,
  person: readonly SubjectId[],
): Promise<void> {
  if (subject === undefined) return
  const node = (await readNodesById(tx, [subject])).get(subject)
  const keys = await currentSubjectKeys(tx, keyring, person)
  if (node === undefined || !keys.has(subject)) {
    throw new AppError('conflict', 'The person was erased since: nothing is left to show.', { code: 'person-erased' })
  }
  const bit = isPurpose(purpose) ? bitOf(purpose) : 0
  const { granted, refused } = viewOf(clusterOfNode(node))
  if (bit !== 0 && ((active().compiled.needsConsent & bit) === 0 || (granted & ~refused & bit) !== 0)) return
  throw new AppError('conflict', 'The person does not consent to this purpose: ask for one that needs no consent.', {
    code: 'purpose-refused',
  })
}

/** Identifiers of the types that were approved, each once, whichever versions of the index have it. */
async function identifiersOf(
  tx: Tx,
  { keyring }: DisclosureDeps,
  types: readonly string[],
  person: readonly SubjectId[],
): Promise<JsonObject[]> {
  const { rows } = await tx.$client.query<{
    subject: SubjectId
    key: Buffer
    sealed: Buffer
    type: IdentifierType
  }>(
    `select distinct on (identifier_id) subject_id as subject, index_key as key, sealed, type from weir.identifier
     where subject_id = any($1::uuid[]) and type = any($2::text[]) order by identifier_id, index_version desc`,
    [uuidArray(person), types],
  )
  const values = await openIdentifiers(tx, keyring, rows)
  const found = rows.flatMap(({ type }, i) => {
    const value = values[i]
    return value === undefined ? [] : [{ type, value }]
  })
  return found.toSorted((a, b) => (`${a.type} ${a.value}` < `${b.type} ${b.value}` ? -1 : 1))
}

async function translated(
  tx: Tx,
  deps: DisclosureDeps,
  { subject, toDestination }: Disclosure,
): Promise<string | null> {
  if (subject === undefined || toDestination === undefined) return null
  // Over this connection: reads that each hold one and wait for another would wait for each other.
  return pseudonymAt({ ...deps, db: tx }, destinationOf(deps, toDestination), subject)
}
