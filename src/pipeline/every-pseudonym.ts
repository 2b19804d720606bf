import type { Db, Tx } from '../db/pool.ts'
import type { Pseudonym, SubjectId } from '../event/ids.ts'
import { startOfPeriod } from '../protect/pseudonymise.ts'
import type { Holder } from './erase-subject.ts'
import { readModuleRoot } from './module-root.ts'

const DAY_MS = 86_400_000
const AHEAD_MS = DAY_MS // a node whose clock is ahead may have named somebody already

/**
 * Every pseudonym that a module can ever have known these subjects by: under each root that is open, lasting ones, and
 * rolling ones of each period since the oldest row that there can be. More than an erasure needs, which knows the root
 * of the rows; for a search that is to find what an erasure forgot.
 */
export async function everyPseudonym(
  db: Db | Tx,
  { destinationId, module, keyring, pseudonymisers, now }: Holder,
  subjects: readonly SubjectId[],
): Promise<Pseudonym[]> {
  if (module === undefined) return []
  const root = await readModuleRoot(db, destinationId)
  const days = root?.rollingDays
  const rolling =
    root === undefined || days === undefined
      ? []
      : [
          {
            rollingDays: days,
            from: startOfPeriod(root.fromPeriod, days),
            to: Math.max(now(), startOfPeriod(root.toldPeriod, days)) + AHEAD_MS,
          },
        ]
  const kinds = [{ rollingDays: undefined, from: 0, to: 0 }, ...rolling]
  const found = keyring.pseudonym.readable.flatMap(({ kid }) =>
    kinds.flatMap(({ rollingDays, from, to }) => {
      const one = pseudonymisers(module, { kid, rollingDays })
      return subjects.flatMap((subject) => one.pseudonyms(subject, { from, to }))
    }),
  )
  return [...new Set(found)]
}
