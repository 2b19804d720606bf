import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { gzipSync } from 'node:zlib'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { findIn, makeMarkers, searchDatabase, searchFiles } from '../support/leaks.ts'
import { makeShop, type Shop } from '../support/subject-tokens.ts'
import { type Answer, type Caller, createTestApp, newDevice, speakingFor, type TestApp } from '../support/test-app.ts'

const markers = makeMarkers()
const { text, email, phone, ip, ipv6, chinese, needles } = markers
/** What the tests plant on purpose, to see that the search would find it. */
const control = makeMarkers()

let weir: TestApp
let superuser: pg.Client
let shop: Shop
let browser: Caller
let tester: Caller
let failing = false
const handed: string[] = []
const answers: Answer[] = []
const watched: string[] = []

beforeAll(async () => {
  weir = await createTestApp({
    modules: [
      attribution,
      {
        ...recommendation,
        async handle(tx, batch) {
          handed.push(
            JSON.stringify(batch, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
          )
          if (failing) throw new Error(`cannot take ${text('error')} of ${email('error')}`)
          await recommendation.handle(tx, batch)
        },
      },
    ],
  })
  superuser = new pg.Client({ connectionString: weir.database.superuserUrl })
  await superuser.connect()
  shop = await makeShop()
  browser = await weir.source({ kind: 'browser', origins: ['https://shop.example'], subjectKey: shop.jwk })
  tester = await weir.source({ kind: 'server', test: true })
})
afterAll(async () => {
  await superuser.end()
  await weir.stop()
})

async function keep(answer: Promise<Answer>): Promise<Answer> {
  const got = await answer
  answers.push(got)
  return got
}

const phoneForms = [
  `+86${phone}`,
  `86${phone}`,
  phone,
  `+86 ${phone.slice(0, 3)} ${phone.slice(3, 7)} ${phone.slice(7)}`,
]

const url = (name: string): string =>
  `https://${text('urluser')}:${text('urlpass')}@shop.example/konto/${encodeURIComponent(email('path'))}/${phone}?q=${text(name)}&mail=${encodeURIComponent(email('query'))}&utm_source=${encodeURIComponent(email('utm'))}&utm_campaign=${phone}#${text('fragment')}`

function context(): JsonObject {
  return {
    ip,
    userAgent: `Mozilla/5.0 (${text('agent')}) AppleWebKit/537.36`,
    locale: text('locale'),
    timezone: `Europe/${text('tz')}`,
    page: {
      url: url('page'),
      path: `/konto/${email('pagepath')}`,
      referrer: url('ref'),
      search: `?s=${text('search')}`,
      title: text('title'),
    },
    referrer: { url: url('referrer'), id: text('refid') },
    campaign: {
      source: email('source'),
      medium: `+86${phone}`,
      name: email('campaign'),
      term: 'kettle', // a word of the shop's own, as tags are: it is kept in clear
      content: email('content'),
    },
    device: { id: text('device'), advertisingId: randomUUID(), token: text('pushtoken'), manufacturer: text('maker') },
    network: { carrier: text('carrier'), ssid: text('ssid') },
    location: { city: text('city'), street: chinese, latitude: 31.23 },
    traits: { email: email('ctxtraits'), phone: phoneForms[0]!, name: chinese },
    sessionId: text('session'),
    library: { name: text('library'), version: '1' },
    [text('ctxkey')]: { [text('nested')]: [email('deep'), { a: chinese }] },
  }
}

function properties(): JsonObject {
  return {
    order_id: text('order'),
    checkout_id: text('checkout'),
    cart_id: text('cart'),
    product_id: 'kettle',
    name: text('productname'),
    brand: chinese,
    url: url('product'),
    image_url: url('image'),
    coupon: text('coupon'),
    affiliation: text('affiliation'),
    currency: text('currency'),
    total: Number(phone),
    query: text('searchquery'),
    review_body: `${chinese} ${phoneForms[3]} ${email('review')}`,
    recipient: email('recipient'),
    share_message: text('message'),
    products: [
      { product_id: 'kettle', quantity: 1, price: 3, name: text('line'), coupon: email('line'), url: url('line') },
      { product_id: email('product'), quantity: 1, price: 3 },
    ],
    email: email('property'),
    phone: phoneForms[1]!,
    free: { text: [text('free'), { more: phoneForms[2]!, [text('key')]: chinese }] },
    [text('propkey')]: ipv6,
  }
}

const user = text('user')
const device = { anonymousId: randomUUID(), anonymousSecret: `${markers.core}${randomUUID().replaceAll('-', '')}` }

function messages(): JsonObject[] {
  const ids = { userId: user, ...device, context: context() }
  const track = (event: string): JsonObject => ({ type: 'track', event, ...ids, properties: properties() })
  const traits = {
    email: email('trait'),
    phone: phoneForms[0]!,
    name: chinese,
    birthday: '1990-01-01',
    description: text('about'),
    address: { street: text('street'), city: chinese },
  }
  return [
    ...[
      'Product Viewed',
      'Order Completed',
      'Product Reviewed',
      'Products Searched',
      'Product Shared',
      'Coupon Entered',
    ].map(track),
    track(text('unknownevent')),
    { type: 'identify', ...ids, traits: { ...traits, [text('traitkey')]: ipv6 } },
    { type: 'group', ...ids, groupId: text('group'), traits },
    {
      type: 'page',
      ...ids,
      name: text('pagename'),
      properties: { ...properties(), url: url('p'), title: text('t'), search: `?${email('s')}` },
    },
    { type: 'screen', ...ids, name: text('screen'), properties: properties() },
    { type: 'alias', userId: user, previousId: text('previous'), context: context() },
    { ...track('Product Viewed'), userId: `nul\u0000${text('nul')}` },
    { ...track('Product Viewed'), userId: { is: text('object') } },
    { ...track('Product Viewed'), timestamp: text('time') },
    { ...track('Product Viewed'), integrations: { All: true, 'Actions Amplitude': { session_id: text('amplitude') } } },
  ].map((message) => ({ messageId: text(randomUUID().slice(0, 8)), ...message }))
}

const headers: Record<string, string> = {
  'user-agent': text('useragentheader'),
  referer: url('refererheader'),
  cookie: `session=${text('cookie')}; mail=${email('cookie')}`,
  'accept-language': text('language'),
  'x-forwarded-for': `${ip}, ${ipv6}`,
  'x-request-id': text('requestid'),
  'weir-subject-token': '',
}

/** Everything that the gateway takes, by every door. */
async function sendEverything(): Promise<void> {
  const batch = messages()
  const good = headersWithout('weir-subject-token')
  await keep(
    weir.server.post(
      `/v1/batch?note=${text('url')}`,
      { batch, context: context(), sentAt: new Date().toISOString() },
      good,
    ),
  )
  await keep(
    browser.post(
      '/v1/batch',
      { batch: messages(), writeKey: browser.key },
      { ...good, origin: 'https://shop.example' },
    ),
  )
  await keep(
    browser.post('/v1/b', gzipSync(JSON.stringify({ batch: messages() })), { ...good, 'content-type': 'text/plain' }),
  )
  await keep(weir.server.post(`/beacon/v1/batch?writeKey=${weir.server.key}`, { batch: messages() }, good))
  await keep(tester.post('/v1/batch', { batch: messages() }, good))
  for (const { type, ...message } of messages()) {
    await keep(weir.server.post(`/v1/${String(type)}`, { ...message, messageId: text(randomUUID().slice(0, 8)) }, good))
  }
  const at = new Date().toISOString()
  for (const caller of [weir.server, browser]) {
    await keep(
      caller.post(
        '/v1/consent',
        { userId: user, choices: { personalisation: true, attribution: true }, noticeToken: text('notice'), at },
        good,
      ),
    )
    await keep(
      caller.post(
        '/v1/consent',
        { ...device, choices: { personalisation: true, attribution: true }, noticeToken: text('notice') },
        good,
      ),
    )
    await keep(caller.get('/v1/consent', { ...good, ...speakingFor({ userId: user }) }))
    await keep(caller.get('/v1/consent', { ...good, ...speakingFor(device) }))
    await keep(caller.get('/v1/recommendations?placement=for_you', { ...good, ...speakingFor(device) }))
    await keep(caller.get(`/v1/recommendations?placement=also_bought&product_id=${text('asked')}`, good))
    await keep(caller.get(`/v1/recommendations?placement=${text('placement')}&userId=${email('inurl')}`, good))
  }
  const token = await shop.sign(user)
  await keep(browser.get('/v1/consent', { ...good, ...speakingFor({ subjectToken: token }) }))
  await keep(browser.get('/v1/consent', { ...good, ...speakingFor({ subjectToken: `${token}${text('forged')}` }) }))
  const officer = await weir.token('compliance')
  await keep(officer.get(`/api/decisions/${text('nomessage')}`, good))
  await keep(officer.get(`/api/decisions/${String(batch[0]!.messageId)}`, good))
  await keep(officer.get(`/api/audit/entries?actor=${text('actor')}`, good))
  await keep(officer.get(`/api/audit/entries?cursor=${text('cursor')}`, good))
  await sendNonsense(good)
}

function headersWithout(name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([header]) => header !== name))
}

async function sendNonsense(good: Record<string, string>): Promise<void> {
  const bodies = [
    `{"batch":[{"userId":"${text('broken')}"`,
    `"${email('string')}"`,
    JSON.stringify({ batch: text('notalist') }),
    JSON.stringify({ batch: [text('notanobject'), 7, null] }),
    `{"userId":"${text('surrogate')}\\ud800","type":"track","event":"x"}`,
    JSON.stringify({ userId: user, choices: { [text('purpose')]: true } }),
    JSON.stringify({ userId: user, choices: { analytics: text('choice') }, at: text('at') }),
    `{"__proto__":{"a":"${text('proto')}"},"userId":"${user}","type":"track","event":"Product Viewed"}`,
  ]
  for (const body of bodies) {
    for (const path of ['/v1/batch', '/v1/track', '/v1/consent']) await keep(weir.server.post(path, body, good))
  }
  const stranger = {
    ...good,
    authorization: `Basic ${Buffer.from(`${text('key')}:${email('key')}`).toString('base64')}`,
  }
  await keep(weir.server.post('/v1/batch', { batch: messages() }, stranger))
  await keep(weir.server.get(`/nothing/${email('route')}?q=${text('q')}`, good))
  await keep(weir.server.get('/v1/consent', { ...good, 'weir-user-id': `%ZZ${text('header')}` }))
  await keep(browser.post('/v1/track', messages()[0]!, { ...good, origin: `https://${markers.core}.example` }))
}

/** Every table that intake and consent write refuses once, each with rows of the person on their way into it. */
async function forceErrors(): Promise<void> {
  const tables = [
    'identifier',
    'subject',
    'subject_key',
    'consent_state',
    'consent_ledger',
    'event_log',
    'sealed',
    'dedupe_0',
    'dedupe_1',
    'link',
    'audit_queue',
    'audit_entry',
    'audit_detail',
    'purge',
    'total',
  ]
  for (const table of tables) {
    await superuser.query(`alter table weir.${table} add constraint leaks_test check (false) not valid`)
    const fresh = { userId: text(`err${table}`), ...newDevice() }
    await keep(
      weir.server.post('/v1/consent', {
        ...fresh,
        choices: { personalisation: true, attribution: true, advertising: false },
      }),
    )
    await keep(weir.server.post('/v1/batch', { batch: messages().slice(0, 3) }))
    await keep(weir.server.get('/v1/consent', speakingFor({ userId: user })))
    await superuser.query(`alter table weir.${table} drop constraint leaks_test`)
  }
  await superuser.query('alter table recommendation.view add constraint leaks_test check (false) not valid')
  await weir.send(...messages().slice(0, 2))
  await weir.settle()
  await superuser.query('alter table recommendation.view drop constraint leaks_test')
  await superuser.query('alter table weir.sealed rename to sealed_away') // and a statement that cannot run at all
  await keep(weir.server.post('/v1/batch', { batch: messages().slice(0, 2) }))
  await superuser.query('alter table weir.sealed_away rename to sealed')
}

/** What other sessions can see of running statements, looked at again and again. */
function watchActivity(): { stop(): Promise<void> } {
  let stopped = false
  const watching = (async () => {
    const watcher = new pg.Client({ connectionString: weir.database.superuserUrl })
    await watcher.connect()
    while (!stopped) {
      const { rows } = await watcher.query<{ row: string }>('select a::text as row from pg_stat_activity a')
      watched.push(rows.map((row) => row.row).join('\n'))
    }
    await watcher.end()
  })()
  return {
    async stop() {
      stopped = true
      await watching
    },
  }
}

beforeAll(async () => {
  const watch = watchActivity()
  await keep(weir.server.post('/v1/consent', { userId: user, choices: { personalisation: true, attribution: true } }))
  await keep(browser.post('/v1/consent', { ...device, choices: { personalisation: true, attribution: true } }))
  await sendEverything()
  await weir.settle()
  failing = true
  await weir.send(...messages().slice(0, 6))
  await weir.settle()
  failing = false
  await forceErrors()
  await keep(weir.server.post('/v1/consent', { userId: user, choices: { personalisation: false, attribution: false } }))
  await weir.settle()
  await keep(weir.server.post('/v1/consent', { userId: user, choices: { personalisation: true, attribution: true } }))
  await weir.send(...messages())
  await weir.settle()
  await watch.stop()
  await superuser.query('analyze')
  await superuser.query('checkpoint')
})

async function clusterFolder(): Promise<string> {
  const { rows } = await superuser.query<{ data_directory: string }>('show data_directory')
  return dirname(rows[0]!.data_directory) // Postgres' log lies beside it
}

test('the markers were taken in: they are stored sealed, delivered, refused, and answered with every kind of error', async () => {
  const { rows } = await superuser.query(
    `select (select count(*)::int from weir.sealed) as blobs, (select count(*)::int from weir.dead_letter) as letters,
       (select count(*)::int from recommendation.view) as views, (select count(*)::int from attribution.touch) as touches,
       (select count(*)::int from attribution.conversion) as conversions, (select count(*)::int from weir.audit_waiting) + (select count(*)::int from weir.audit_entry) as entries`,
  )
  expect(rows[0].blobs).toBeGreaterThan(5)
  expect(rows[0].views).toBeGreaterThan(0)
  expect(rows[0].touches).toBeGreaterThan(0)
  expect(rows[0].conversions).toBeGreaterThan(0)
  expect(rows[0].entries).toBeGreaterThan(5)
  expect(rows[0].letters).toBeGreaterThan(0)
  const statuses = new Set(answers.map((answer) => answer.status))
  for (const status of [200, 400, 401, 403, 404, 503]) expect(statuses).toContain(status)
  expect(answers.map((answer) => answer.text).join()).toContain('"code":"internal"') // 503 on the routes of shops
  expect(weir.logged()).toMatch(/23514/)
})

describe('nothing of a person is found in clear', () => {
  test('in any row of any table, in the statistics, in the statements that others can see', async () => {
    expect(await searchDatabase(superuser, needles)).toEqual([])
    expect(watched.length).toBeGreaterThan(20)
    expect([...new Set(watched.flatMap((look) => findIn(look, needles)))]).toEqual([])
  })

  test('in any file of the database cluster: tables, indexes, temporary files, write-ahead log, Postgres’ own log', async () => {
    const searched = await searchFiles(await clusterFolder(), needles)
    expect(searched.found).toEqual([])
    expect(searched.files).toBeGreaterThan(500)
    console.log(`law 2: searched ${searched.files} files, ${Math.round(searched.bytes / 1e6)} MB`)
  }, 240_000)

  test('in our logs, in the metrics, in the answers to errors', async () => {
    expect(weir.logged().length).toBeGreaterThan(1_000)
    expect(findIn(weir.logged(), needles)).toEqual([])
    expect(findIn((await weir.server.get('/metrics')).text, needles)).toEqual([])
    expect(findIn((await weir.server.get('/readyz')).text, needles)).toEqual([])
    const errors = answers.filter((answer) => answer.status >= 400)
    expect(errors.length).toBeGreaterThan(30)
    for (const answer of errors)
      expect([answer.status, answer.text, findIn(answer.text, needles)]).toEqual([answer.status, answer.text, []])
    // An answer names each message by the id that its sender gave it, and by nothing else.
    const others = answers.filter((answer) => answer.status < 400 && !answer.text.includes('"stored":false'))
    for (const answer of others) {
      const text = answer.text.replaceAll(/"messageId":"[^"]*"/g, '')
      expect([text, findIn(text, needles)]).toEqual([text, []])
    }
  })

  test('in what a module was handed: product ids are what the policy lets through, nothing else', () => {
    expect(handed.length).toBeGreaterThan(3)
    const products = /"product_id":"[^"]*"/g
    expect(findIn(handed.join('\n').replaceAll(products, ''), needles)).toEqual([])
  })
})

describe('the search itself', () => {
  test('finds what lies in a table, in an index, in the statistics, in a file and in Postgres’ log', async () => {
    await superuser.query('create table public.planted (a text primary key, b bytea, c jsonb)')
    await superuser.query('insert into public.planted select $1 || n, $2, $3 from generate_series(1, 50) as n', [
      control.text('planted'),
      Buffer.from(control.email('bytes')),
      JSON.stringify({ x: Buffer.from(` ${control.phone}`).toString('base64'), y: control.chinese }),
    ])
    await superuser.query('analyze public.planted')
    await superuser.query('set log_min_messages = error') // the cluster's own setting keeps errors of statements out
    await superuser.query('select $1::integer', [control.text('logged')]).catch(() => undefined)
    await superuser.query('reset log_min_messages')
    await superuser.query('checkpoint')
    const inRows = await searchDatabase(superuser, control.needles)
    expect(inRows).toEqual(
      expect.arrayContaining([
        'a text marker in UTF-8: public.planted',
        'a text marker in hex: public.planted',
        'the Chinese name in UTF-8: public.planted',
        'a text marker in UTF-8: pg_catalog.pg_statistic',
      ]),
    )
    const { found } = await searchFiles(await clusterFolder(), control.needles)
    expect(found.join('\n')).toMatch(/a text marker in UTF-8: cluster\/base/)
    expect(found.join('\n')).toMatch(/a text marker in UTF-8: cluster\/pg_wal/)
    expect(found.join('\n')).toMatch(/a text marker in UTF-8: postgres\.log/)
    await superuser.query('drop table public.planted')
  }, 240_000)

  test('knows a text in every form', () => {
    const { core, needles } = control
    for (const hidden of [
      Buffer.from(`xx${core}yy`),
      Buffer.from(`x${core}`, 'utf16le'),
      Buffer.from(Buffer.from(`x${core}yy`).toString('base64')),
      Buffer.from(Buffer.from(`xx${core}yy`).toString('base64url')),
      Buffer.from(Buffer.from(`${core}yy`).toString('hex')),
      Buffer.from(core.toUpperCase()),
    ]) {
      expect(findIn(hidden, needles).length).toBeGreaterThan(0)
    }
    expect(findIn(JSON.stringify({ a: control.chinese }), needles).length).toBeGreaterThan(0)
  })
})
