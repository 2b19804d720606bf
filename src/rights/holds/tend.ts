import { uuidArray } from '../../db/binary-array.ts'
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
  const there = await stillThere(tx, people.map(subjectId))
  await copyInto(tx, deps, hold, there)
  await forgetGone(
    tx,
    id,
    people.filter((one) => !there.includes(subjectId(one))),
  )
}

/** Who was forgotten because nobody saw them for long: what is kept of them stays, and names them no more. */
async function forgetGone(tx: Tx, id: string, gone: readonly string[]): Promise<void> {
  const { rows } = await tx.$client.query<{ id: string }>(
    `select g.id from unnest($1::uuid[]) as g(id)
     where not exists (select from weir.request r where r.request_id = g.id)`,
    [uuidArray(gone)],
  )
  if (rows.length === 0) return
  await asStatutory(tx, () =>
    tx.$client.query('delete from statutory.hold_person where hold_id = $1 and subject_id = any($2::uuid[])', [
      id,
      uuidArray(rows.map((row) => row.id)),
    ]),
  )
}
