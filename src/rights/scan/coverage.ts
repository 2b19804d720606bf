import type { Db, Tx } from '../../db/pool.ts'
import { COVERAGE, type Coverage } from './coverage-columns.ts'

/** How the scan looks into a column. */
export type ColumnKind = 'uuid' | 'text' | 'bytes'

export interface LiveColumn {
  /** `schema.table`, as it is there. */
  readonly table: string
  readonly column: string
  readonly kind: ColumnKind
}

export interface CoverageReport {
  /** `table.column` of which nothing says what an erasure does with it: there must be none. */
  readonly uncovered: readonly string[]
  /** `table.column` that is described and does not exist. */
  readonly unknown: readonly string[]
  /** How many columns of the live schema were held against it. */
  readonly columns: number
}

/** Whether every column of the live schema is covered by a step of the erasure, or excluded with a reason. */
export async function coverage(db: Db | Tx): Promise<CoverageReport> {
  const live = await readScannedColumns(db)
  const names = new Set(live.map(({ table, column }) => `${describedTable(table)}.${column}`))
  return {
    uncovered: live.filter((one) => coverageOf(one) === undefined).map(({ table, column }) => `${table}.${column}`),
    unknown: Object.entries(COVERAGE)
      .flatMap(([table, columns]) => Object.keys(columns).map((column) => `${table}.${column}`))
      .filter((name) => !names.has(name)),
    columns: live.length,
  }
}

/** What becomes of a column in an erasure; undefined where nobody has said it. Detached partitions are their table's. */
export function coverageOf({ table, column }: Pick<LiveColumn, 'table' | 'column'>): Coverage | undefined {
  const said = COVERAGE[describedTable(table)]?.[column]
  return said !== undefined && 'by' in said && describedTable(table) !== table ? { by: 'detached' } : said
}

/** Columns that can hold a value of a person. Of a partitioned table its partitions are left out: they have the same. */
export async function readScannedColumns(db: Db | Tx): Promise<LiveColumn[]> {
  const { rows } = await db.$client.query<LiveColumn>(
    `select format('%s.%s', n.nspname, c.relname) as "table", a.attname as "column",
       case when coalesce(e.typname, t.typname) = 'uuid' then 'uuid'
            when coalesce(e.typname, t.typname) = 'bytea' then 'bytes' else 'text' end as kind
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_type d on d.oid = a.atttypid
       join pg_type t on t.oid = case when d.typtype = 'd' then d.typbasetype else d.oid end
       left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
     where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'm', 'f') and not c.relispartition
       and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast|^pg_temp'
       and (coalesce(e.typcategory, t.typcategory) = 'S'
         or coalesce(e.typname, t.typname) in ('uuid', 'bytea', 'json', 'jsonb', 'xml', 'hstore'))
     order by 1, a.attnum`,
  )
  return rows
}

const DETACHED = /^(weir\.(?:sealed|event_log))_(?:[a-z0-9_]+_)?\d{4}_\d{2}(?:_\d{2})?$/

/** The table by which a detached partition is described. */
export function describedTable(table: string): string {
  return table.replace(DETACHED, '$1')
}
