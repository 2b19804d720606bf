import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { collectAccess } from '../../../src/rights/access/collect.ts'
import { subjectsOf } from '../../../src/rights/rows.ts'
import { type Device, newDevice } from '../../support/test-app.ts'
import { browse } from '../privacy/browsing.ts'
import { type AskedFor, type House, openHouse, type Person } from './house.ts'

// Whoever holds the secret of a device reaches what it sent: not what the account asked that it is known to be of.
const HOUR_MS = 3_600_000
const SHOP = { origin: 'https://shop.example' }

let house: House

beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.stop())

/** Somebody with an account, signed in on a device that is confirmed to be theirs. */
async function withDevice(): Promise<Person & { device: Device }> {
  const person = await house.person()
  const device = newDevice()
  const choice = { ...device, choices: { analytics: true } }
  await house.page.post('/v1/consent', choice, SHOP)
  const signed = { ...choice, userId: person.userId, subjectToken: await house.session(person.userId) }
  expect((await house.page.post('/v1/consent', signed, SHOP)).status).toBe(200)
  return { ...person, device }
}

async function asUser(userId: string, right: string, more: object = {}): Promise<AskedFor> {
  const now = Math.floor(house.weir.app.rights.deps.now() / 1000)
  const subjectToken = await house.session(userId, { claims: { auth_time: now } })
  return house.ask({ right, identifier: { type: 'user_id', value: userId }, subjectToken, language: 'en', ...more })
}

async function asDevice({ anonymousId: value, anonymousSecret }: Device, right: string): Promise<AskedFor> {
  return house.ask({ right, identifier: { type: 'anonymous_id', value }, anonymousSecret, language: 'en' })
}

test('a device sees, follows and takes back no request of its account', async () => {
  const { userId, device } = await withDevice()
  const erasure = await asUser(userId, 'erasure')
  await house.work()
  const browser = browse(house.weir)
  await browser.post('/session', { writeKey: house.page.key, ...device }, SHOP)
  expect((await browser.get('/requests')).text).not.toContain(erasure.requestId)
  expect((await browser.get(`/requests/${erasure.requestId}`)).words).not.toContain('about to be erased')
  expect((await browser.post(`/requests/${erasure.requestId}/cancel`)).status).toBe(404)
  expect(await house.row(erasure.requestId)).toMatchObject({ state: 'cooling_off', subjects: 2 })
  const own = await asDevice(device, 'access')
  await house.work()
  expect((await browser.get('/requests')).text).toContain(own.requestId)
})

test('a copy of what a device sent has nothing of what its account asked', async () => {
  const { userId, device } = await withDevice()
  const changes = [{ event: 'identify', path: 'traits.firstName', to: `name-${randomUUID()}` }]
  await asUser(userId, 'correction', { changes })
  const copy = await asDevice(device, 'access')
  await house.work()
  const { deps } = house.weir.app.rights
  const entry = { actor: 'weir', resource: 'request:x', more: {} }
  const subjects = await subjectsOf(house.weir.db, copy.requestId)
  const { requests } = await collectAccess(deps, { subjects, requestId: copy.requestId, entry })
  expect(requests.map(({ id }) => id)).toEqual([copy.requestId])
  const whole = await asUser(userId, 'access')
  await house.work()
  const all = await subjectsOf(house.weir.db, whole.requestId)
  const found = await collectAccess(deps, { subjects: all, requestId: whole.requestId, entry })
  expect(JSON.stringify(found.requests)).toContain(changes[0]!.to)
  expect(found.requests).toHaveLength(3)
})

test('erasing a device ends no request of its account, which is erased as it asked', async () => {
  const { userId, device } = await withDevice()
  const ofDevice = await asDevice(device, 'erasure')
  await house.work()
  house.weir.moveClock(12 * HOUR_MS)
  const ofUser = await asUser(userId, 'erasure')
  await house.work()
  house.weir.moveClock(13 * HOUR_MS)
  await passTime()
  expect((await house.row(ofDevice.requestId)).state).toMatch(/^completed/)
  expect(await house.row(ofUser.requestId)).toMatchObject({ state: 'cooling_off', subjects: 1 })
  house.weir.moveClock(12 * HOUR_MS)
  await passTime()
  expect((await house.row(ofUser.requestId)).state).toMatch(/^completed/)
})

async function passTime(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await house.work()
    await house.weir.settle()
    house.weir.moveClock(60_000)
  }
}
