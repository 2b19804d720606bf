import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Db, openPool } from '../../../src/db/pool.ts'
import { coverage, coverageOf, readScannedColumns } from '../../../src/rights/scan/coverage.ts'
import { COVERAGE } from '../../../src/rights/scan/coverage-columns.ts'
import { createTestDatabase, type TestDatabase } from '../../support/test-database.ts'

let database: TestDatabase
let owner: Db
beforeAll(async () => {
  database = await createTestDatabase()
  owner = openPool({ url: database.ownerUrl, max: 2 })
})
afterAll(async () => {
  await owner?.$client.end()
  await database?.drop()
})

test('every column that can hold a value of a person is taken by a step of the erasure, or it is said why not', async () => {
  const found = await coverage(owner)
  expect(found.uncovered).toEqual([])
  expect(found.unknown).toEqual([])
  expect(found.columns).toBeGreaterThan(250)
})

test('a table that somebody adds and forgets is found, whatever the type of its columns, and so is a column that went', async () => {
  await owner.$client.query(
    `create domain weir.said as text;
     create schema newcomer;
     create table newcomer.visit (a uuid, b text, c jsonb, d bytea, e uuid[], f varchar(9)[], g weir.said, n bigint, t timestamptz);
     alter table weir.link drop column state`,
  )
  const found = await coverage(owner)
  expect(found.uncovered).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `newcomer.visit.${name}`))
  expect(found.unknown).toEqual(['weir.link.state'])
  await owner.$client.query('drop schema newcomer cascade; alter table weir.link add column state text')
})

test('a partition that was detached to be kept is its table’s still, and has a step of its own', async () => {
  await owner.$client.query('create table weir.sealed_order_2026_01 (subject_id uuid, bytes bytea)')
  expect((await coverage(owner)).uncovered).toEqual([])
  expect(coverageOf({ table: 'weir.sealed_order_2026_01', column: 'bytes' })).toEqual({ by: 'detached' })
  expect(coverageOf({ table: 'weir.sealed', column: 'bytes' })).toEqual({ by: 'rows' })
  await owner.$client.query('drop table weir.sealed_order_2026_01')
})

test('who names a subject is covered: no column called so is excluded', async () => {
  const named = (await readScannedColumns(owner)).filter(({ column }) =>
    /^(subject|subject_id|device_id|user_id)$/.test(column),
  )
  expect(named.length).toBeGreaterThan(20)
  for (const one of named) expect([one.table, coverageOf(one)]).toEqual([one.table, { by: expect.any(String) }])
})

test('a reason for an exclusion is said in words', () => {
  const reasons = Object.values(COVERAGE).flatMap((columns) =>
    Object.values(columns).flatMap((one) => ('excluded' in one ? [one.excluded] : [])),
  )
  for (const reason of reasons) expect(reason.split(' ').length).toBeGreaterThan(3)
})
