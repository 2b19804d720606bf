import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { basic, startEdge, type TestEdge } from './edge.ts'

let edge: TestEdge
let key: string

beforeAll(async () => {
  edge = await startEdge({}, { headersTimeout: 400, requestTimeout: 800, connectionsCheckingInterval: 100 })
  key = (await edge.source({ name: 'backend', kind: 'server', withoutSecret: true })).writeKey
})
afterAll(() => edge.close())
afterEach(async () => {
  // Whatever came before: it still stands, takes a good event, and its log quotes nothing.
  const answer = await send({ batch: [{ type: 'track', event: 'Viewed', userId: 'u', messageId: 'good' }] })
  expect(answer.status).toBe(200)
  expect(edge.log.join()).not.toContain('marker')
  edge.submitted.length = 0
})

async function send(body: unknown, headers: Record<string, string> = {}, path = '/v1/batch') {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const answer = await fetch(edge.url + path, {
    method: 'POST',
    headers: { authorization: basic(key), ...headers },
    body: text,
  })
  const json = (await answer.json()) as { code?: string; results?: { outcome: string; reason?: string }[] }
  return { status: answer.status, code: json.code, results: json.results, text: JSON.stringify(json) }
}

const one = (more: string) => `{"batch":[{"messageId":"m","type":"track","event":"e","userId":"u",${more}}]}`
const kilobytes = (n: number) => 'x'.repeat(n * 1000)

test.each([
  ['broken JSON', '{"batch":[{"marker":', 400, 'invalid-json'],
  ['nothing', '', 400, 'invalid-json'],
  ['a text', '"marker"', 400, 'body-not-object'],
  ['an array', '[1]', 400, 'body-not-object'],
  ['null', 'null', 400, 'body-not-object'],
  ['no batch', '{"x":1}', 400, 'batch-missing'],
  ['a batch that is an object', '{"batch":{}}', 400, 'batch-missing'],
  ['49,000 nested arrays', `{"batch":${'['.repeat(49_000)}${']'.repeat(49_000)}}`, 400, 'too-deep'],
  ['200,000 elements', `{"batch":[],"x":[${'1,'.repeat(200_000)}1]}`, 400, 'too-complex'],
  ['one megabyte', one(`"properties":{"x":"${kilobytes(1000)}"}`), 413, 'body-too-large'],
  ['2,501 messages', JSON.stringify({ batch: Array(2501).fill(1) }), 413, 'batch-too-long'],
  ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400, 'not-utf8'],
  ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 400, 'not-utf8'],
  ['damaged gzip', Buffer.from([0x1f, 0x8b, 1, 2, 3]), 400, 'gzip-unreadable'],
  ['a gzip bomb', gzipSync(Buffer.alloc(50_000_000)), 413, 'body-too-large'],
  ['gzip in gzip', gzipSync(gzipSync('{}')), 400, 'not-utf8'],
])('%s is answered and the request refused', async (_name, body, status, code) => {
  const answer = await send(body)
  expect(answer).toMatchObject({ status, code })
  expect(answer.text).not.toContain('marker')
  expect(edge.submitted).toEqual([])
})

test.each([
  ['NUL in a value', one('"properties":{"a":{"b":"x\\u0000y"}}'), 'properties.a.b: holds a NUL character'],
  ['NUL in a key', one('"properties":{"x\\u0000y":1}'), 'properties: holds a NUL character'],
  ['a lone high surrogate', one('"userId":"\\ud800"'), 'userId: holds half a character'],
  ['a lone low surrogate', one('"properties":{"a":["\\uDFFF"]}'), 'properties.a[0]: holds half a character'],
  [
    'a key that is an e-mail',
    one('"properties":{"marker@example.com":"\\u0000"}'),
    'properties.…: holds a NUL character',
  ],
  ['an array as properties', one('"properties":[]'), 'properties: must be an object'],
  ['a number as event', one('"event":5'), 'event: must be a string'],
  ['a boolean as time', one('"timestamp":true'), 'timestamp: must be an ISO 8601 time'],
  ['an inexact number as id', one('"userId":9007199254740993'), 'userId: must be a string: this number is not exact'],
  ['an id over 100 characters', one(`"messageId":"${'m'.repeat(101)}"`), 'messageId: must be at most 100 characters'],
  ['a user id over 255', one(`"userId":"${'u'.repeat(256)}"`), 'userId: must be at most 255 characters'],
  [
    '10,000 keys',
    one(`"properties":{${Array.from({ length: 10_000 }, (_, i) => `"k${i}":1`).join()}}`),
    'message: must be at most 32768 bytes',
  ],
  ['nobody', '{"batch":[{"type":"track","event":"e"}]}', 'userId: or anonymousId is needed'],
  ['"undefined" as the only id', one('"userId":"undefined"'), 'userId: or anonymousId is needed'],
  ['a text as message', '{"batch":["marker"]}', 'message: must be an object'],
])('%s makes that message invalid', async (_name, body, reason) => {
  const answer = await send(body)
  expect(answer.status).toBe(200)
  expect(answer.results).toMatchObject([{ outcome: 'invalid', reason }])
  expect(edge.submitted).toEqual([])
})

test('surrogate pairs and escaped Chinese pass as they are', async () => {
  await send(one('"properties":{"a":"\\ud83d\\ude00 \\u4e2d\\u6587"}'))
  expect(edge.submitted[0]?.events[0]?.properties).toEqual({ a: '😀 中文' })
})

test('keys that could swap a prototype are dropped, also when spelled with escapes', async () => {
  await send(
    one('"properties":{"__proto__":{"bad":1},"\\u005f_proto__":{"bad":1},"constructor":1,"ok":{"prototype":2,"x":3}}'),
  )
  const properties = edge.submitted[0]?.events[0]?.properties ?? {}
  expect(Object.keys(properties)).toEqual(['ok'])
  expect(properties).toEqual({ ok: { x: 3 } })
  expect('bad' in properties).toBe(false)
  expect((await send('{"__proto__":{"batch":[]},"batch":[]}')).status).toBe(200)
})

test('of duplicate keys the last one counts: what is decided is what is handed on', async () => {
  await send(one('"event":"second","userId":"u2","properties":{"a":1,"a":2}'))
  expect(edge.submitted[0]?.events).toMatchObject([{ name: 'second', userId: 'u2', properties: { a: 2 } }])
})

test('the size of an event is measured in the batch that counts', async () => {
  const big = `{"messageId":"big","type":"track","event":"e","userId":"u","properties":{"x":"${kilobytes(40)}"}}`
  const small = '{"messageId":"small","type":"track","event":"e","userId":"u"}'
  const answer = await send(`{"batch":[${big}],"b\\u0061tch":[${small},7,${big}]}`)
  expect(answer.results?.map(({ outcome }) => outcome)).toEqual(['accepted', 'invalid', 'invalid'])
})

test.each(['0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z', 'yesterday', '-000001-01-01T00:00:00Z'])(
  'the time %s becomes the time of receipt',
  async (timestamp) => {
    await send(one(`"timestamp":"${timestamp}"`))
    expect(edge.submitted[0]?.events[0]?.occurredAt).toBe(edge.submitted[0]?.receivedAt)
  },
)

test('unknown routes say where to look, wrong methods what is allowed', async () => {
  for (const path of ['/v1/nothing', '/v1/batch/more', '/api/unknown', '/%ff', '/v1/..%2f']) {
    const answer = await fetch(edge.url + path)
    expect([400, 404]).toContain(answer.status)
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  }
  for (const [method, path, allow] of [
    ['GET', '/v1/batch', 'POST'],
    ['DELETE', '/v1/consent', 'POST, GET, HEAD'],
    ['PUT', '/v1/track', 'POST'],
    ['POST', '/healthz', 'GET, HEAD'],
  ] as const) {
    const answer = await fetch(edge.url + path, { method })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow])
  }
})

test('a slowloris is cut off, in its headers and in its body', async () => {
  expect(await drip('POST /v1/batch HTTP/1.1\r\nHost: x\r\nX-A: ')).toMatch(/^HTTP\/1\.1 408/)
  const start = `POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(key)}\r\nContent-Length: 1000\r\n\r\n{`
  expect(await drip(start)).toMatch(/^HTTP\/1\.1 408|^$/)
})

test('two Authorization headers are one too many', async () => {
  const two = `Authorization: ${basic(key)}\r\nAuthorization: ${basic('other')}\r\n`
  const answer = await drip(
    `POST /v1/batch HTTP/1.1\r\nHost: x\r\n${two}Connection: close\r\nContent-Length: 2\r\n\r\n{}`,
  )
  expect(answer).toMatch(/^HTTP\/1\.1 401[\s\S]*keys-disagree/)
})

test('a client that leaves mid-body leaves nothing behind', async () => {
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1')
  socket.write(`POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(key)}\r\nContent-Length: 1000\r\n\r\n{"ba`)
  await new Promise<void>((resolve) => {
    edge.server.once('request', () => resolve())
  })
  socket.destroy()
  await send({ batch: [] })
  expect(edge.submitted).toEqual([])
})

test('headers beyond 8 KiB are refused by the parser', async () => {
  const answer = await fetch(`${edge.url}/v1/batch`, { method: 'POST', headers: { 'x-a': 'a'.repeat(9_000) } })
  expect(answer.status).toBe(431)
})

test('more than 64 headers are refused: the one cut off may have been a signal', async () => {
  const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`x-${i}`, '1']))
  const headers = { authorization: basic(key), ...many, 'sec-gpc': '1' }
  const answer = await fetch(`${edge.url}/v1/batch`, { method: 'POST', headers, body: '{"batch":[]}' })
  expect(answer.status).toBe(431)
})

/** Opens a connection, sends one byte whenever something may come, and returns what was answered when it is closed. */
function drip(start: string): Promise<string> {
  return new Promise((resolve) => {
    let seen = ''
    const socket = connect(Number(new URL(edge.url).port), '127.0.0.1', () => socket.write(start))
    const dripping = setInterval(() => socket.write('a'), 50)
    socket.on('data', (chunk) => {
      seen += String(chunk)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(dripping)
      resolve(seen)
    })
  })
}
