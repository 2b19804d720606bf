import { byteaArray, textArray, uuidArray } from '../../db/binary-array.ts'
import type { Db, Tx } from '../../db/pool.ts'
import { sqlState } from '../../db/transaction.ts'
import { COVERED as INVENTORY } from '../../keys/inventory-columns.ts'
import type { Needles } from '../request.ts'
import { coverageOf, describedTable, readScannedColumns } from './coverage.ts'
import { type SearchPlan, searchPlan } from './plan.ts'

export interface Hit {
  /** `schema.table`; partitions are their table's. `pg_statistic`: what the planner keeps of a column. */
  readonly table: string
  readonly column: string
}

export interface ScanResult {
  /** How many columns were looked into. */
  readonly columns: number
  /** Where something was found; never what. */
  readonly hits: readonly Hit[]
  /** Whether a needle was so short that it was looked for only as a whole value where an identifier could stand. */
  readonly coarse: boolean
}

export interface ScanOptions {
  /** After each table: how many of how many are done. */
  readonly progress?: (done: number, of: number) => void
  readonly signal?: AbortSignal
}

interface Part {
  readonly id: bigint
  readonly table: string
}

/**
 * Looks for needles in every table and column of every schema, and in the planner's statistics. Nothing is excluded:
 * not what is sealed, not the audit log, not what is kept by law. A table at a time, each with a snapshot of its own: what
 * is written meanwhile is found or not, so that whoever was erased must not be able to come back before (the generation
 * barrier sees to that). Statistics that remember somebody are made anew, and looked at again.
 */
export async function scanDatabase(
  db: Db | Tx,
  needles: Needles,
  { progress, signal }: ScanOptions = {},
): Promise<ScanResult> {
  const plan = searchPlan(needles)
  const [columns, parts] = [await readScannedColumns(db), await readParts(db)]
  const coarseIn = coarseColumns(columns.filter(({ kind }) => kind !== 'uuid'))
  const hits = new Map<string, Hit>()
  for (const [i, part] of parts.entries()) {
    signal?.throwIfAborted()
    const table = describedTable(part.table)
    for (const column of await scanPart(db, part, plan, coarseIn.get(table) ?? [])) {
      hits.set(`${table}.${column}`, { table, column })
    }
    progress?.(i + 1, parts.length)
  }
  for (const column of await scanStatistics(db, plan)) hits.set(column, { table: 'pg_statistic', column })
  const looked = new Set(columns.map(({ table, column }) => `${describedTable(table)}.${column}`))
  return { columns: looked.size, hits: [...hits.values()], coarse: plan.coarse.length > 0 }
}

/** Every table that has rows of its own, partitions among them. */
async function readParts(db: Db | Tx): Promise<Part[]> {
  const { rows } = await db.$client.query<Part>(
    `select c.oid::int8 as id, format('%s.%s', n.nspname, p.relname) as "table"
     from pg_class c join pg_class p on p.oid = coalesce(pg_partition_root(c.oid)::oid, c.oid)
       join pg_namespace n on n.oid = p.relnamespace
     where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast|^pg_temp'
     order by 2, c.relname`,
  )
  return rows
}

async function scanPart(db: Db | Tx, { id }: Part, plan: SearchPlan, coarseIn: readonly string[]): Promise<string[]> {
  try {
    const { rows } = await db.$client.query<{ col: string }>(
      `select col from weir.scan_table($1::oid::regclass, $2::bytea[], $3::text[], $4::bytea[], $5::uuid[], $6::text[], $7::text[], $8::text[])`,
      [
        id,
        byteaArray(plan.texts.map((one) => Buffer.from(one, 'utf8'))),
        textArray(plan.words),
        byteaArray(plan.bytes),
        uuidArray(plan.ids),
        textArray(plan.numbers),
        textArray(plan.coarse),
        textArray(coarseIn),
      ],
    )
    return rows.map(({ col }) => col)
  } catch (error) {
    if (isGone(error)) return [] // a partition that fell due meanwhile
    throw error
  }
}

function isGone(error: unknown): boolean {
  return ['42P01', 'XX000'].includes(sqlState(error) ?? '') && /does not exist|could not open/.test(String(error))
}

async function scanStatistics(db: Db | Tx, plan: SearchPlan): Promise<string[]> {
  const stale = await readStatistics(db, plan)
  if (stale.length === 0) return []
  for (const table of new Set(stale.map(({ tab }) => tab))) {
    await db.$client.query('select weir.refresh_statistics($1::regclass)', [table])
  }
  return (await readStatistics(db, plan)).map(({ tab, col }) => `${tab}.${col}`)
}

async function readStatistics(
  db: Db | Tx,
  { texts, bytes, ids, words }: SearchPlan,
): Promise<{ tab: string; col: string }[]> {
  const { rows } = await db.$client.query<{ tab: string; col: string }>(
    'select tab, col from weir.scan_statistics($1::text[], $2::text[])',
    [textArray([...texts, ...ids, ...bytes.map((one) => one.toString('hex'))]), textArray(words)],
  )
  return rows
}

/**
 * Where an identifier could stand and a short one means something: columns of people in which every value is a name
 * (a pseudonym, a token, an index value), not those that say in plain words what somebody did.
 */
function coarseColumns(columns: readonly { table: string; column: string }[]): Map<string, string[]> {
  const named = columns.filter(({ table, column }) => {
    const said = coverageOf({ table, column })
    const suite = INVENTORY[describedTable(table)]?.[column]?.suite
    return said === undefined || ('by' in said && suite !== 'none under a pseudonym' && suite !== 'none')
  })
  const byTable = Map.groupBy(named, ({ table }) => describedTable(table))
  return new Map([...byTable].map(([table, all]) => [table, all.map(({ column }) => column)]))
}
