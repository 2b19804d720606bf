import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Db, openPool } from '../../src/db/pool.ts'
import { detach, dropDetached, listPartitions, type Partition, spanOf } from '../../src/retention/partitions.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'

let database: TestDatabase
let app: Db

beforeAll(async () => {
  database = await createTestDatabase()
  app = openPool({ url: database.appUrl, max: 3 })
})
afterAll(async () => {
  await app.$client.end()
  await database.drop()
})

async function classOf(name: string): Promise<number> {
  const { rows } = await app.$client.query<{ id: number }>(
    `select weir.ensure_class($1, 'day', 2, '2026-03-15'::date) as id`,
    [name],
  )
  return rows[0]!.id
}

async function partition(part: string): Promise<Partition> {
  return (await listPartitions(app)).find((one) => one.part === part)!
}

async function put(classId: number, due: string): Promise<void> {
  await app.$client.query(
    `insert into weir.sealed (class_id, due, subject_id, pos, bytes) values ($1, $2, gen_random_uuid(), 1, '\\x00')`,
    [classId, due],
  )
}

test('the gateway detaches a partition without a transaction and drops it, when its rows are due', async () => {
  const id = await classOf('plain')
  await put(id, '2026-03-16')
  const part = 'sealed_plain_2026_03_16'
  expect(await partition(part)).toEqual({
    part,
    parent: 'sealed_plain',
    class: 'plain',
    state: 'attached',
    first: '2026-03-16',
    past: '2026-03-17',
  })
  expect(await spanOf(app, part)).toEqual({ n: 1n, first: '2026-03-16', last: '2026-03-16' })
  await expect(dropDetached(app, part, '2026-03-16')).rejects.toMatchObject({ code: '55006' })
  expect(await detach(app, await partition(part))).toBe(true)
  expect(await partition(part)).toMatchObject({ state: 'detached', class: 'plain' })
  await expect(dropDetached(app, part, '2026-03-15')).rejects.toMatchObject({ code: '55006' })
  await expect(app.$client.query(`select from weir.${part}`)).rejects.toMatchObject({ code: '42501' })
  expect(await dropDetached(app, part, '2026-03-16')).toBe(1n)
  expect(await partition(part)).toBeUndefined()
  expect(await spanOf(app, part)).toEqual({ n: 0n, first: null, last: null }) // for who had listed it before
  const { rows } = await app.$client.query('select current_user::text as who')
  expect(rows).toEqual([{ who: 'weir_app' }])
})

test('a reader that does not end holds it up for seconds; it is then pending, out of sight, and finished by the next run', async () => {
  const id = await classOf('held')
  await put(id, '2026-03-16')
  const part = 'sealed_held_2026_03_16'
  const reader = new pg.Client({ connectionString: database.appUrl })
  await reader.connect()
  await reader.query('begin')
  await reader.query('select from weir.sealed where class_id = $1', [id])
  expect(await detach(app, await partition(part))).toBe(false)
  expect(await partition(part)).toMatchObject({ state: 'pending' })
  await put(id, '2026-03-17') // others go on
  await reader.query('rollback')
  await reader.end()
  expect(await detach(app, await partition(part))).toBe(true)
  expect(await dropDetached(app, part, '2026-03-16')).toBe(1n)
})

test('the role that detaches is taken on for that alone: nobody can make or alter tables with it', async () => {
  const client = await app.$client.connect()
  try {
    await client.query('set role weir_retention')
    for (const forbidden of [
      'create table weir.mine (id int)',
      'drop table weir.sealed',
      'drop table weir.consent_ledger',
      'select from weir.identifier',
      `select weir.give_to_retention('consent_ledger')`,
    ])
      await expect(client.query(forbidden), forbidden).rejects.toMatchObject({ code: '42501' })
  } finally {
    await client.query('reset role')
    client.release()
  }
})
