import { Agent, request as httpRequest } from 'node:http'
import request, { type Test } from 'supertest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRoutes } from '../../../src/http/routes/index.ts'
import type { CreatedSource } from '../../../src/http/sources.ts'
import { revokeSource } from '../../../src/http/sources.ts'
import { addToken, revokeToken } from '../../../src/http/tokens.ts'
import { basic, startEdge, type TestEdge } from './edge.ts'

let edge: TestEdge
let open: CreatedSource
let secured: CreatedSource
let browser: CreatedSource
const shop = 'https://shop.example'

beforeAll(async () => {
  edge = await startEdge()
  open = await edge.source({ name: 'open', kind: 'server', withoutSecret: true })
  secured = await edge.source({ name: 'secured', kind: 'server' })
  browser = await edge.source({ name: 'browser', kind: 'browser', origins: [shop, 'http://localhost:3000'] })
})
afterAll(() => edge.close())

const message = (more: object = {}) => ({ type: 'track', event: 'e', userId: 'u', ...more })
const post = (path = '/v1/batch'): Test => request(edge.url).post(path)

describe('the write key', () => {
  test('is read anew where a connection brings another one', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const sockets = new Set<unknown>()
    const over = (authorization: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const asked = httpRequest(
          `${edge.url}/v1/batch`,
          { agent, method: 'POST', headers: { authorization } },
          (got) => {
            got.resume().once('end', () => resolve(got.statusCode))
          },
        )
        asked.once('socket', (socket) => sockets.add(socket)).once('error', reject)
        asked.end(JSON.stringify({ batch: [message()] }))
      })
    const right = basic(secured.writeKey, secured.secret)
    const statuses: (number | undefined)[] = []
    for (const key of [
      right,
      right,
      basic(secured.writeKey, 'guess'),
      right,
      basic('ws_unknown'),
      basic(open.writeKey),
    ]) {
      statuses.push(await over(key))
    }
    agent.destroy()
    expect(statuses).toEqual([200, 200, 401, 200, 401, 200])
    expect(sockets.size).toBe(1)
  })

  test('is taken from Basic, X-Write-Key, the body, the batch’s messages, and on beacons the query', async () => {
    const { writeKey } = open
    await post()
      .set('authorization', basic(writeKey))
      .send({ batch: [message()] })
      .expect(200)
    await post()
      .set('x-write-key', writeKey)
      .send({ batch: [message()] })
      .expect(200)
    await post()
      .send({ writeKey, batch: [message()] })
      .expect(200)
    await post()
      .send({ batch: [message({ writeKey }), message()] })
      .expect(200)
    await post('/v1/t').send(message({ writeKey })).expect(200)
    await post(`/beacon/v1/batch?writeKey=${writeKey}`)
      .set('content-type', 'text/plain')
      .send(JSON.stringify({ batch: [] }))
      .expect(200)
  })

  test('that stands twice is refused, in a header and in the query of a beacon', async () => {
    const { hostname, port } = new URL(edge.url)
    const sent = (path: string, ...keys: string[]): Promise<string> =>
      new Promise((resolve, reject) => {
        const headers = [
          'content-type',
          'application/json',
          'host',
          hostname,
          ...keys.flatMap((key) => ['x-write-key', key]),
        ]
        const asked = httpRequest({ hostname, port, path, method: 'POST', headers }, (answer) => {
          answer.setEncoding('utf8')
          let text = ''
          answer.on('data', (part: string) => {
            text += part
          })
          answer.on('end', () => resolve(`${answer.statusCode} ${JSON.parse(text).code ?? 'ok'}`))
        })
        asked.on('error', reject).end(JSON.stringify({ batch: [] }))
      })
    const [one, other] = [open.writeKey, browser.writeKey]
    expect(await sent('/v1/batch', one, other)).toBe('401 keys-disagree')
    expect(await sent(`/beacon/v1/batch?writeKey=${one}&writeKey=${other}`)).toBe('401 keys-disagree')
    expect(await sent('http://weir.test/v1/batch', one)).toBe('200 ok')
  })

  test('in a query counts on beacons only', async () => {
    const answer = await post(`/v1/batch?writeKey=${open.writeKey}`).send({ batch: [] }).expect(401)
    expect(answer.body).toMatchObject({ code: 'key-missing', status: 401 })
  })

  test.each([
    ['header and body', () => ({ 'x-write-key': open.writeKey }), () => ({ writeKey: browser.writeKey, batch: [] })],
    [
      'header and message',
      () => ({ 'x-write-key': open.writeKey }),
      () => ({ batch: [message({ writeKey: 'other' })] }),
    ],
    ['body and message', () => ({}), () => ({ writeKey: open.writeKey, batch: [message({ writeKey: 'other' })] })],
    ['two messages', () => ({}), () => ({ batch: [message({ writeKey: 'a' }), message({ writeKey: 'b' })] })],
    ['two headers', () => ({ authorization: basic(browser.writeKey), 'x-write-key': open.writeKey }), () => ({})],
  ])('that differs between %s is 401', async (_name, headers, body) => {
    const answer = await post().set(headers()).send(body())
    expect([answer.status, answer.body.code]).toEqual([401, 'keys-disagree'])
  })

  test.each([
    ['none', {}],
    ['an unknown one', { authorization: basic('nobody') }],
    ['a bearer', { authorization: 'Bearer abc' }],
    ['broken base64', { authorization: 'Basic %%%' }],
    ['an empty one', { authorization: basic('') }],
  ])('%s is 401 as a problem that says what to do', async (_name, headers) => {
    const answer = await post()
      .set(headers)
      .send({ batch: [message()] })
      .expect(401)
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    expect(answer.body.detail).toMatch(/key/)
    expect(answer.headers['www-authenticate']).toBeUndefined()
  })

  test('of a source with a secret needs the secret', async () => {
    const { writeKey, secret = '' } = secured
    await post().set('authorization', basic(writeKey, secret)).send({ batch: [] }).expect(200)
    await post().set('x-write-key', `${writeKey}:${secret}`).send({ batch: [] }).expect(200)
    for (const wrong of ['', 'x', `${secret}x`]) {
      const answer = await post().set('authorization', basic(writeKey, wrong)).send({ batch: [] }).expect(401)
      expect(answer.body.code).toBe('secret-wrong')
    }
    await post().send({ writeKey, batch: [] }).expect(401)
  })

  test('works as soon as it is added and not after it was revoked', async () => {
    const { writeKey } = await edge.source({ name: 'short', kind: 'server', withoutSecret: true })
    const answer = () => post().set('authorization', basic(writeKey)).send({ batch: [] })
    expect((await answer()).status).toBe(200)
    expect(await revokeSource(edge.owner, 'short')).toBe(true)
    expect(await revokeSource(edge.owner, 'short')).toBe(false)
    await expect.poll(async () => (await answer()).status, { timeout: 5_000 }).toBe(401)
  })
})

describe('origins', () => {
  const from = (origin: string | undefined, key: string) =>
    post()
      .set(origin === undefined ? {} : { origin })
      .set('authorization', basic(key))
      .send({ batch: [] })

  test.each([
    ['a listed one', shop, 200],
    ['another listed one', 'http://localhost:3000', 200],
    ['none, as curl sends it', undefined, 200],
    ['another host', 'https://evil.example', 403],
    ['another scheme', 'http://shop.example', 403],
    ['another port', 'https://shop.example:8443', 403],
    ['a longer host', 'https://shop.example.evil.example', 403],
    ['null', 'null', 403],
  ])('a browser key with %s', async (_name, origin, status) => {
    const answer = await from(origin, browser.writeKey)
    expect(answer.status).toBe(status)
    expect(answer.headers.vary).toContain('Origin')
    expect(answer.headers['access-control-allow-origin']).toBe(status === 200 ? origin : undefined)
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined()
  })

  test('a server key inside a browser is refused with what to do', async () => {
    const answer = await from(shop, open.writeKey)
    expect(answer.status).toBe(403)
    expect(answer.body).toMatchObject({ code: 'server-key-in-browser', detail: expect.stringContaining('revoke') })
  })

  test.each(['/v1/batch', '/v1/t', '/v1/consent', '/v1/recommendations', '/sourceConfig/', '/anything'])(
    'a preflight for %s names what clients send, for listed origins only',
    async (path) => {
      const ask = (origin: string) =>
        request(edge.url)
          .options(path)
          .set({ origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' })
          .expect(204)
      const good = await ask(shop)
      expect(good.headers).toMatchObject({
        'access-control-allow-origin': shop,
        'access-control-max-age': '86400',
        'access-control-allow-methods': 'GET, POST, OPTIONS',
      })
      for (const name of [
        'Authorization',
        'Content-Type',
        'X-Retry-Count',
        'AnonymousId',
        'SentAt',
        'Rsa-Recovered',
        'Weir-Anonymous-Secret',
      ]) {
        expect(good.headers['access-control-allow-headers']).toContain(name)
      }
      const bad = await ask('https://evil.example')
      expect(Object.keys(bad.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
      expect(bad.headers.vary).toContain('Origin')
    },
  )

  test('errors can be read by the page, or its SDK would take them for a broken network', async () => {
    const answer = await post().set('origin', shop).set('authorization', basic(browser.writeKey)).send('{').expect(400)
    expect(answer.headers['access-control-allow-origin']).toBe(shop)
    const consent = await post('/v1/consent')
      .set('origin', shop)
      .set('authorization', basic('nobody'))
      .send({})
      .expect(401)
    expect(consent.headers['access-control-allow-origin']).toBe(shop)
  })
})

describe('tokens', () => {
  const routes = createRoutes({ config: { publicUrl: 'http://x', trustProxy: false, mode: 'development' } } as never)
  const guarded = routes.filter((route) => route.access.who === 'role')
  const paths: Record<string, string> = {
    '/api/decisions/:messageId': '/api/decisions/m1',
    '/api/decisions/:messageId/proof': '/api/decisions/m1/proof',
    '/api/audit/entries/:index/proof': '/api/audit/entries/0/proof',
    '/api/totals': '/api/totals?from=2026-01-01&to=2026-01-31',
  }

  test.each(guarded)('$method $path without a valid token is 401', async (route) => {
    const { id, token } = await addToken(edge.owner, 'compliance')
    await revokeToken(edge.owner, id)
    for (const authorization of [
      '',
      'Bearer',
      `Bearer wt_${'A'.repeat(43)}`,
      `Bearer ${token}`,
      basic(open.writeKey),
    ]) {
      const answer = await call(route).set('authorization', authorization)
      expect(answer.status).toBe(401)
      expect(answer.body.code).toBe('token-invalid')
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="weir"')
    }
  })

  test('a token ends when it expires', async () => {
    const { token } = await addToken(edge.owner, 'auditor', 1)
    const before = edge.now
    edge.now = Date.now() + 86_400_001
    const answer = await request(edge.url).get('/api/audit/entries').set('authorization', `Bearer ${token}`)
    edge.now = before
    expect(answer.status).toBe(401)
  })

  function call({ method, path }: { method: (typeof guarded)[number]['method']; path: string }): Test {
    return request(edge.url)[method](paths[path] ?? path)
  }
})
