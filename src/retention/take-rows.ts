import { lockDelivery } from '../db/locks.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { asModule } from '../pipeline/as-module.ts'
import { cutoffsOf } from './cutoffs.ts'
import type { DueRows, Ruling } from './stores.ts'

/** One batch: what it took, and where the next goes on; absent when nothing is left. */
export interface Batch {
  readonly rows: number
  readonly next: string | undefined
}

export interface TakeDeps {
  readonly db: Db
  readonly ruling: Ruling
  /** Number of a module's destination: who expires its rows holds its delivery lock. */
  readonly destinationIds: ReadonlyMap<string, number>
}

/** Takes the next batch of due rows, notes it in the same transaction, and says where to go on. */
export function takeBatch(
  deps: TakeDeps,
  due: DueRows,
  cursor: string | undefined,
  note: (tx: Tx, batch: Batch) => Promise<void>,
): Promise<Batch> {
  return transaction(deps.db, async (tx) => {
    const batch = await takeIn(tx, deps, due, cursor)
    await note(tx, batch)
    return batch
  })
}

async function takeIn(tx: Tx, deps: TakeDeps, due: DueRows, cursor: string | undefined): Promise<Batch> {
  if (due.module !== undefined) return takeOfModule(tx, deps, due, cursor)
  if (due.class === 'consent-ledger') return takeOfLedger(tx, due, cursor)
  return due.from === 'weir.sealed s' ? takeBlobs(tx, due, cursor) : takeAll(tx, due)
}

const AT_ONCE = 1_000
const NOBODY = '00000000-0000-0000-0000-000000000000'

/** Few at any time: letters and probes. */
async function takeAll(tx: Tx, { from, where, values }: DueRows): Promise<Batch> {
  const { rowCount } = await tx.$client.query(`delete from ${from} where ${where}`, [...values])
  return { rows: rowCount ?? 0, next: undefined }
}

/** In the order of the key, so that a batch begins where the last one ended and no row is looked at twice. */
async function takeBlobs(tx: Tx, { where, values }: DueRows, cursor: string | undefined): Promise<Batch> {
  const [subject = NOBODY, pos = '-1'] = cursor?.split(' ') ?? []
  const n = values.length
  const { rows } = await tx.$client.query<{ subject_id: string; pos: bigint }>(
    `with due as materialized (
       select s.class_id, s.due, s.subject_id, s.pos from weir.sealed s
       where (s.subject_id, s.pos) > ($${n + 1}::uuid, $${n + 2}::bigint) and ${where}
       order by s.subject_id, s.pos limit ${AT_ONCE}
     ),
     gone as (
       delete from weir.sealed s using due d
       where s.class_id = d.class_id and s.due = d.due and s.subject_id = d.subject_id and s.pos = d.pos
     )
     select subject_id, pos from due order by subject_id, pos`,
    [...values, subject, pos],
  )
  const last = rows.at(-1)
  return {
    rows: rows.length,
    next: rows.length < AT_ONCE || last === undefined ? undefined : `${last.subject_id} ${last.pos}`,
  }
}

async function takeOfLedger(tx: Tx, { values }: DueRows, cursor: string | undefined): Promise<Batch> {
  const { rows } = await tx.$client.query<{ removed: bigint; upto: string | null }>(
    'select removed, upto from weir.expire_ledger($1::date, $2::uuid, $3)',
    [values[0], cursor ?? NOBODY, AT_ONCE],
  )
  return { rows: Number(rows[0]!.removed), next: rows[0]!.upto ?? undefined }
}

/** As the module, under its delivery lock: nothing is handed over, and nothing withdrawn, in the middle of it. */
async function takeOfModule(tx: Tx, deps: TakeDeps, due: DueRows, cursor: string | undefined): Promise<Batch> {
  const module = due.module!
  const table = due.class.slice(module.name.length + 1)
  const destinationId = deps.destinationIds.get(module.name)
  if (destinationId !== undefined) await lockDelivery(tx, destinationId)
  const { policy, now } = deps.ruling
  const cutoff = cutoffsOf(policy, module, now)[table]
  const { rows, next } = await asModule(tx, module, () =>
    module.expire(tx, cutoff === undefined ? {} : { [table]: cutoff }, cursor ?? `${table}:0`),
  )
  return { rows: Object.values(rows).reduce((sum, n) => sum + n, 0), next }
}
