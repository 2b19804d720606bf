import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { is } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Db, openPool } from '../../src/db/pool.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'

const SOURCE = join(import.meta.dirname, '..', '..', 'src')

let database: TestDatabase
let owner: Db

beforeAll(async () => {
  database = await createTestDatabase()
  owner = openPool({ url: database.ownerUrl, max: 1 })
})
afterAll(async () => {
  await owner.$client.end()
  await database.drop()
})

interface Column {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  readonly key: boolean
}

/** Migrations are written by hand: nothing but this keeps what drizzle is told of a table equal to the table. */
test('what the code says of its tables is what the migrations made', async () => {
  const said = await tablesInCode()
  expect(Object.keys(said).length).toBeGreaterThan(0)
  expect(said).toEqual(await tablesInDatabase(Object.keys(said)))
})

async function tablesInCode(): Promise<Record<string, Column[]>> {
  const files = (await readdir(SOURCE, { recursive: true })).filter((file) => /(^|[\\/])tables\.ts$/.test(file))
  const exported = await Promise.all(files.map(async (file) => Object.values(await import(join(SOURCE, file)))))
  const tables = exported.flat().filter((value): value is PgTable => is(value, PgTable))
  return Object.fromEntries(
    tables.map((table) => {
      const { schema, name, columns } = getTableConfig(table)
      const described = columns.map(
        (column): Column => ({
          name: column.name,
          type: column.getSQLType(),
          notNull: column.notNull,
          key: column.primary,
        }),
      )
      return [`${schema}.${name}`, described.toSorted(byName)]
    }),
  )
}

async function tablesInDatabase(names: readonly string[]): Promise<Record<string, Column[]>> {
  const { rows } = await owner.$client.query<Column & { table: string }>(
    `select a.attrelid::regclass::text as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       a.attnotnull as "notNull", coalesce(a.attnum = any(i.indkey), false) as key
     from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
     where a.attrelid = any($1::regclass[]) and a.attnum > 0 and not a.attisdropped`,
    [names],
  )
  const byTable = Map.groupBy(rows, (row) => row.table)
  return Object.fromEntries(
    [...byTable].map(([table, columns]) => [table, columns.map(({ table: _, ...column }) => column).toSorted(byName)]),
  )
}

function byName(a: Column, b: Column): number {
  return a.name < b.name ? -1 : 1
}
