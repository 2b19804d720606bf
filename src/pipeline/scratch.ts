import type { Tx } from '../db/pool.ts'
import type { Module } from '../modules/module.ts'
import { become } from './as-module.ts'

/** A module's tables once more, empty, for this transaction alone. */
export interface Scratch {
  /** Runs what a module does on them rather than on its own. */
  run<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Lets the planner know how many rows there are by now. */
  analyze(): Promise<void>
}

/**
 * Makes temporary tables like a module's, which the transaction's end removes: nobody else sees them, no lock of them is in
 * anybody's way, and they are in no write-ahead log. A module names its tables with its schema; on a scratch the name of
 * the schema is that of the session's temporary one.
 */
export async function openScratch(tx: Tx, module: Module): Promise<Scratch> {
  const { rows } = await tx.$client.query<{ name: string; single: boolean }>(
    `select c.relname as name, exists (
       select from pg_attribute a where a.attrelid = c.oid and a.attname = 'one' and not a.attisdropped) as single
     from pg_class c where c.relnamespace = $1::regnamespace and c.relkind = 'r' order by c.relname`,
    [module.name],
  )
  await tx.$client.query(become(module))
  for (const { name, single } of rows) {
    await tx.$client.query(`create temp table "${name}" (like ${module.name}."${name}" including all) on commit drop`)
    // A table of one row always has it; clear says what it begins as.
    if (single) await tx.$client.query(`insert into pg_temp."${name}" select * from ${module.name}."${name}"`)
  }
  await tx.$client.query('reset role')
  const elsewhere = onScratch(tx, module.name)
  const scratch: Scratch = {
    async run(work) {
      await tx.$client.query(become(module))
      const result = await work(elsewhere)
      await tx.$client.query('reset role')
      return result
    },
    async analyze() {
      await tx.$client.query(become(module))
      for (const { name } of rows) await tx.$client.query(`analyze pg_temp."${name}"`)
      await tx.$client.query('reset role')
    },
  }
  await scratch.run((on) => module.clear(on))
  return scratch
}

/** The same connection, on which the schema of a module means the temporary one. Statements are not prepared by name. */
function onScratch(tx: Tx, schema: string): Tx {
  const named = new RegExp(`\\b${schema}\\.(?=[a-z_"])`, 'g')
  const reword = (text: string): string => text.replace(named, 'pg_temp.')
  const client = tx.$client
  const query = (what: string | { text: string; values?: unknown[] }, values?: unknown[]): unknown =>
    typeof what === 'string'
      ? client.query(reword(what), values as unknown[])
      : client.query(reword(what.text), what.values ?? [])
  return { $client: { query } } as unknown as Tx // modules ask nothing else of a transaction
}
