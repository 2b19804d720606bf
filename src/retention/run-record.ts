import type { Db, Tx } from '../db/pool.ts'
import type { RunTerms } from './plan.ts'

/** A run as the database keeps it: how far each step is, so that the next run goes on there after a kill -9. */
export interface RunRecord {
  readonly runId: bigint
  readonly steps: ReadonlyMap<string, StepRecord>
}

export interface StepRecord {
  /** Where the last batch that was committed ended; the step knows what it means. */
  readonly cursor: string | undefined
  readonly finished: boolean
}

/** The run that was broken off last, with what it had been told to do. */
export async function readOpenRun(
  db: Db,
): Promise<{ readonly runId: bigint; readonly hash: string; readonly terms: RunTerms } | undefined> {
  const { rows } = await db.$client.query<{ run_id: bigint; plan_hash: string; plan: RunTerms }>(
    'select run_id, plan_hash, plan from weir.retention_run where finished_at is null order by run_id desc limit 1',
  )
  const row = rows[0]
  return row === undefined ? undefined : { runId: row.run_id, hash: row.plan_hash, terms: row.plan }
}

/** Goes on with a run, or begins one; others that were broken off are abandoned, for this plan covers what they left. */
export async function openRun(
  db: Db,
  plan: { hash: string; terms: RunTerms },
  resumed: bigint | undefined,
): Promise<RunRecord> {
  await db.$client.query(
    `update weir.retention_run set finished_at = clock_timestamp(), outcome = 'abandoned'
     where finished_at is null and run_id is distinct from $1`,
    [resumed ?? null],
  )
  if (resumed !== undefined) {
    const { lifted = [] } = plan.terms
    await db.$client.query(
      `update weir.retention_run set plan = plan || jsonb_build_object('lifted', $2::text[]) where run_id = $1`,
      [resumed, lifted],
    )
    return { runId: resumed, steps: await readSteps(db, resumed) }
  }
  const { rows } = await db.$client.query<{ run_id: bigint }>(
    'insert into weir.retention_run (plan_hash, plan) values ($1, $2) returning run_id',
    [plan.hash, JSON.stringify(plan.terms)],
  )
  return { runId: rows[0]!.run_id, steps: new Map() }
}

async function readSteps(db: Db, runId: bigint): Promise<Map<string, StepRecord>> {
  const { rows } = await db.$client.query<{ step: string; cursor: string | null; finished: boolean }>(
    'select step, cursor, finished from weir.retention_step where run_id = $1',
    [runId],
  )
  return new Map(rows.map(({ step, cursor, finished }) => [step, { cursor: cursor ?? undefined, finished }]))
}

/** Notes a batch, in its own transaction: what was taken and the note of it are there together or not at all. */
export async function noteBatch(
  tx: Db | Tx,
  run: RunRecord,
  batch: {
    readonly step: string
    readonly rows: number
    readonly cursor: string | undefined
    readonly finished: boolean
  },
): Promise<void> {
  await tx.$client.query(
    `insert into weir.retention_step as s (run_id, step, rows_done, cursor, finished) values ($1, $2, $3, $4, $5)
     on conflict (run_id, step) do update
       set rows_done = s.rows_done + excluded.rows_done, cursor = excluded.cursor, finished = excluded.finished`,
    [run.runId, batch.step, batch.rows, batch.cursor ?? null, batch.finished],
  )
}

/** Rows taken in all, by step, also before it was broken off. */
export async function closeRun(tx: Tx, run: RunRecord): Promise<Map<string, number>> {
  await tx.$client.query(
    `update weir.retention_run set finished_at = clock_timestamp(), outcome = 'done' where run_id = $1`,
    [run.runId],
  )
  const { rows } = await tx.$client.query<{ step: string; n: bigint }>(
    'select step, rows_done as n from weir.retention_step where run_id = $1 order by step',
    [run.runId],
  )
  return new Map(rows.map(({ step, n }) => [step, Number(n)]))
}

/** Records of runs that are long over say nothing any more. */
export async function forgetOldRuns(tx: Tx): Promise<void> {
  await tx.$client.query(
    `with old as (delete from weir.retention_run where finished_at < clock_timestamp() - interval '400 days' returning run_id)
     delete from weir.retention_step s using old where s.run_id = old.run_id`,
  )
}
