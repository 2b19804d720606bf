import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { orderPurges } from '../../src/consent/purges.ts'
import { transaction } from '../../src/db/transaction.ts'
import { prepareStorage } from '../../src/eventlog/partitions.ts'
import { createTestApp, order, type TestApp, track } from '../support/test-app.ts'

let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

const newSecret = (): string => randomBytes(32).toString('base64url')

test('a first secret for a device that is known to be somebody’s neither reads, grants nor withdraws', async () => {
  const anonymousId = randomUUID()
  await weir.grant('victim', 'personalisation')
  expect(await weir.send({ ...order('victim', 'v-1', ['tea', 'cup']), anonymousId })).toEqual(['accepted'])
  const attacker = { anonymousId, anonymousSecret: newSecret() }
  for (const choice of [true, false]) {
    const answer = await weir.browser.post('/v1/consent', { ...attacker, choices: { personalisation: choice } })
    expect(answer).toMatchObject({ status: 403, body: { code: 'not-yours' } })
  }
  const headers = { 'weir-anonymous-id': anonymousId, 'weir-anonymous-secret': attacker.anonymousSecret }
  expect((await weir.browser.get('/v1/consent', headers)).body.choices ?? {}).toEqual({})
  const recommended = await weir.browser.get('/v1/recommendations?placement=for_you&n=5', headers)
  expect(recommended.body.mode ?? 'none').not.toBe('personal')
  expect(await weir.send(order('victim', 'v-2', ['tea']))).toEqual(['accepted'])
})

test('what somebody unknown does on a device is not its last user’s', async () => {
  const anonymousId = randomUUID()
  await weir.grant('first-user', 'personalisation')
  await weir.refuse('second-user', 'personalisation')
  const view = (userId: string | undefined, product_id: string) => {
    const { userId: _, ...rest } = track('x', 'Product Viewed', { product_id })
    return { ...rest, anonymousId, ...(userId === undefined ? {} : { userId }) }
  }
  expect(await weir.send(view('first-user', 'p-1'), view(undefined, 'p-2'))).toEqual(['accepted', 'accepted'])
  expect(await weir.send(view('second-user', 'p-3'))).toEqual(['refused'])
  expect(await weir.send(view(undefined, 'p-4'))).toEqual(['refused'])

  expect(await weir.send(view('first-user', 'p-5'))).toEqual(['accepted'])
  expect(await weir.send(view('never-asked', 'p-6'), view(undefined, 'p-7'))).toEqual(['refused', 'refused'])
})

test('a choice is answered with what holds, refusals of the person’s devices included', async () => {
  const anonymousId = randomUUID()
  await weir.server.post('/v1/consent', { userId: 'careful', anonymousId, choices: { analytics: true } })
  await weir.server.post('/v1/consent', { anonymousId, choices: { personalisation: false } })
  const { body } = await weir.server.post('/v1/consent', { userId: 'careful', choices: { personalisation: true } })
  expect(body.choices).toEqual({ analytics: true, personalisation: false })
  const read = await weir.server.get('/v1/consent', { 'weir-user-id': 'careful' })
  expect(read.body.choices).toEqual(body.choices)
})

test('starting again burns no numbers of the field classes', async () => {
  const { rows: before } = await weir.owner.$client.query('select last_value from weir.field_class_class_id_seq')
  for (let i = 0; i < 3; i++) await prepareStorage(weir.db, weir.app.active().compiled, '2026-12-01')
  const { rows: after } = await weir.owner.$client.query('select last_value from weir.field_class_class_id_seq')
  expect(after).toEqual(before)
})

test('a withdrawal while a destination is out of the policy still erases what it holds', async () => {
  await weir.grant('left-behind', 'personalisation')
  expect(await weir.send(order('left-behind', 'l-1', ['tea', 'cup']))).toEqual(['accepted'])
  await weir.settle()
  const count = async (): Promise<number> => {
    const { rows } = await weir.owner.$client.query<{ n: number }>(`select count(*)::integer as n from weir.purge`)
    return rows[0]!.n
  }
  const before = await count()
  const active = weir.app.active()
  const without = { ...active, compiled: { ...active.compiled, destinations: [] } }
  const { rows } = await weir.owner.$client.query(`select subject_id from weir.subject where kind = 'user' limit 1`)
  await transaction(weir.db, (tx) => orderPurges(tx, without, [rows[0].subject_id], 1 << 3))
  expect((await count()) - before).toBeGreaterThanOrEqual(2) // the module's and the stored content
})
