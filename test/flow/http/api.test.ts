import request from 'supertest'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { CreatedSource } from '../../../src/http/sources.ts'
import { basic, NOW, startEdge, type TestEdge } from './edge.ts'

let edge: TestEdge
let server: CreatedSource
let browser: CreatedSource
const shop = 'https://shop.example'

beforeAll(async () => {
  edge = await startEdge({ publicUrl: 'https://gw.example/weir', trustProxy: false, mode: 'development' })
  server = await edge.source({ name: 'backend', kind: 'server', withoutSecret: true })
  browser = await edge.source({ name: 'shop', kind: 'browser', origins: [shop] })
})
afterAll(() => edge.close())
beforeEach(() => {
  edge.consents.length = 0
  edge.reads.length = 0
  edge.recommended.length = 0
})

const get = (path: string, key = server.writeKey) => request(edge.url).get(path).set('authorization', basic(key))
const choose = (body: object, key = server.writeKey) =>
  request(edge.url).post('/v1/consent').set('authorization', basic(key)).send(body)

test('POST /v1/consent records a choice and answers the state', async () => {
  const answer = await choose({ userId: 'u1', choices: { analytics: true }, at: '2026-11-20T11:00:00Z' }).expect(200)
  expect(answer.body).toEqual({ choices: { analytics: true }, consentEpoch: 1, recordId: 'r1' })
  expect(edge.consents).toMatchObject([
    { userId: 'u1', choices: { analytics: true }, at: NOW - 3_600_000, gpc: false, source: { name: 'backend' } },
  ])
})

test('POST /v1/consent takes ids in headers too, as percent-encoded UTF-8, and GPC', async () => {
  await choose({ choices: { analytics: false } }, browser.writeKey)
    .set({ 'weir-anonymous-id': encodeURIComponent('设备 1'), 'weir-anonymous-secret': 's', 'sec-gpc': '1' })
    .expect(200)
  expect(edge.consents).toMatchObject([{ anonymousId: '设备 1', anonymousSecret: 's', gpc: true }])
})

test.each([
  ['nobody', { choices: { analytics: true } }, 'subject-missing'],
  ['no choice', { userId: 'u', choices: {} }, 'request-invalid'],
  ['an unknown purpose', { userId: 'u', choices: { marker: true } }, 'request-invalid'],
  ['a choice that is a text', { userId: 'u', choices: { analytics: 'marker' } }, 'request-invalid'],
  ['an unknown field', { userId: 'u', choices: { analytics: true }, marker: 1 }, 'request-invalid'],
  ['NUL in an id', { userId: 'marker\u0000', choices: { analytics: true } }, 'request-invalid'],
  ['an unreadable time', { userId: 'u', choices: { analytics: true }, at: 'marker' }, 'request-invalid'],
  ['a number that is not exact', { userId: 7.5, choices: { analytics: true } }, 'request-invalid'],
  [
    'a day that does not exist',
    { userId: 'u', choices: { analytics: true }, at: '2026-02-30T00:00:00Z' },
    'request-invalid',
  ],
  ['a user called null', { userId: 'null', choices: { analytics: true } }, 'subject-missing'],
  ['a blank device', { anonymousId: '  ', choices: { analytics: true } }, 'subject-missing'],
  ['an object as a text', { userId: '[object Object]', choices: { analytics: true } }, 'subject-missing'],
  ['too long an id', { userId: 'u'.repeat(256), choices: { analytics: true } }, 'request-invalid'],
])('POST /v1/consent with %s is 400 and quotes nothing', async (_name, body, code) => {
  const answer = await choose(body).expect(400)
  expect(answer.body.code).toBe(code)
  expect(answer.text).not.toContain('marker')
  expect(edge.consents).toEqual([])
})

const PURPOSE_NAMES = 'essential, analytics, attribution, personalisation, advertising'

test.each([
  [
    'an unknown purpose',
    { userId: 'u', choices: { marker: true } },
    `body.choices: holds an unknown name; known here: ${PURPOSE_NAMES}`,
  ],
  [
    'a choice that is a text',
    { userId: 'u', choices: { analytics: 'marker' } },
    'body.choices.analytics: write true or false',
  ],
  ['no choices', { userId: 'u' }, 'body.choices: is missing: write an object'],
  ['an empty id', { userId: '', choices: { analytics: true } }, 'body.userId: must not be empty'],
  ['a list as id', { userId: [7], choices: { analytics: true } }, 'body.userId: write a text or a whole number'],
  [
    'too long an id',
    { userId: 'u'.repeat(256), choices: { analytics: true } },
    'body.userId: write at most 255 characters',
  ],
  [
    'an unreadable time',
    { userId: 'u', choices: { analytics: true }, at: {} },
    'body.at: write a time such as 2026-01-31T12:00:00Z',
  ],
  ['no object', [1], 'body: write an object'],
])('what to write is said for %s', async (_name, body, detail) => {
  expect((await choose(body).expect(400)).body.detail).toBe(detail)
})

test.each([
  ['', 'query.from: is missing: write a day such as 2026-01-31; query.to: is missing: write a day such as 2026-01-31'],
  ['?from=x&to=2026-01-01', 'query.from: write a day such as 2026-01-31'],
  [
    '?from=0000-01-01&to=0000-01-02',
    'query.from: write a day since 1970-01-01; query.to: write a day since 1970-01-01',
  ],
  ['?from=2026-01-01&to=2026-01-02&by=day', 'query: holds an unknown name; known here: from, to'],
  ['?from=2026-01-01&from=2026-01-02&to=2026-01-03', 'query.from: write a day such as 2026-01-31, once'],
])('what to write is said for the query %s', async (query, detail) => {
  const answer = await request(edge.url)
    .get(`/api/totals${query}`)
    .set('authorization', `Bearer ${await edge.token('analyst')}`)
    .expect(400)
  expect(answer.body.detail).toBe(detail)
})

test.each([
  ['n=0', 'query.n: write at least 1'],
  ['n=1000', 'query.n: write at most 100'],
  ['n=many', 'query.n: write a whole number from 1 to 100'],
  ['n=1.5', 'query.n: write a whole number'],
])('what to write is said for a number: %s', async (query, detail) => {
  expect((await get(`/v1/recommendations?placement=popular&${query}`).expect(400)).body.detail).toBe(detail)
})

test('a placement that is missing is told with those there are', async () => {
  const { body } = await get('/v1/recommendations?product_id=tea').expect(400)
  expect(body.detail).toBe('query.placement: is missing: write also_bought, popular or for_you')
})

test('what fails behind the routes of shops is 503 with when to ask again', async () => {
  edge.failWith = new Error('marker')
  try {
    const answers = [
      await choose({ userId: 'u', choices: { analytics: true } }),
      await get('/v1/consent').set('weir-user-id', 'u'),
      await get('/v1/recommendations?placement=popular'),
    ]
    for (const { status, headers, text } of answers) {
      expect([status, headers['retry-after'], text.includes('marker')]).toEqual([503, '5', false])
    }
    expect(edge.log.filter((line) => line.includes('request failed')).length).toBe(3)
  } finally {
    edge.failWith = undefined
  }
})

test('an exact whole number is an id, as in events', async () => {
  await choose({ userId: 7, choices: { analytics: true } }).expect(200)
  expect(edge.consents).toMatchObject([{ userId: '7' }])
})

test('a choice dated in the future was made now', async () => {
  await choose({ userId: 'u', choices: { analytics: true }, at: '2099-01-01T00:00:00Z' }).expect(200)
  expect(edge.consents[0]?.at).toBe(NOW)
})

test('two people in one request are refused', async () => {
  const answer = await choose({ userId: 'a', choices: { analytics: true } })
    .set('weir-user-id', 'b')
    .expect(400)
  expect(answer.body.code).toBe('ids-disagree')
})

test('GET /v1/consent reads by headers and never by the URL', async () => {
  const answer = await get('/v1/consent').set('weir-user-id', 'u%40x').expect(200)
  expect(answer.body).toEqual({ choices: { analytics: true }, consentEpoch: 1, recordId: 'r1' })
  expect(edge.reads).toMatchObject([{ userId: 'u@x' }])
  for (const query of ['userId=u', 'anonymous_id=a', 'anonymousSecret=s', 'subjectToken=t']) {
    expect((await get(`/v1/consent?${query}`).expect(400)).body.code).toBe('ids-in-url')
  }
  expect((await get('/v1/consent?x=1').expect(400)).body.code).toBe('request-invalid')
  expect((await get('/v1/consent').expect(400)).body.code).toBe('subject-missing')
  expect((await get('/v1/consent').set('weir-user-id', '%ff').expect(400)).body.code).toBe('header-unreadable')
  expect((await get('/v1/consent').set('weir-user-id', 'a%00').expect(400)).body.code).toBe('header-unreadable')
})

test('GET /v1/recommendations asks in context, or for the person that the headers name', async () => {
  const answer = await get('/v1/recommendations?placement=also_bought&product_id=85123A&n=5').expect(200)
  expect(answer.body).toMatchObject({ mode: 'context', placement: 'also_bought', items: [] })
  await get('/v1/recommendations?placement=popular').set('weir-user-id', 'u1').expect(200)
  expect(edge.recommended).toMatchObject([
    { placement: 'also_bought', productId: '85123A', n: 5 },
    { placement: 'popular', n: 10, userId: 'u1' },
  ])
  await get('/v1/recommendations?placement=also_bought&n=1000').expect(400)
  await get('/v1/recommendations?placement=A').expect(400)
  await get('/v1/recommendations?placement=a&placement=b').expect(400)
  expect((await get('/v1/recommendations?placement=popular&userId=u').expect(400)).body.code).toBe('ids-in-url')
})

test('GET settings point Segment’s library here', async () => {
  for (const path of [`/v1/projects/${browser.writeKey}/settings`, `/projects/${browser.writeKey}/settings`]) {
    const answer = await request(edge.url).get(path).set('origin', shop).expect(200)
    expect(answer.body).toMatchObject({
      integrations: {
        'Segment.io': { apiKey: browser.writeKey, apiHost: 'gw.example/weir/v1', protocol: 'https' },
      },
      plan: {},
      middlewareSettings: {},
      enabledMiddleware: {},
      metrics: { sampleRate: 0 },
      consentSettings: { allCategories: ['analytics', 'attribution', 'personalisation', 'advertising'] },
    })
    expect(answer.headers).toMatchObject({
      'cache-control': 'private, max-age=60',
      'access-control-allow-origin': shop,
    })
  }
  await request(edge.url).get('/v1/projects/nobody/settings').expect(401)
  await request(edge.url).get(`/v1/projects/${server.writeKey}/settings`).expect(403)
  await request(edge.url)
    .get(`/v1/projects/${browser.writeKey}/settings`)
    .set('origin', 'https://evil.example')
    .expect(403)
})

test('GET /sourceConfig/ is what RudderStack’s SDK accepts', async () => {
  const answer = await get(
    `/sourceConfig/?p=cdn&v=3.34.1&build=modern&writeKey=${browser.writeKey}&lockIntegrationsVersion=false`,
    browser.writeKey,
  ).expect(200)
  expect(answer.body.source).toMatchObject({
    id: expect.any(String),
    name: 'shop',
    workspaceId: 'main',
    enabled: true,
    config: {},
    destinations: [],
  })
  await get(`/sourceConfig/?writeKey=other`, browser.writeKey).expect(401)
})

test('GET /api/decisions/:messageId explains', async () => {
  const token = `Bearer ${await edge.token('auditor')}`
  const answer = await request(edge.url).get('/api/decisions/m-1?source=shop').set('authorization', token).expect(200)
  expect(answer.body).toEqual({ messageId: 'm-1', destinations: [] })
})

test('GET and POST /api/totals', async () => {
  const analyst = `Bearer ${await edge.token('analyst')}`
  const operator = `Bearer ${await edge.token('operator')}`
  await request(edge.url).get('/api/totals?from=2026-01-01&to=2026-01-31').set('authorization', analyst).expect(200)
  for (const query of ['', '?from=2026-02-01&to=2026-01-01', '?from=2026-01-01&to=2099-01-01', '?from=x&to=y']) {
    await request(edge.url).get(`/api/totals${query}`).set('authorization', analyst).expect(400)
  }
  const row = { day: '2026-01-02', shop: 'main', currency: 'CNY', productId: 'p1', orders: 2, units: 3, value: '19.90' }
  const add = (body: object) => request(edge.url).post('/api/totals').set('authorization', operator).send(body)
  expect((await add({ batchId: 'b1', rows: [row] }).expect(200)).body).toEqual({ added: 1 })
  expect(edge.totals).toMatchObject([{ batchId: 'b1', rows: [row], actor: { kind: 'token', role: 'operator' } }])
  await add({ batchId: 'b1', rows: [{ ...row, value: 19.9 }] }).expect(400)
  await add({ rows: [row] }).expect(400)
  await add({ batchId: 'b1', rows: [{ ...row, day: '0000-01-01' }] }).expect(400)
  await add({ batchId: 'b2', rows: [{ ...row, userId: 'u' }] }).expect(400)
  await add({ batchId: 'b3', rows: Array(10_000).fill(row) }).expect(200)
  await add({ batchId: 'b4', rows: Array(10_001).fill(row) }).expect(400)
})

test('POST /api/totals takes the names that GET answers, and the older ones, never both', async () => {
  const operator = `Bearer ${await edge.token('operator')}`
  const row = { day: '2026-01-02', shop: 'main', currency: 'CNY', orders: 2, units: 3, value: '19.90' }
  const add = (one: object) =>
    request(edge.url)
      .post('/api/totals')
      .set('authorization', operator)
      .send({ batchId: 'b', rows: [one] })
  edge.totals.length = 0
  await add({ ...row, product_id: 'p1', new_customers: 1 }).expect(200)
  await add({ ...row, productId: 'p1', newCustomers: 1 }).expect(200)
  const taken = { ...row, productId: 'p1', newCustomers: 1 }
  expect(edge.totals.map(({ rows }) => rows)).toEqual([[taken], [taken]])
  for (const wrong of [row, { ...row, product_id: 'p1', productId: 'p1' }]) {
    expect((await add(wrong).expect(400)).body.detail).toBe('body.rows.0.product_id: is missing, or stands twice')
  }
})

test('the front page says what this is, in both languages, and loads nothing', async () => {
  const page = await request(edge.url).get('/').expect(200)
  expect(page.text).toMatch(/consent and data-protection gateway.*同意与数据保护网关/s)
  expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/)
})

test('GET /api/audit/entries pages and filters', async () => {
  const token = `Bearer ${await edge.token('auditor')}`
  const path = '/api/audit/entries?cursor=17&limit=5&action=consent.read&from=2026-01-01T00:00:00Z'
  await request(edge.url).get(path).set('authorization', token).expect(200)
  expect(edge.audits).toMatchObject([{ cursor: '17', limit: 5, action: 'consent.read', from: Date.UTC(2026, 0, 1) }])
  const wrong = ['limit=1001', 'cursor=-', 'cursor=1e3', `cursor=${'9'.repeat(19)}`, 'from=0000-01-01T00:00:00Z']
  for (const query of wrong) {
    await request(edge.url).get(`/api/audit/entries?${query}`).set('authorization', token).expect(400)
  }
})

test('operators’ routes and the GPC statement', async () => {
  expect((await request(edge.url).get('/healthz').expect(200)).body).toEqual({ ok: true })
  expect((await request(edge.url).get('/readyz').expect(200)).body).toEqual({ ok: true, checks: { database: 'ok' } })
  const metrics = await request(edge.url).get('/metrics').expect(200)
  expect(metrics.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  const gpc = await request(edge.url).get('/.well-known/gpc.json').expect(200)
  expect(gpc.body).toEqual({ gpc: true, lastUpdate: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) })
})

test('the description is OpenAPI 3.1 of every route, and reads without asking anybody else', async () => {
  const { body } = await request(edge.url).get('/openapi.json').expect(200)
  expect(body.openapi).toBe('3.1.0')
  for (const path of ['/v1/batch', '/v1/consent', '/v1/recommendations', '/api/decisions/{messageId}', '/api/totals']) {
    expect(Object.keys(body.paths)).toContain(path)
  }
  const refs = JSON.stringify(body).match(/#\/components\/schemas\/\w+/g) ?? []
  for (const ref of refs) expect(body.components.schemas).toHaveProperty(ref.split('/').pop() ?? '')
  expect(JSON.stringify(body)).not.toContain('$defs')
  const ids = Object.values(body.paths).flatMap((item) => Object.values(item as object).map((one) => one.operationId))
  expect(new Set(ids).size).toBe(ids.length)
  for (const [path, method] of [
    ['/api/totals', 'get'],
    ['/api/totals', 'post'],
    ['/api/audit/entries', 'get'],
  ]) {
    expect(Object.keys(body.paths[path!][method!].responses)).toEqual(
      expect.arrayContaining(['200', '400', '401', '403']),
    )
  }
  expect(Object.keys(body.components.schemas.Totals.properties)).toEqual(['k', 'rows', 'sums', 'withheld', 'wider'])
  const page = await request(edge.url).get('/docs').expect(200)
  expect(page.text.match(/<section>/g)?.length).toBeLessThan(ids.length - 15) // the event routes share one
  expect(page.text).not.toMatch(/<script|src=|@import|url\(|`/)
  expect(page.text).not.toMatch(/<code>\?\w+<\/code><\/th><td><\/td>/) // every parameter is told
  expect(page.text).toContain('One of <code>channel</code>, <code>source</code>, <code>campaign</code>.')
  expect(page.text.match(/<pre>/g)?.length).toBeGreaterThanOrEqual(11) // of events, and of each body
  expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/)
})

const common = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' }

test.each([
  [
    'ingest, before Express',
    () => request(edge.url).post('/v1/batch').set('authorization', basic(server.writeKey)).send({ batch: [] }),
    { 'cross-origin-resource-policy': 'cross-origin' },
  ],
  [
    'ingest, an error',
    () => request(edge.url).post('/v1/batch').send('{'),
    { 'cross-origin-resource-policy': 'cross-origin' },
  ],
  [
    'ingest, through Express',
    () => get('/v1/recommendations?placement=popular'),
    { 'cross-origin-resource-policy': 'cross-origin' },
  ],
  [
    'api',
    () => request(edge.url).get('/api/totals'),
    { 'cross-origin-resource-policy': 'same-origin', 'x-frame-options': 'DENY' },
  ],
  [
    'pages',
    () => request(edge.url).get('/docs'),
    { 'cross-origin-resource-policy': 'same-origin', 'x-frame-options': 'DENY' },
  ],
  ['not found', () => request(edge.url).get('/nothing'), { 'cross-origin-resource-policy': 'same-origin' }],
])('the headers of the surface: %s', async (_name, ask, expected) => {
  const { headers } = await ask()
  expect(headers).toMatchObject({ ...common, ...expected })
  expect(headers['content-security-policy']).toMatch(/default-src 'none'/)
  expect(headers['strict-transport-security']).toMatch(/max-age=/)
  for (const absent of ['x-powered-by', 'etag', 'server', 'set-cookie']) expect(headers[absent]).toBeUndefined()
})

test('too much from one network is 429 with whole seconds, and its neighbours pass', async () => {
  const small = await startEdge({ trustProxy: 1, rateLimits: { browser: { perSecond: 1, burst: 3 } } })
  const { writeKey } = await small.source({ name: 'shop', kind: 'browser', origins: [shop] })
  const from = (address: string, size: number) =>
    request(small.url)
      .post('/v1/b')
      .set({ authorization: basic(writeKey), 'x-forwarded-for': address })
      .send({ batch: Array(size).fill({ type: 'page', anonymousId: 'a' }) })
  expect((await from('203.0.113.1', 2)).status).toBe(200)
  const limited = await from('203.0.113.200', 2)
  expect(limited.status).toBe(429)
  expect(limited.headers['retry-after']).toBe('1')
  expect(limited.body.code).toBe('rate-limited')
  expect((await from('203.0.114.1', 2)).status).toBe(200)
  small.now += 2_000
  expect((await from('203.0.113.1', 1)).status).toBe(200)
  await small.close()
})
