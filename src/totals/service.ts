import { type Audit, appendEntries } from '../audit/log.ts'
import type { Db } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import type { JsonObject } from '../event/event.ts'
import { addTotals, type ErpRow } from './erp.ts'
import { readTotals } from './read.ts'

interface Deps {
  readonly db: Db
  readonly audit: Audit
}

interface Asker {
  readonly actor: { readonly kind: string; readonly id: string }
}

/** Reading publishes: what is answered is committed as published first, so that later answers never differ by a few. */
export async function readTotalsFor(
  deps: Deps,
  query: { readonly from: string; readonly to: string } & Asker,
): Promise<JsonObject> {
  await deps.audit.append({
    actor: `${query.actor.kind}:${query.actor.id}`,
    action: 'totals.read',
    resource: `totals:${query.from}/${query.to}`,
    purpose: 'reporting',
  })
  return transaction(deps.db, (tx) => readTotals(tx, { from: query.from, to: query.to }))
}

/** Sums that an ERP counted itself; the same batchId again changes nothing. */
export async function addTotalsFor(
  deps: Pick<Deps, 'db'>,
  input: { readonly batchId: string; readonly rows: readonly ErpRow[] } & Asker,
): Promise<JsonObject> {
  const { actor, batchId, rows } = input
  return transaction(deps.db, async (tx) => {
    const result = await addTotals(tx, { batchId, rows })
    // Last: other entries wait from here to the commit. What was refused is no act, and has none.
    await appendEntries(tx, [
      {
        actor: `${actor.kind}:${actor.id}`,
        action: 'totals.add',
        resource: 'totals:erp',
        purpose: 'reporting',
        outcome: 'done',
      },
    ])
    return { ...result }
  })
}
