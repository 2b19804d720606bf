import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Db, openPool } from '../../src/db/pool.ts'
import { transaction } from '../../src/db/transaction.ts'
import { createPolicyArchive, readDestinationIds, registerPolicy } from '../../src/policy/registry.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'
import { changed, compiled, SMALL } from '../unit/policy/small-policy.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool({ url: database.appUrl })
})
afterEach(async () => {
  const owner = openPool({ url: database.ownerUrl })
  await owner.$client.query('truncate weir.policy_version, weir.destination')
  await owner.$client.end()
})
afterAll(async () => {
  await db.$client.end()
  await database.drop()
})

const register = (text: string): Promise<number> => transaction(db, (tx) => registerPolicy(tx, compiled(text), text))

test('the same meaning keeps its version, another gets the next, and no number is lost', async () => {
  const first = await register(SMALL)
  expect(await register(`# read again\n${SMALL}`)).toBe(first)
  expect(await register(changed('retain_days: 180', 'retain_days: 90'))).toBe(first + 1)
  expect(await register(SMALL)).toBe(first)
})

test('processes that start at once agree on the version and on the destinations', async () => {
  const versions = await Promise.all(Array.from({ length: 6 }, () => register(SMALL)))
  expect(new Set(versions).size).toBe(1)
  const ids = await readDestinationIds(db)
  expect([...ids.keys()].sort()).toEqual(['reco', 'reports', 'shipping'])
  expect(new Set(ids.values()).size).toBe(3)
})

test('an old version is read as it was when it decided', async () => {
  const old = await register(SMALL)
  await register(
    changed('personalisation: {basis: consent, categories: [Functional]}', 'personalisation: {basis: consent}'),
  )
  const policyAt = createPolicyArchive()
  const policy = await policyAt(db, old)
  expect(policy).toEqual({ ...compiled(), version: old })
  expect(await policyAt(db, old)).toBe(policy)
  expect(await policyAt(db, 2_000_000_000)).toBeUndefined()
})

test('an old version that no longer passes the proofs can still be explained', async () => {
  const old = await register(SMALL)
  const owner = openPool({ url: database.ownerUrl })
  const text = changed('analytics: {basis: consent', 'analytics: {basis: legitimate-interest')
  await owner.$client.query('update weir.policy_version set source = $1', [text])
  await owner.$client.end()
  const policy = await createPolicyArchive()(db, old)
  expect(policy?.basisOf.analytics).toBe('consent')
})
