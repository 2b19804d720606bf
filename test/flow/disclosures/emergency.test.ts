import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import { aboutAlice, DPO, type House, MINUTE_MS, openHouse, type Person, REASON } from './house.ts'

let house: House
let ann: Person
let ben: Person
let id: string

beforeAll(async () => {
  house = await openHouse()
  ann = await house.officer('compliance')
  ben = await house.officer('auditor')
})
afterAll(() => house.stop())

const EMERGENCY = { emergency: true, reads: 2, minutes: 5 }

async function mails(): Promise<string[]> {
  await house.weir.app.mail!.processAll()
  return house.mailbox.received.splice(0).map(({ text }) => text)
}

async function overdue(): Promise<string> {
  const text = await house.weir.app.metrics.registry.metrics()
  return /^weir_disclosure_reviews_overdue (\d+)$/m.exec(text)?.[1] ?? 'missing'
}

test('an emergency is told to the data protection officer at once, and shows nothing yet', async () => {
  id = await house.ask(ann, aboutAlice(EMERGENCY))
  const [mail, ...others] = await mails()
  expect(others).toEqual([])
  expect(mail).toContain('紧急披露')
  expect(mail).toContain(`To: ${DPO}`)
  expect(mail).not.toMatch(/qxvreasonmarker|alice/)
  expect(await house.read(ann, id)).toMatchObject({ status: 409, body: { code: 'not-open-yet' } })
  expect((await ben.call('GET', `/api/disclosures/${id}`)).body).toMatchObject({
    state: 'delayed',
    options: null,
    reason: REASON,
  })
})

test('nobody approves it, and there is at most one of an officer', async () => {
  expect((await house.approve(ben, id)).body.code).toBe('request-decided')
  expect(await ann.call('POST', '/api/disclosures', aboutAlice(EMERGENCY))).toMatchObject({
    status: 409,
    body: { code: 'emergency-open' },
  })
  expect((await ben.call('POST', `/api/disclosures/${id}/review`, { outcome: 'justified' })).body.code).toBe(
    'not-over-yet',
  )
  house.tick(14 * MINUTE_MS)
  expect((await house.read(ann, id)).body.code).toBe('not-open-yet')
})

test('after the delay it opens, and that is told too; what is read is entered as an emergency', async () => {
  house.tick(MINUTE_MS)
  const [mail, ...others] = await mails()
  expect(others).toEqual([])
  expect(mail).toContain('Emergency disclosure is open')
  const { status, body } = await house.read(ann, id)
  expect({ status, event: (body.events as JsonObject[])[0]!.event }).toEqual({ status: 200, event: 'Order Completed' })
  const entries = (await house.entries()).filter(
    ({ action, outcome }) => action !== 'disclosure.show' && outcome !== 'refused',
  )
  expect(entries.map(({ action, outcome, more }) => [action, outcome, more.emergency])).toEqual([
    ['disclosure.ask', 'done', true],
    ['disclosure.read', 'released', true],
  ])
})

test('after its minutes it is over', async () => {
  house.tick(5 * MINUTE_MS)
  expect((await house.read(ann, id)).body.code).toBe('grant-expired')
  await ben.signIn()
  expect((await ben.call('GET', '/api/disclosures?waiting=review')).body).toMatchObject({
    disclosures: [{ id, state: 'expired', used: 1, review: { outcome: null, overdue: false } }],
  })
})

test('without a review within a day it is overdue: the list and a metric say so, and the officer asks for nothing', async () => {
  expect(await overdue()).toBe('0')
  house.tick(24 * 60 * MINUTE_MS - 20 * MINUTE_MS)
  await Promise.all([ann.signIn(), ben.signIn()])
  expect(await overdue()).toBe('1')
  const { body } = await ben.call('GET', '/api/disclosures?waiting=review')
  expect(body).toMatchObject({ disclosures: [{ id, review: { overdue: true } }] })
  expect(await ann.call('POST', '/api/disclosures', aboutAlice())).toMatchObject({
    status: 409,
    body: { code: 'review-overdue' },
  })
  expect((await house.entries()).at(-1)).toMatchObject({
    action: 'disclosure.ask',
    outcome: 'refused',
    more: { refused: 'review-overdue' },
  })
})

test('the review is another officer’s, and counts once', async () => {
  const path = `/api/disclosures/${id}/review`
  const outcome = { outcome: 'not-justified' }
  expect((await ann.call('POST', path, outcome)).body.code).toBe('own-request')
  expect((await ben.call('POST', path, outcome)).body).toMatchObject({
    review: { outcome: 'not-justified', by: ben.id, overdue: false },
  })
  expect((await ben.call('POST', path, { outcome: 'justified' })).body.code).toBe('reviewed-already')
  expect(await overdue()).toBe('0')
  expect((await house.entries()).filter(({ action }) => action === 'disclosure.review')).toMatchObject([
    { actor: `officer:${ben.id}`, outcome: 'refused', more: { refused: 'not-over-yet' } },
    { actor: `officer:${ann.id}`, outcome: 'refused' },
    { actor: `officer:${ben.id}`, outcome: 'done', more: { review: 'not-justified', emergency: true, used: 1 } },
    { actor: `officer:${ben.id}`, outcome: 'refused' },
  ])
  await house.ask(ann)
})

test('another officer can stop it before it opens, and no second mail says that it is open', async () => {
  const stopped = await house.ask(ann, aboutAlice(EMERGENCY))
  expect(await mails()).toHaveLength(1)
  expect((await ann.call('POST', `/api/disclosures/${stopped}/refusal`)).body.code).toBe('own-request')
  expect((await ben.call('POST', `/api/disclosures/${stopped}/refusal`)).body.state).toBe('refused')
  house.tick(14 * MINUTE_MS)
  await ann.call('GET', '/api/session')
  house.tick(MINUTE_MS)
  expect((await house.read(ann, stopped)).body.code).toBe('request-refused')
  expect(await mails()).toEqual([])
})

test('what is no emergency is not reviewed, and a fuse is no emergency', async () => {
  const fuse = { kind: 'retention-fuse', plan: 'a'.repeat(64), caseId: 'OPS-1', reason: 'a jump', minutes: 15 }
  await ann.signIn()
  await ben.signIn()
  expect((await ann.call('POST', '/api/disclosures', { ...fuse, emergency: true })).status).toBe(400)
  const asked = await house.ask(ann)
  expect((await ben.call('POST', `/api/disclosures/${asked}/review`, { outcome: 'justified' })).body.code).toBe(
    'no-emergency',
  )
})
