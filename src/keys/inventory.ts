import type { Db } from '../db/pool.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { COVERED, type CoveredColumn, KEPT } from './inventory-columns.ts'
import { type KeyRow, readKeys } from './key-table.ts'
import { KEY_CLASSES } from './provider.ts'

/** One line of the crypto inventory (OWASP ASVS 5.0, 11.1.2): a column and one class of fields that lie in it. */
export interface InventoryLine {
  readonly table: string
  readonly column: string
  readonly fieldClass: string
  readonly suite: string
  /** With the number of the active key, where the class has one: `epoch/3`; `subject (epoch/3)` for a subject's own key. */
  readonly keyClass: string
  /** How long the class is kept, as the policy says; `-` where it is nobody's. */
  readonly retention: string
}

export interface Inventory {
  readonly columns: readonly InventoryLine[]
  /** `table.column` of text, json or bytes that nothing says the protection of: there must be none. */
  readonly uncovered: readonly string[]
  /** `table.column` that is described and does not exist. */
  readonly unknown: readonly string[]
}

/** What every column of the live schema holds and how it is protected. */
export async function inventory(db: Db, policy: CompiledPolicy): Promise<Inventory> {
  const live = await readColumns(db)
  const keys = await readKeys(db)
  const names = new Set(live.map(({ table, column }) => `${table}.${column}`))
  const described = Object.entries(COVERED).flatMap(([table, columns]) =>
    Object.keys(columns).map((one) => `${table}.${one}`),
  )
  return {
    columns: live.flatMap(({ table, column }) => {
      const covered = COVERED[table]?.[column]
      return covered === undefined ? [] : linesOf(table, column, covered, policy, keys)
    }),
    uncovered: live
      .filter(({ table, column }) => COVERED[table]?.[column] === undefined)
      .map((one) => `${one.table}.${one.column}`),
    unknown: described.filter((name) => !names.has(name)),
  }
}

function linesOf(
  table: string,
  column: string,
  covered: CoveredColumn,
  policy: CompiledPolicy,
  keys: readonly KeyRow[],
): InventoryLine[] {
  const classes = covered.fieldClass === 'any' ? [...policy.classes.keys()] : [covered.fieldClass]
  return classes.map((fieldClass) => ({
    table,
    column,
    fieldClass,
    suite: covered.suite,
    keyClass: keyName(covered.keyClass, keys),
    retention: covered.keyClass === 'none' && covered.suite === 'none' ? '-' : keptAs(policy, table, fieldClass),
  }))
}

function keyName(keyClass: CoveredColumn['keyClass'], keys: readonly KeyRow[]): string {
  const wanted = keyClass === 'subject' ? 'epoch' : keyClass
  const known = KEY_CLASSES.find((one) => one === wanted)
  const kid = keys.find((row) => row.class === known && row.state === 'active')?.kid
  const name = kid === undefined ? wanted : `${wanted}/${kid}`
  return keyClass === 'subject' ? `subject (${name})` : name
}

function keptAs(policy: CompiledPolicy, table: string, fieldClass: string): string {
  const kept = KEPT[table]
  if (kept === undefined) return retentionOf(policy, fieldClass)
  return typeof kept === 'string' ? kept : retentionOf(policy, kept.as)
}

function retentionOf(policy: CompiledPolicy, name: string): string {
  const fieldClass = policy.classes.get(name)
  if (fieldClass === undefined) return '-'
  const floor =
    fieldClass.floorDays === undefined
      ? ''
      : `, at least ${fieldClass.floorDays} d (${fieldClass.floorBasis ?? 'by law'})`
  return `${fieldClass.retainDays} d${floor}`
}

/**
 * Columns that can hold a value of a person: partitions are their parent's, those that were detached under restriction
 * too; system tables are Postgres' own.
 */
async function readColumns(db: Db): Promise<{ table: string; column: string }[]> {
  const { rows } = await db.$client.query<{ table: string; column: string }>(
    `select n.nspname || '.' || c.relname as "table", a.attname as "column"
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_type t on t.oid = a.atttypid left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
     where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'm', 'f') and not c.relispartition
       and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast|^pg_temp'
       and (coalesce(e.typcategory, t.typcategory) = 'S' or coalesce(e.typname, t.typname) in ('bytea', 'json', 'jsonb', 'xml', 'hstore'))
     order by 1, a.attnum`,
  )
  const named = rows.map(({ table, column }) => ({ table: table.replace(DETACHED, '$1'), column }))
  return [...new Map(named.map((one) => [`${one.table}.${one.column}`, one])).values()]
}

const DETACHED = /^(weir\.(?:sealed|event_log))_(?:[a-z0-9_]+_)?\d{4}_\d{2}(?:_\d{2})?$/
