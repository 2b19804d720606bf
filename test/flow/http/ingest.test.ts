import { gzipSync } from 'node:zlib'
import request from 'supertest'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import type { CreatedSource } from '../../../src/http/sources.ts'
import { basic, NOW, startEdge, type TestEdge } from './edge.ts'

let edge: TestEdge
let server: CreatedSource
let browser: CreatedSource
let tester: CreatedSource
const shop = 'https://shop.example'

beforeAll(async () => {
  edge = await startEdge()
  server = await edge.source({ name: 'backend', kind: 'server', withoutSecret: true })
  browser = await edge.source({ name: 'shop', kind: 'browser', origins: [shop] })
  tester = await edge.source({ name: 'try', kind: 'server', withoutSecret: true, test: true })
})
afterAll(() => edge.close())
beforeEach(() => {
  edge.submitted.length = 0
  edge.outcomes.clear()
  edge.failWith = undefined
})

const event = (messageId: string, more: object = {}) => ({
  messageId,
  type: 'track',
  event: 'Viewed',
  userId: 'u1',
  ...more,
})
const post = (path: string, key = server.writeKey) => request(edge.url).post(path).set('authorization', basic(key))
const events = () => edge.submitted.flatMap((one) => one.events)

test.each([
  ['track', 'track', 'Viewed'],
  ['identify', 'identify', 'identify'],
  ['page', 'page', 'page'],
  ['screen', 'screen', 'screen'],
  ['group', 'group', 'group'],
  ['alias', 'alias', 'alias'],
  ['t', 'track', 'Viewed'],
  ['i', 'identify', 'identify'],
  ['p', 'page', 'page'],
  ['s', 'screen', 'screen'],
  ['g', 'group', 'group'],
  ['a', 'alias', 'alias'],
])('POST /v1/%s takes one message as %s', async (path, type, name) => {
  const body = { messageId: 'm1', event: 'Viewed', userId: 'u1', previousId: 'a1' }
  const answer = await post(`/v1/${path}`).send(body).expect(200)
  expect(answer.body).toEqual({ success: true, results: [{ messageId: 'm1', outcome: 'accepted' }] })
  expect(events()).toMatchObject([{ messageId: 'm1', type, name, userId: 'u1' }])
})

test.each(['/v1/batch', '/v1/import', '/v1/b', '/v1/batch/'])('POST %s answers each message in order', async (path) => {
  edge.outcomes.set('b', { outcome: 'refused', reason: 'no-consent' })
  const answer = await post(path).send({ batch: [event('a'), event('b'), event('c', { type: 'nope' })] })
  expect(answer.status).toBe(200)
  expect(answer.body.results).toEqual([
    { messageId: 'a', outcome: 'accepted' },
    { messageId: 'b', outcome: 'refused', reason: 'no-consent' },
    { messageId: 'c', outcome: 'invalid', reason: expect.stringMatching(/^type: must be one of/) },
  ])
})

test('a type that is not the path’s makes the message invalid, not the request', async () => {
  const answer = await post('/v1/track')
    .send(event('m', { type: 'page' }))
    .expect(200)
  expect(answer.body.results).toMatchObject([{ outcome: 'invalid', reason: 'type: is not the type of this path' }])
  expect(edge.submitted).toEqual([])
})

test('a browser key is not told who refused or was suppressed', async () => {
  edge.outcomes.set('a', { outcome: 'refused', reason: 'no-consent' })
  edge.outcomes.set('b', { outcome: 'suppressed', reason: 'erased' })
  edge.outcomes.set('c', { outcome: 'duplicate' })
  const answer = await post('/v1/b', browser.writeKey).send({ batch: [event('a'), event('b'), event('c')] })
  expect(answer.body.results).toEqual([
    { messageId: 'a', outcome: 'accepted' },
    { messageId: 'b', outcome: 'accepted' },
    { messageId: 'c', outcome: 'duplicate' },
  ])
})

test('a test source is shown the decision', async () => {
  edge.outcomes.set('a', { outcome: 'refused', reason: 'no-consent', detail: { removed: ['properties.email'] } })
  const answer = await post('/v1/batch', tester.writeKey).send({ batch: [event('a')] })
  expect(answer.body.results[0].detail).toEqual({ removed: ['properties.email'] })
})

test('one bad event among 999 good ones is invalid alone', async () => {
  const batch = Array.from({ length: 1000 }, (_, i) =>
    i === 500 ? event(`m${i}`, { userId: { no: 1 } }) : event(`m${i}`),
  )
  const answer = await post('/v1/batch').send({ batch }).expect(200)
  expect(answer.body.results.filter((one: { outcome: string }) => one.outcome === 'accepted')).toHaveLength(999)
  expect(answer.body.results[500]).toEqual({
    messageId: 'm500',
    outcome: 'invalid',
    reason: 'userId: must be a string',
  })
  expect(events()).toHaveLength(999)
})

test('an event over 32 KB is invalid alone', async () => {
  const answer = await post('/v1/batch').send({
    batch: [event('a'), event('b', { properties: { x: 'x'.repeat(33_000) } })],
  })
  expect(answer.body.results).toMatchObject([{ outcome: 'accepted' }, { messageId: 'b', outcome: 'invalid' }])
})

test('an empty batch is answered with nothing', async () => {
  expect((await post('/v1/batch').send({ batch: [] }).expect(200)).body).toEqual({ success: true, results: [] })
})

test('the body is read whatever its content type says, gzip by header or by its first bytes', async () => {
  const text = JSON.stringify({ batch: [event('a')] })
  for (const type of ['text/plain', 'application/json', 'application/x-www-form-urlencoded', 'image/png']) {
    await post('/v1/batch').set('content-type', type).send(text).expect(200)
  }
  const zipped = gzipSync(text)
  const raw = (headers: Record<string, string>) =>
    fetch(`${edge.url}/v1/batch`, {
      method: 'POST',
      headers: { authorization: basic(server.writeKey), ...headers },
      body: zipped,
    })
  expect((await raw({ 'content-encoding': 'gzip', 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(
    200,
  )
  expect((await raw({ 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(200)
  expect((await raw({ 'content-encoding': 'br' })).status).toBe(415)
  expect((await raw({ 'content-encoding': 'deflate' })).status).toBe(415)
  expect(edge.submitted).toHaveLength(6)
})

test('overload is 503 with whole seconds, anything unforeseen too: never another 5xx', async () => {
  edge.failWith = new AppError('overloaded', 'the queue is full', { retryAfter: 2.3 })
  const full = await post('/v1/batch')
    .send({ batch: [event('a')] })
    .expect(503)
  expect(full.headers).toMatchObject({ 'retry-after': '3', 'content-type': 'application/problem+json; charset=utf-8' })
  edge.failWith = new Error('u1 is a marker that must not be shown')
  const broken = await post('/v1/batch')
    .send({ batch: [event('a')] })
    .expect(503)
  expect(broken.headers['retry-after']).toBe('5')
  expect(broken.text + edge.log.join()).not.toContain('marker')
})

test('Segment’s own metrics are accepted and dropped', async () => {
  const answer = await request(edge.url)
    .post('/v1/m')
    .set('content-type', 'text/plain')
    .send('{"series":[]}')
    .expect(200)
  expect(answer.body).toEqual({ success: true })
  expect(edge.submitted).toEqual([])
})

test('the address is truncated before anything else sees it', async () => {
  const behind = await startEdge({ trustProxy: 1 })
  const { writeKey } = await behind.source({ name: 'shop', kind: 'browser', origins: [shop] })
  await request(behind.url)
    .post('/v1/track')
    .set({ authorization: basic(writeKey), 'x-forwarded-for': '198.51.100.9, 203.0.113.77' })
    .send(event('m'))
  expect(behind.submitted[0]?.addressPrefix).toBe('203.0.113.0/24')
  expect(behind.submitted[0]?.events[0]?.context.ipPrefix).toBe('203.0.113.0/24')
  expect(JSON.stringify(behind.submitted)).not.toContain('113.77')
  await behind.close()
})

test('Sec-GPC and the subject token come along', async () => {
  await post('/v1/track').set({ 'sec-gpc': '1', 'weir-subject-token': 'tok' }).send(event('m'))
  expect(edge.submitted[0]).toMatchObject({ subjectToken: 'tok', receivedAt: NOW, source: { name: 'backend' } })
  expect(events()[0]?.claim.evidence).toEqual(['gpc'])
})
