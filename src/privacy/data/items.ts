import { transaction } from '../../db/transaction.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { RECENT_ITEMS, type Touched, touchedItems } from '../../modules/recommendation/personal.ts'
import { pseudonymsHeld } from '../../pipeline/erase-subject.ts'
import { withKnownRoots } from '../../pipeline/pseudonymisers.ts'
import { readStruck, type Struck } from '../../pipeline/struck-tags.ts'
import type { PrivacyDeps } from '../deps.ts'
import type { Person } from './person.ts'

const MOST = 60

/** What recommendations go by for somebody. */
export interface Items {
  /** The latest first; `used`: lists are made of it now. */
  readonly items: readonly (Touched & { readonly used: boolean })[]
  readonly struck: readonly Struck[]
}

export async function readItems(deps: PrivacyDeps, { subjects }: Person): Promise<Items> {
  const { db, keyring, recommendation, pseudonymisers, now } = deps
  const destinationId = deps.active().destinationIds.get(recommendation.name)
  if (destinationId === undefined) return { items: [], struck: [] }
  const holder = { destinationId, module: recommendation, keyring, pseudonymisers, now }
  return withKnownRoots(keyring, () =>
    withActiveEpoch(keyring, () =>
      transaction(db, async (tx) => {
        const struck = await readStruck(tx, keyring, subjects)
        const ignoring = struck.map(({ item }) => item)
        const found = await touchedItems(tx, await pseudonymsHeld(tx, holder, subjects), { n: MOST, ignoring })
        return { items: found.map((one, i) => ({ ...one, used: i < RECENT_ITEMS })), struck }
      }),
    ),
  )
}
