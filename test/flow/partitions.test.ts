import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Db, openPool } from '../../src/db/pool.ts'
import { detach, dropDetached, listPartitions } from '../../src/retention/partitions.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'

let database: TestDatabase
let app: Db

beforeAll(async () => {
  database = await createTestDatabase()
  app = openPool({ url: database.appUrl, max: 2 })
})
afterAll(async () => {
  await app.$client.end()
  await database.drop()
})

async function ensure(name: string, step: 'day' | 'month', days: number, today: string): Promise<number> {
  const { rows } = await app.$client.query<{ id: number }>('select weir.ensure_class($1, $2, $3, $4::date) as id', [
    name,
    step,
    days,
    today,
  ])
  return rows[0]!.id
}

/** What is due by its first row, detached and dropped as housekeeping does it. */
async function dropDue(today: string): Promise<number> {
  const due = (await listPartitions(app)).filter((one) => one.class !== null && one.first! <= today)
  for (const one of due) {
    expect(await detach(app, one)).toBe(true)
    await dropDetached(app, one.part, today)
  }
  return due.length
}

/** First days of a class's partitions. */
async function partitionsOf(name: string): Promise<string[]> {
  const { rows } = await app.$client.query<{ relname: string }>(
    `select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = to_regclass('weir.sealed_' || $1) order by 1`,
    [name],
  )
  return rows.map(({ relname }) => relname.slice(-10))
}

test('a first start makes no partition that is due already, and the first one that can be needed', async () => {
  const briefly = await ensure('briefly', 'day', 1, '2026-03-15')
  await ensure('by_month', 'month', 40, '2026-03-15')
  await ensure('from_the_first', 'month', 40, '2026-03-01')
  expect(await partitionsOf('briefly')).toEqual(['2026_03_16', '2026_03_17', '2026_03_18'])
  expect((await partitionsOf('by_month'))[0]).toBe('2026_04_01')
  expect((await partitionsOf('from_the_first'))[0]).toBe('2026_04_01')
  expect(await dropDue('2026-03-15')).toBe(0)
  await app.$client.query(
    `insert into weir.sealed (class_id, due, subject_id, pos, bytes) values ($1, '2026-03-16', gen_random_uuid(), 1, '\\x00')`,
    [briefly],
  )
})

test('on the next day what fell due is dropped, and only the days to come are made', async () => {
  await ensure('daily', 'day', 2, '2026-03-15')
  expect(await dropDue('2026-03-16')).toBeGreaterThan(0)
  await ensure('daily', 'day', 2, '2026-03-16')
  expect(await partitionsOf('daily')).toEqual(['2026_03_17', '2026_03_18', '2026_03_19', '2026_03_20'])
  expect(await dropDue('2026-03-16')).toBe(0)
})
