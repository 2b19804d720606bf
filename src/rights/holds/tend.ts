import type { Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import { subjectId } from '../../event/ids.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { stillThere } from '../erasure/subjects.ts'
import { type Expired, expireRemainders } from '../expire-remainders.ts'
import { lockHold, peopleOf } from '../statutory/hold-rows.ts'
import { asStatutory } from '../statutory/rows.ts'
import { type HoldDeps, stateOf } from './deps.ts'
import { copyInto } from './place.ts'

/**
 * What the statutory schema needs of every day: holds take in what came since, those past their end bind nobody any more,
 * and what is due goes. Part of the housekeeping; may be killed anywhere.
 */
export async function tendStatutory(deps: Omit<HoldDeps, 'officers'>): Promise<Expired> {
  for (const id of await boundHolds(deps)) {
    await withActiveEpoch(deps.keyring, () => transaction(deps.db, (tx) => tendOne(tx, deps, id)))
  }
  return expireRemainders(deps)
}

/** Holds that somebody is under, whether they are over or not. */
async function boundHolds({ db }: HoldDeps): Promise<string[]> {
  return transaction(db, (tx) =>
    asStatutory(tx, async () => {
      const { rows } = await tx.$client.query<{ hold_id: string }>(
        'select distinct hold_id from statutory.hold_person order by hold_id',
      )
      return rows.map((row) => row.hold_id)
    }),
  )
}

async function tendOne(tx: Tx, deps: HoldDeps, id: string): Promise<void> {
  const hold = await asStatutory(tx, () => lockHold(tx, id))
  if (hold === undefined) return
  if (stateOf(hold, deps.now()) !== 'active') {
    await asStatutory(tx, () => tx.$client.query('delete from statutory.hold_person where hold_id = $1', [id]))
    return
  }
  const people = await asStatutory(tx, () => peopleOf(tx, id))
  await copyInto(tx, deps, hold, await stillThere(tx, people.map(subjectId)))
}
