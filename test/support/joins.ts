import type { Db } from '../../src/db/pool.ts'
import type { Json } from '../../src/event/event.ts'

/** A column of text of one destination: what stands in it, and with how many people each value. */
export interface TextColumn {
  /** `conversion.order_token`; what lies in JSON and arrays by its path. */
  readonly path: string
  readonly values: ReadonlySet<string>
  /**
   * Whether its values name people or what is theirs: at least twenty, most of them with one person alone. Judged by the
   * data, whatever the column is called.
   */
  readonly isIdentifier: boolean
}

const TEXT_TYPES = ['text', 'character varying', 'character', 'uuid', 'bytea', 'jsonb', 'json', 'ARRAY']
const FEW = 20

/** Every column of text in a schema. Days, times and numbers are quasi-identifiers, which are measured: not here. */
export async function textColumns(owner: Db, schema: string): Promise<TextColumn[]> {
  const { rows: tables } = await owner.$client.query<{ name: string; columns: string[] }>(
    `select t.table_name as name, array_agg(c.column_name::text) filter (where c.data_type = any($2)) as columns
     from information_schema.tables t join information_schema.columns c using (table_schema, table_name)
     where table_schema = $1 and table_type = 'BASE TABLE' group by 1 order by 1`,
    [schema, TEXT_TYPES],
  )
  const found: TextColumn[] = []
  for (const { name, columns } of tables) {
    if (columns === null) continue
    const { rows } = await owner.$client.query<{ row: Record<string, Json> }>(
      `select to_jsonb(t) as row from (select ${columns.map((one) => `"${one}"`).join(', ')} from ${schema}.${name}) t`,
    )
    found.push(
      ...columnsOf(
        name,
        rows.map(({ row }) => row),
      ),
    )
  }
  return found
}

function columnsOf(table: string, rows: readonly Record<string, Json>[]): TextColumn[] {
  const people = new Map<string, Map<string, Set<string>>>()
  for (const row of rows) {
    const person = String(row.subject ?? row.root ?? '')
    for (const [path, text] of textsIn(row, table)) {
      const values = people.get(path) ?? new Map<string, Set<string>>()
      people.set(path, values.set(text, (values.get(text) ?? new Set()).add(person)))
    }
  }
  return [...people].map(([path, values]) => {
    const ofOne = [...values.values()].filter((who) => who.size === 1).length
    const named = rows.some((row) => 'subject' in row || 'root' in row)
    return {
      path,
      values: new Set(values.keys()),
      isIdentifier: named && values.size >= FEW && ofOne * 2 > values.size,
    }
  })
}

function textsIn(value: Json, path: string): [string, string][] {
  if (typeof value === 'string') return value === '' ? [] : [[path, value]]
  if (Array.isArray(value)) return value.flatMap((item) => textsIn(item, `${path}[]`))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => textsIn(item as Json, `${path}.${key}`))
}

/** Pairs of columns, one of them an identifier's, that have a value in common; with how many they were compared. */
export function joinsOf(
  ours: readonly TextColumn[],
  theirs: readonly TextColumn[],
): { readonly pairs: number; readonly joined: string[] } {
  const joined: string[] = []
  let pairs = 0
  for (const a of ours) {
    for (const b of theirs) {
      if (!a.isIdentifier && !b.isIdentifier) continue
      pairs++
      let rows = 0
      for (const value of a.values) if (b.values.has(value)) rows++
      if (rows > 0) joined.push(`${a.path} = ${b.path}: ${rows}`)
    }
  }
  return { pairs, joined }
}

/** Values that look like a SHA-256, or hold one of the ids that came in. */
export function speakingValues(columns: readonly TextColumn[], rawIds: ReadonlySet<string>): string[] {
  return columns.flatMap(({ path, values }) =>
    [...values].filter((value) => /[0-9a-f]{32,}/i.test(value) || rawIds.has(value)).map(() => path),
  )
}
