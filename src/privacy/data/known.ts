import { transaction } from '../../db/transaction.ts'
import { recipientsOf } from '../../destinations/register.ts'
import { readClassNames } from '../../eventlog/partitions.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { withKnownRoots } from '../../pipeline/pseudonymisers.ts'
import { countClasses } from '../../rights/access/classes.ts'
import { countStores } from '../../rights/access/stores.ts'
import type { PrivacyDeps } from '../deps.ts'
import type { Person } from './person.ts'

/** What is held of somebody, counted as their copy counts it. */
export interface Known {
  readonly classes: Awaited<ReturnType<typeof countClasses>>
  readonly modules: readonly { readonly module: string; readonly purpose: string; readonly records: number }[]
  /** Outside of the shop. */
  readonly recipients: readonly { readonly name: string; readonly first: number; readonly last: number }[]
}

export async function readKnown(deps: PrivacyDeps, { subjects }: Person): Promise<Known> {
  const { db, keyring } = deps
  const active = deps.active()
  const classNames = await readClassNames(db)
  const names = new Map([...active.destinationIds].map(([name, id]) => [id, name]))
  return withKnownRoots(keyring, () =>
    withActiveEpoch(keyring, () =>
      transaction(db, async (tx) => {
        const { modules, detached } = await countStores(tx, deps.holders(), subjects)
        const received = await recipientsOf(tx, keyring, subjects)
        return {
          classes: await countClasses(tx, active, { classNames, subjects, detached, now: deps.now() }),
          modules: modules.map(({ module, purpose, rows }) => ({
            module,
            purpose,
            records: Object.values(rows).reduce((sum, n) => sum + n, 0),
          })),
          recipients: received.map((one) => ({
            name: names.get(one.destinationId) ?? '',
            first: one.firstAt,
            last: one.lastAt,
          })),
        }
      }),
    ),
  )
}
