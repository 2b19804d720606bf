import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import type { Caller } from '../../support/test-app.ts'
import { type AskedFor, type House, openHouse, type Person } from './house.ts'

let house: House
let compliance: Caller

beforeAll(async () => {
  house = await openHouse()
  compliance = await house.weir.token('compliance')
})
afterAll(() => house.stop())

async function asks(changes: JsonObject[]): Promise<Person & AskedFor> {
  const person = await house.person()
  await house.weir.settle()
  const subjectToken = await house.session(person.userId, {
    typ: 'dsr-session+jwt',
    claims: { right: 'correction', auth_time: Math.floor(house.weir.app.rights.deps.now() / 1000) },
  })
  const identifier = { type: 'user_id', value: person.userId }
  const asked = await house.ask({ right: 'correction', identifier, subjectToken, changes, language: 'en' })
  await house.work()
  house.mailsTo(person.email)
  return { ...person, ...asked }
}

test('a correction waits for an officer, is made, and the person is told how much was changed', async () => {
  const one = await asks([
    { event: 'Order Completed', path: 'properties.products[].product_id', from: 'P-1', to: 'P-2' },
  ])
  expect(await house.row(one.requestId)).toMatchObject({ state: 'verified', needs_officer: true })
  expect((await compliance.post(`/api/requests/${one.requestId}/accept`, {})).status).toBe(200)
  await house.work()
  expect(await house.status(one)).toMatchObject({ state: 'completed', corrected: 1 })
  expect(house.mailsTo(one.email).join()).toContain('Values that were changed: 1')
})

test('of what is nowhere the person is told that nothing was found', async () => {
  const one = await asks([{ event: 'Order Completed', path: 'properties.coupon', to: 'X' }])
  await compliance.post(`/api/requests/${one.requestId}/accept`, {})
  await house.work()
  expect(await house.status(one)).toMatchObject({ state: 'completed', corrected: 0 })
  expect(house.mailsTo(one.email).join()).toContain('nothing that had to be changed')
})

test('refused, it changes nothing', async () => {
  const one = await asks([{ event: 'Order Completed', path: 'properties.total', to: 1 }])
  const { body } = await compliance.get(`/api/requests/${one.requestId}`)
  expect(body.state).toBe('verified')
  const refused = await compliance.post(`/api/requests/${one.requestId}/refuse`, { reason: 'data-correct' })
  expect(refused.status).toBe(200)
  await house.work()
  expect((await house.status(one)).corrected).toBeUndefined()
})
