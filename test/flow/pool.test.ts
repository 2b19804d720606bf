import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Db, openPool } from '../../src/db/pool.ts'
import { transaction } from '../../src/db/transaction.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'
import { until } from '../support/until.ts'

let database: TestDatabase
let db: Db
let superuser: Db

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool({ url: database.appUrl, max: 1 })
  superuser = openPool({ url: database.superuserUrl, max: 1 })
})
afterAll(async () => {
  await db.$client.end()
  await superuser.$client.end()
  await database.drop()
})

test('a connection that breaks between two statements fails its transaction, not the process', async () => {
  const broken = transaction(db, async (tx) => {
    const { rows } = await tx.$client.query<{ pid: number }>('select pg_backend_pid() as pid')
    await superuser.$client.query('select pg_terminate_backend($1)', [rows[0]?.pid])
    let failed = false
    await until('the connection is gone', async () => {
      await tx.$client.query('select 1').catch(() => {
        failed = true
      })
      return failed
    })
    throw new Error('and so is the transaction')
  })
  await expect(broken).rejects.toThrow('and so is the transaction')
  expect((await db.$client.query<{ one: number }>('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('a statement that is not answered is given up, and its connection with it', async () => {
  const impatient = openPool({ url: database.appUrl, max: 1, patience: 200 })
  const hanging = transaction(impatient, (tx) => tx.$client.query('select pg_sleep(60)'))
  await expect(hanging).rejects.toThrow('timeout')
  expect((await impatient.$client.query<{ one: number }>('select 1 as one')).rows).toEqual([{ one: 1 }])
  await impatient.$client.end()
})

test('a transaction that goes quiet is ended by the server, so that nobody waits for its locks for good', async () => {
  const quiet = openPool({ url: database.appUrl, max: 1, patience: 200 })
  const frozen = transaction(quiet, async (tx) => {
    await tx.$client.query('select pg_advisory_xact_lock(1, 1)')
    await db.$client.query('select pg_advisory_lock(1, 1), pg_advisory_unlock(1, 1)') // had only when it is gone
    await tx.$client.query('select 1')
  })
  await expect(frozen).rejects.toThrow()
  expect((await quiet.$client.query<{ one: number }>('select 1 as one')).rows).toEqual([{ one: 1 }])
  await quiet.$client.end()
})
