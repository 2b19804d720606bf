import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import { finishErasure } from '../../../src/rights/erasure/finish.ts'
import { eraseNow, runErasure } from '../../../src/rights/erasure/now.ts'
import { destroyKeys } from '../../../src/rights/erasure/remove.ts'
import { opened, takeSample } from '../../../src/rights/erasure/sample.ts'
import { move } from '../../../src/rights/move.ts'
import { subjectsBehind } from '../../../src/rights/people.ts'
import { findRequest, lockRequest } from '../../../src/rights/rows.ts'
import { readRows } from '../../support/person-rows.ts'
import { provedRequest } from '../../support/proved-request.ts'
import { createTestApp, order, type TestApp, track } from '../../support/test-app.ts'
import { until } from '../../support/until.ts'

let weir: TestApp

beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

const named = (value: string): readonly [{ type: 'user_id'; value: string; verified: true }] => [
  { type: 'user_id', value, verified: true },
]

async function buy(user: string, anonymousId: string): Promise<void> {
  const choices = { attribution: true, personalisation: true }
  await weir.server.post('/v1/consent', { userId: user, anonymousId, choices })
  await weir.send({ ...order(user, `o-${user}`, ['P-1', 'P-2']), anonymousId })
  await weir.settle()
}

async function subjects(): Promise<number> {
  return (await readRows(weir))['weir.subject']
}

test('an event that was decided before an erasure and is appended after it is decided again: nothing of it is kept', async () => {
  const user = `late-${randomUUID()}`
  await weir.grant(user, 'personalisation')
  await weir.send(track(user, 'Product Viewed', { product_id: 'P-1' }))
  await weir.settle()
  const holder = await weir.owner.$client.connect()
  try {
    // The group has decided and sealed, and waits where it takes its keys; the erasure needs nothing of that.
    await holder.query('begin; lock table weir.dedupe_0, weir.dedupe_1 in exclusive mode')
    const sent = weir.send(track(user, 'Product Viewed', { product_id: 'P-late' }))
    await until('the group waits', async () => {
      const { rows } = await weir.owner.$client.query(
        `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%append_events%'`,
      )
      return rows.length > 0
    })
    await eraseNow(weir.app.rights.deps, { identifiers: named(user), caseId: 'DSR-1', regime: 'PIPL', language: 'en' })
    await holder.query('commit')
    expect(await sent).toEqual(['suppressed'])
  } finally {
    holder.release(true)
  }
  expect(await readRows(weir)).toMatchObject({ 'weir.subject': 0, 'weir.sealed': 0, 'weir.subject_key': 1 }) // the request's own
}, 60_000)

test('a device that becomes known as theirs during the cooling-off is restricted with them, and erased with them', async () => {
  const [user, known, late] = [`joins-${randomUUID()}`, randomUUID(), randomUUID()]
  await buy(user, known)
  await weir.server.post('/v1/consent', { anonymousId: late, choices: { personalisation: true } })
  await weir.send({
    ...track('', 'Product Viewed', { product_id: 'P-9' }),
    userId: undefined,
    anonymousId: late,
  } as never)
  await weir.settle()
  const before = await subjects()
  const id = await provedRequest(weir, 'erasure', named(user))
  await weir.app.rights.processAll()
  await weir.settle()
  expect((await readRows(weir))['recommendation.view']).toBe(1) // the device's, which is nobody's yet
  await weir.server.post('/v1/consent', { userId: user, anonymousId: late, choices: { analytics: true } })
  await weir.settle()
  const held = await readRows(weir)
  expect([held['recommendation.view'], held['recommendation.link'], held['attribution.link']]).toEqual([0, 0, 0])
  const event = { type: 'track', event: 'Product Viewed', anonymousId: late, properties: { product_id: 'P-9' } }
  expect(await weir.send(event)).toEqual(['suppressed'])
  weir.moveClock(25 * 3_600_000)
  await weir.app.rights.processAll()
  expect((await findRequest(weir.db, id))?.state).toBe('completed_partial')
  expect(await subjects()).toBe(before - 3)
})

test('whoever comes again before the scan is no leftover: there is a receipt, and the new person stays', async () => {
  const user = `again-${randomUUID()}`
  await buy(user, randomUUID())
  const { deps } = weir.app.rights
  const id = await provedRequest(weir, 'erasure', named(user))
  await transaction(weir.db, async (tx) => {
    await move(tx, await lockRequest(tx, id), 'executing', {
      actor: 'weir',
      now: deps.now(),
      nextAt: deps.now() + 600_000,
    })
  })
  const request = await runErasure(deps, id)
  await weir.grant(user, 'personalisation')
  const now = await subjects()
  expect((await finishErasure(deps, request))?.receipt).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  expect(await subjects()).toBe(now)
})

test('what stays somewhere gets no receipt: the request is tried again until nothing does', async () => {
  const user = `stays-${randomUUID()}`
  await buy(user, randomUUID())
  const { deps } = weir.app.rights
  const [subject] = await subjectsBehind(weir.db, deps.keyring, named(user))
  // A table that nobody told the erasure of.
  await weir.owner.$client.query('create table weir.forgotten (subject_id uuid)')
  await weir.owner.$client.query('insert into weir.forgotten values ($1)', [subject])
  const id = await provedRequest(weir, 'erasure', named(user))
  await weir.app.rights.processAll()
  weir.moveClock(25 * 3_600_000)
  await weir.app.rights.processAll()
  expect(await findRequest(weir.db, id)).toMatchObject({ state: 'failed', reason: 'scan-hits', receipt: undefined })
  await weir.owner.$client.query('drop table weir.forgotten')
  weir.moveClock(2 * 3_600_000)
  await weir.app.rights.processAll()
  expect(await findRequest(weir.db, id)).toMatchObject({ state: 'completed_partial', receipt: expect.any(String) })
})

test('a sample opens as long as the keys are there, and not any more then', async () => {
  const user = `sample-${randomUUID()}`
  await buy(user, randomUUID())
  const { deps } = weir.app.rights
  const subjects = await subjectsBehind(weir.db, deps.keyring, named(user))
  const sample = await transaction(weir.db, (tx) => takeSample(tx, subjects))
  expect(sample.length).toBeGreaterThan(2)
  expect(await opened(weir.db, deps.keyring, sample)).toBe(sample.length)
  await transaction(weir.db, (tx) => destroyKeys(tx, deps, subjects))
  expect(await opened(weir.db, deps.keyring, sample)).toBe(0)
})
