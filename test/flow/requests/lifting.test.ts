import { afterAll, beforeAll, expect, test } from 'vitest'
import { liftAnnounced } from '../../../src/rights/lift.ts'
import { readRows } from '../../support/person-rows.ts'
import type { Caller } from '../../support/test-app.ts'
import { track } from '../../support/test-app.ts'
import { type AskedFor, type House, openHouse, type Person } from './house.ts'

let house: House
let compliance: Caller

beforeAll(async () => {
  house = await openHouse()
  compliance = await house.weir.token('compliance')
})
afterAll(() => house.stop())

/** Somebody who signed in asks, and it is done. */
async function restricted(): Promise<Person & AskedFor> {
  const person = await house.person()
  await house.weir.settle()
  const { userId } = person
  const subjectToken = await house.session(userId, {
    typ: 'dsr-session+jwt',
    claims: { right: 'restriction', auth_time: Math.floor(house.weir.app.rights.deps.now() / 1000) },
  })
  const asked = await house.ask({
    right: 'restriction',
    identifier: { type: 'user_id', value: userId },
    subjectToken,
    language: 'en',
  })
  await house.work()
  await house.weir.settle()
  expect((await house.row(asked.requestId)).state).toBe('completed')
  expect(await sees(userId)).toBe('suppressed')
  return { ...person, ...asked }
}

async function sees(userId: string): Promise<string | undefined> {
  return (await house.weir.send(track(userId, 'Product Viewed', { product_id: 'P-2' })))[0]
}

async function views(): Promise<number> {
  return (await readRows(house.weir))['recommendation.view']!
}

const lifting = () => ({ ...house.weir.app.rights.deps, told: () => undefined })

test('the person ends it at once: what is permitted is used again, and modules learn again what they had forgotten', async () => {
  const { userId, requestId, secret } = await restricted()
  const before = await views()
  const path = `/v1/requests/${requestId}/lift`
  expect((await house.call('POST', path, {}, { authorization: 'Bearer wrong' })).status).toBe(404)
  const { status, body } = await house.call('POST', path, {}, { authorization: `Bearer ${secret}` })
  expect([status, body.requestId, typeof body.liftedAt]).toEqual([200, requestId, 'string'])
  await house.weir.settle()
  expect(await views()).toBe(before + 1)
  expect(await sees(userId)).toBe('accepted')
  expect(await house.status({ requestId, secret })).toMatchObject({
    state: 'completed',
    stateText: 'This has ended: your data is used again, as far as it is permitted.',
    liftedAt: body.liftedAt,
  })
  const again = await house.call('POST', path, {}, { authorization: `Bearer ${secret}` })
  expect([again.status, again.body.code]).toEqual([409, 'nothing-to-lift'])
  const entries = await house.weir.entries('request.lift')
  expect(entries.find(({ resource }) => resource === `request:${requestId}`)?.more).toContain('"by":"person"')
})

test('an officer ends it once the person was written to, and not before', async () => {
  const { userId, email, requestId } = await restricted()
  house.mailsTo(email)
  const { status, body } = await compliance.post(`/api/requests/${requestId}/lift`, { told: 'message' })
  expect([status, body]).toEqual([200, { requestId, liftedAt: null }])
  expect(await liftAnnounced(lifting())).toBe(0)
  expect(await sees(userId)).toBe('suppressed')
  await house.work()
  const [mail] = house.mailsTo(email)
  expect(mail).toContain('used again for what you allow')
  expect(await liftAnnounced(lifting())).toBe(1)
  expect(await sees(userId)).toBe('accepted')
  expect(await liftAnnounced(lifting())).toBe(0)
})

test('an officer who told the person in another way says so, and it is on record', async () => {
  const { userId, requestId } = await restricted()
  const { status } = await compliance.post(`/api/requests/${requestId}/lift`, { told: 'otherwise' })
  expect(status).toBe(200)
  expect(await sees(userId)).toBe('accepted')
  const entry = (await house.weir.entries('request.lift')).find(({ resource }) => resource === `request:${requestId}`)
  expect([entry?.actor.split(':')[0], JSON.parse(entry!.more!).told]).toEqual(['token', 'otherwise'])
})

test('where nobody can be written to, an officer cannot say that a message tells', async () => {
  const { userId, requestId } = await restricted()
  await house.weir.server.post('/v1/contacts', { userId, email: null, phone: null })
  const { status, body } = await compliance.post(`/api/requests/${requestId}/lift`, { told: 'message' })
  expect([status, body.code]).toEqual([409, 'nobody-to-tell'])
  expect(await sees(userId)).toBe('suppressed')
})

test('a request that restricts nobody has nothing to lift', async () => {
  const { userId } = await house.person()
  const { requestId, secret } = await house.ask({ right: 'objection', identifier: { type: 'user_id', value: userId } })
  await house.work()
  const own = await house.call('POST', `/v1/requests/${requestId}/lift`, {}, { authorization: `Bearer ${secret}` })
  expect([own.status, own.body.code]).toEqual([409, 'nothing-to-lift'])
})
