import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import type { Way } from '../../src/modules/attribution/facts.ts'
import { loadChannels } from '../../src/modules/attribution/load-channels.ts'
import { policyWith } from '../support/recording-module.ts'
import { type Answer, type Caller, createTestApp, type Device, newDevice, type TestApp } from '../support/test-app.ts'

let weir: TestApp
let analyst: Caller
let operator: Caller
beforeAll(async () => {
  weir = await createTestApp()
  analyst = await weir.token('analyst')
  operator = await weir.token('operator')
})
afterAll(() => weir.stop())
/** Each test has its own day, and the one before it, within what retention keeps: what others left is on other ones. */
let today: string
let next = Date.now() - 85 * 86_400_000
beforeEach(() => {
  today = new Date(next).toISOString().slice(0, 10)
  next += 2 * 86_400_000
})

const XHS = { source: 'xiaohongshu', medium: 'kol', name: 'spring' }
const BAIDU = { source: 'baidu', medium: 'cpc', name: 'brand' }

type Who = { userId: string } | { anonymousId: string } | { userId: string; anonymousId: string }

const at = (time: string, day = today): string => `${day}T${time}:00Z`
const daysBefore = (days: number): string => new Date(Date.parse(today) - days * 86_400_000).toISOString().slice(0, 10)

function landing(who: Who, campaign: JsonObject, time: string, day = today): JsonObject {
  const page = { url: 'https://shop.example/p/1', referrer: 'https://m.example/?q=secret' }
  return { type: 'page', ...who, timestamp: at(time, day), context: { campaign, page } }
}

function bought(who: Who, orderId: string, time = '20:00', more: JsonObject = {}): JsonObject {
  const properties = {
    order_id: orderId,
    total: 100,
    currency: 'CNY',
    products: [{ product_id: 'tea', quantity: 1, price: 100 }],
    ...more,
  }
  return { type: 'track', event: 'Order Completed', ...who, timestamp: at(time), properties }
}

async function credit(query = 'model=last', days = `from=${today}&to=${today}`): Promise<JsonObject> {
  await weir.settle()
  const answer = await analyst.get(`/api/attribution/credit?${query}&${days}`)
  expect([answer.status, answer.text.slice(0, 300)]).toEqual([200, expect.any(String)])
  return answer.body
}

/** The lines as `Influencer 1`, with what is between channel and conversions. */
async function lines(query?: string, days?: string): Promise<string[]> {
  const { channels } = await credit(query, days)
  return (channels as JsonObject[]).map(({ channel, source, campaign, conversions }) =>
    [channel, source, campaign, conversions].filter((part) => part !== undefined).join(' '),
  )
}

const wayOf = (source: string, medium = ''): Way => ({
  source,
  medium,
  campaign: '',
  creative: '',
  tag: '',
  referrer: '',
})

const user = (): string => `u-${randomUUID()}`

describe('consent', () => {
  test('a landing before consent is not known after it: the order is Direct', async () => {
    const userId = user()
    expect(await weir.send(landing({ userId }, XHS, '10:00'))).toEqual(['refused'])
    await weir.grant(userId, 'attribution')
    expect(await weir.send(bought({ userId }, user()))).toEqual(['accepted'])
    expect(await lines()).toEqual(['Direct 1'])
  })

  test('a landing after it is credited, whatever else was refused', async () => {
    const userId = user()
    await weir.grant(userId, 'attribution')
    await weir.refuse(userId, 'personalisation', 'advertising')
    await weir.send(landing({ userId }, XHS, '10:00'), bought({ userId }, user()))
    expect(await credit()).toMatchObject({
      channels: [{ channel: 'Influencer', conversions: 1, value: '100.00', cost: null, roi: null, cac: null }],
      currency: 'CNY',
    })
  })

  test('orders of those who refused, or were never asked, are unattributed, and shown once there are enough of them', async () => {
    const [yes, no] = [user(), user()]
    await weir.grant(yes, 'attribution')
    await weir.refuse(no, 'attribution')
    const of = (userId: string): JsonObject[] => [landing({ userId }, XHS, '10:00'), bought({ userId }, user())]
    await weir.send(...of(yes), ...Array.from({ length: 4 }, () => of(no)).flat(), ...of(user()))
    const few = await credit()
    expect([few.channels, few.unattributed]).toEqual([
      [expect.objectContaining({ conversions: 1 })],
      { conversions: null, value: null, complete: false },
    ])
    await weir.send(...Array.from({ length: 5 }, () => of(no)).flat())
    const enough = await credit()
    expect([enough.channels, enough.unattributed]).toMatchObject([
      [{ channel: 'Influencer', conversions: 1 }],
      { conversions: 10, value: '1000.00', complete: true },
    ])
    // One order more is credited and not published yet: of ten one does not know, and says nothing of nine.
    await weir.grant(no, 'attribution')
    await weir.send(bought({ userId: no }, user()))
    expect((await credit()).unattributed).toEqual({ conversions: null, value: null, complete: false })
  })

  test('fewer than ten unattributed orders are not shown, however many are credited', async () => {
    const [yes, no] = [user(), user()]
    await weir.grant(yes, 'attribution')
    await weir.refuse(no, 'attribution')
    await weir.send(...Array.from({ length: 9 }, () => bought({ userId: yes }, user())), bought({ userId: no }, user()))
    expect((await credit()).unattributed).toMatchObject({ conversions: null, value: null })
  })

  test('a public key tells no orders where a server does, and changes none', async () => {
    const userId = user()
    const stranger = newDevice()
    const { anonymousId, anonymousSecret } = stranger
    await weir.grant(userId, 'attribution')
    await weir.browser.post('/v1/consent', { ...stranger, choices: { attribution: true } })
    const tell = (orderId: string, more: JsonObject): Promise<Answer> =>
      weir.browser.post('/v1/track', {
        ...bought({ anonymousId }, orderId, '19:00', { total: 9_999_999, ...more }),
        anonymousSecret,
        messageId: randomUUID(),
      })
    const orderId = user()
    await weir.send(landing({ userId }, XHS, '10:00'), bought({ userId }, orderId))
    for (let i = 0; i < 8; i++) await tell(orderId, i % 2 === 0 ? {} : { currency: 'JPY' })
    await tell(user(), {})
    expect(await credit()).toMatchObject({
      channels: [{ channel: 'Influencer', conversions: 1, value: '100.00' }],
      other_currencies: [],
    })
  })

  test('of several tellings of an order one that names a value stands, whichever key is smaller', async () => {
    const userId = user()
    await weir.grant(userId, 'attribution')
    const orders = Array.from({ length: 6 }, () => user())
    const silent = orders.map((id) => bought({ userId }, id, '18:00', { total: null }))
    await weir.send(...silent, ...orders.map((id) => bought({ userId }, id)))
    expect(await credit()).toMatchObject({ channels: [{ channel: 'Direct', conversions: 6, value: '600.00' }] })
  })

  test('where the shop’s server is gone browsers tell orders, and what it told stands before their word', async () => {
    const server = await weir.source({ kind: 'server', name: 'gone-server', shop: 'gone' })
    const browser = await weir.source({ kind: 'browser', shop: 'gone', origins: ['https://shop.example'] })
    const device = newDevice()
    const { anonymousId, anonymousSecret } = device
    await browser.post('/v1/consent', { ...device, choices: { attribution: true } })
    const tell = (orderId: string, total: number): Promise<Answer> =>
      browser.post('/v1/track', {
        ...bought({ anonymousId }, orderId, '19:00', { total }),
        anonymousSecret,
        messageId: user(),
      })
    const userId = user()
    await weir.grant(userId, 'attribution')
    const orders = Array.from({ length: 6 }, () => user())
    for (const id of orders) await server.post('/v1/track', { ...bought({ userId }, id), messageId: user() })
    for (const id of orders) await tell(id, 9)
    await tell(user(), 7)
    expect(await credit()).toMatchObject({ channels: [{ conversions: 6, value: '600.00' }] })
    await weir.owner.$client.query("update weir.source set revoked_at = now() where name = 'gone-server'")
    expect(await credit()).toMatchObject({ channels: [{ conversions: 7, value: '607.00' }] })
  })

  test('the same order id in two shops is two orders', async () => {
    const userId = user()
    const second = await weir.source({ kind: 'server', shop: 'second' })
    await weir.grant(userId, 'attribution')
    const orderId = user()
    await weir.send(bought({ userId }, orderId))
    await second.post('/v1/track', { ...bought({ userId }, orderId), messageId: randomUUID() })
    expect(await lines()).toEqual(['Direct 2'])
  })

  test('a report is in a currency where there is one, however many orders name none', async () => {
    const userId = user()
    await weir.grant(userId, 'attribution')
    const nameless = [1, 2].map(() => bought({ userId }, user(), '19:00', { currency: 'points' }))
    await weir.send(...nameless, bought({ userId }, user()))
    expect(await credit()).toMatchObject({
      currency: 'CNY',
      other_currencies: [{ currency: 'XXX', conversions: 2 }],
    })
    expect(await credit('currency=XXX')).toMatchObject({ currency: 'XXX', channels: [{ conversions: 2 }] })
  })

  test('after a withdrawal nothing of the person is credited, nor when they order later', async () => {
    const userId = user()
    await weir.grant(userId, 'attribution')
    await weir.send(landing({ userId }, XHS, '10:00'), bought({ userId }, user(), '11:00'))
    expect(await lines()).toEqual(['Influencer 1'])
    await weir.refuse(userId, 'attribution')
    expect(await weir.send(bought({ userId }, user()))).toEqual(['refused'])
    expect(await lines()).toEqual([])
    await weir.grant(userId, 'attribution')
    await weir.send(bought({ userId }, user()))
    expect(await lines()).toEqual(['Direct 1']) // the touch is gone, not asleep
  })
})

describe('two devices of one person', () => {
  async function deviceThatSaw(campaign: JsonObject): Promise<Device> {
    const device = newDevice()
    await weir.browser.post('/v1/consent', { ...device, choices: { attribution: true } })
    const { anonymousId, anonymousSecret } = device
    const event = landing({ anonymousId }, campaign, '10:00')
    await weir.browser.post('/v1/page', { ...event, anonymousSecret, messageId: randomUUID() })
    return device
  }

  test('claimed by a browser they stay two, confirmed by the server they are one', async () => {
    const userId = user()
    await weir.grant(userId, 'attribution')
    const phone = await deviceThatSaw(XHS)
    const claim = { type: 'identify', userId, anonymousId: phone.anonymousId, messageId: randomUUID() }
    await weir.browser.post('/v1/identify', claim)
    await weir.send(bought({ userId }, user()))
    expect(await lines()).toEqual(['Direct 1'])

    await weir.send({ type: 'identify', userId, anonymousId: phone.anonymousId })
    expect(await lines()).toEqual(['Influencer 1'])

    const laptop = await deviceThatSaw(BAIDU)
    await weir.send({ type: 'identify', userId, anonymousId: laptop.anonymousId })
    expect(await lines('model=linear')).toEqual(['Influencer 0.5', 'Paid Search 0.5'])
  })
})

describe('an order', () => {
  test('told twice under two message ids, or by two sources, counts once', async () => {
    const userId = user()
    const orderId = user()
    const other = await weir.source({ kind: 'server' })
    await weir.grant(userId, 'attribution')
    await weir.send(landing({ userId }, XHS, '10:00'), bought({ userId }, orderId), bought({ userId }, orderId))
    await other.post('/v1/track', { ...bought({ userId }, orderId), messageId: randomUUID() })
    expect(await lines()).toEqual(['Influencer 1'])
  })

  test('is shared as the model says, and the report adds up', async () => {
    const userId = user()
    await weir.grant(userId, 'attribution')
    await weir.send(
      landing({ userId }, XHS, '10:00', daysBefore(20)),
      landing({ userId }, BAIDU, '10:00', daysBefore(10)),
      landing({ userId }, { source: 'crm', medium: 'email' }, '10:00', daysBefore(1)),
      bought({ userId }, user(), '20:00', { total: '100.01' }),
    )
    expect(await lines('model=first')).toEqual(['Influencer 1'])
    expect(await lines('model=last')).toEqual(['Email 1'])
    expect(await lines('model=position')).toEqual(['Email 0.4', 'Influencer 0.4', 'Paid Search 0.2'])
    expect(await credit('model=linear')).toMatchObject({
      channels: [
        { channel: 'Paid Search', conversions: 0.333334, value: '33.33' },
        { channel: 'Email', conversions: 0.333333, value: '33.34' },
        { channel: 'Influencer', conversions: 0.333333, value: '33.34' },
      ],
    })
    expect(await lines('model=linear&by=source')).toEqual([
      'Paid Search baidu 0.333334',
      'Email crm 0.333333',
      'Influencer xiaohongshu 0.333333',
    ])
    expect((await credit('model=last&by=campaign')).channels).toMatchObject([{ channel: 'Email', campaign: null }])
  })

  test('more than 90 days after a touch is not its; the order’s own tags are a touch', async () => {
    const [late, own] = [user(), user()]
    for (const userId of [late, own]) await weir.grant(userId, 'attribution')
    await weir.send(landing({ userId: late }, XHS, '10:00', daysBefore(91)), bought({ userId: late }, user()), {
      ...bought({ userId: own }, user()),
      context: { campaign: BAIDU },
    })
    expect(await lines()).toEqual(['Direct 1', 'Paid Search 1'])
  })

  test('in another currency is left out, and said to be', async () => {
    const userId = user()
    await weir.grant(userId, 'attribution')
    await weir.send(
      bought({ userId }, user()),
      bought({ userId }, user()),
      bought({ userId }, user(), '20:01', { currency: 'JPY', total: 1500 }),
    )
    expect(await credit()).toMatchObject({
      currency: 'CNY',
      channels: [{ channel: 'Direct', conversions: 2, new_customers: 1, value: '200.00' }],
      other_currencies: [{ currency: 'JPY', conversions: 1 }],
    })
    expect(await credit('currency=JPY')).toMatchObject({
      channels: [{ conversions: 1, new_customers: 0, value: '1500' }],
      other_currencies: [{ currency: 'CNY', conversions: 2 }],
    })
  })
})

describe('costs', () => {
  const row = (more: JsonObject): JsonObject => ({
    day: today,
    channel: 'Influencer',
    currency: 'CNY',
    cost: '60.00',
    ...more,
  })
  const add = (by: Caller, rows: JsonObject[], batchId = randomUUID() as string): Promise<Answer> =>
    by.post('/api/attribution/costs', { batchId, rows })

  test('stand beside the credit, with ROI and CAC; a channel that brought nothing has a line', async () => {
    const people = [user(), user(), user()]
    for (const userId of people) await weir.grant(userId, 'attribution')
    await weir.send(...people.flatMap((userId) => [landing({ userId }, XHS, '10:00'), bought({ userId }, user())]))
    await weir.send(bought({ userId: people[0]! }, user(), '21:00'))
    const rows = [
      row({ source: 'XiaoHongShu', campaign: 'spring', cost: '60.00' }),
      row({ cost: '40.5' }),
      row({ channel: 'Display', cost: '30' }),
      row({ currency: 'USD', cost: '5' }),
      row({ day: daysBefore(1), cost: '999' }),
    ]
    expect((await add(operator, rows)).body).toEqual({ added: true, rows: 5 })
    expect((await credit()).channels).toEqual([
      {
        channel: 'Influencer',
        conversions: 4,
        new_customers: 3,
        value: '400.00',
        cost: '100.50',
        roi: 2.9801,
        cac: '33.50',
      },
      { channel: 'Display', conversions: 0, new_customers: 0, value: '0.00', cost: '30.00', roi: -1, cac: null },
    ])
    const bySource = (await credit('by=source')).channels as JsonObject[]
    expect(bySource.map(({ channel, source, conversions, cost }) => [channel, source, conversions, cost])).toEqual([
      ['Influencer', 'xiaohongshu', 4, '60.00'],
      ['Display', null, 0, '30.00'],
      ['Influencer', null, 0, '40.50'],
    ])
  })

  test('of one delivery count once; a later one adds, or takes back', async () => {
    const costOf = async (): Promise<unknown> => ((await credit()).channels as JsonObject[])[0]?.cost
    expect((await add(analyst, [row({})], `b-${today}`)).body).toEqual({ added: true, rows: 1 })
    expect((await add(analyst, [row({})], `b-${today}`)).body).toEqual({ added: false, rows: 0 })
    expect(await costOf()).toBe('60.00')
    await add(analyst, [row({ cost: '1.005' }), row({ cost: '-20' })])
    expect(await costOf()).toBe('41.01')
    expect((await credit()).currency).toBe('CNY') // nothing else says which
  })

  test('whose sum would become too large to be true are refused whole, and can be taken back until then', async () => {
    const most = Array.from({ length: 1_000 }, () => row({ cost: '10000000000' }))
    const costOf = async (): Promise<unknown> => ((await credit()).channels as JsonObject[])[0]?.cost
    const atOnce = await add(operator, [...most, row({ cost: '0.01' })])
    expect([atOnce.status, atOnce.body.detail]).toEqual([400, expect.stringMatching(/must come to at most/)])
    expect((await add(operator, most)).body).toEqual({ added: true, rows: 1_000 })
    const tooMuch = `too-much-${today}`
    expect((await add(operator, [row({ channel: 'Display' }), row({ cost: '1.00' })], tooMuch)).status).toBe(400)
    expect((await credit()).channels).toMatchObject([{ channel: 'Influencer', cost: '10000000000000.00' }])
    expect((await add(operator, [row({ cost: '-1.00' })], tooMuch)).body).toEqual({ added: true, rows: 1 })
    expect(await costOf()).toBe('9999999999999.00')
    const opposite = most.map((one) => ({ ...one, cost: '-10000000000' }))
    await add(operator, opposite)
    expect(await costOf()).toBe('-1.00')
  })

  test('are entered as done where they are added, and not where they are refused', async () => {
    const done = async (): Promise<number> =>
      (await weir.entries('costs.add')).filter(({ outcome }) => outcome === 'done').length
    const before = await done()
    expect((await add(operator, [row({ currency: 'QQQ' })])).status).toBe(400)
    expect((await add(operator, [row({ cost: '99999999999999' })])).status).toBe(400)
    expect(await done()).toBe(before)
    expect((await add(operator, [row({})])).status).toBe(200)
    expect(await done()).toBe(before + 1)
  })

  test.each<[string, JsonObject, RegExp]>([
    ['a number', { cost: 60 }, /body\.rows\.0\.cost: write a decimal number as a text/],
    ['a comma', { cost: '1,50' }, /body\.rows\.0\.cost: write a decimal number/],
    ['no currency', { currency: 'yuan' }, /body\.rows\.0\.currency: write an ISO 4217 code/],
    ['a currency that is none', { currency: 'QQQ' }, /rows\[0\]\.currency is no code of ISO 4217/],
    ['no day', { day: '2026-02-30' }, /body\.rows\.0\.day/],
    ['blanks for a channel', { channel: '  ' }, /body\.rows\.0\.channel: write the name of a channel/],
    ['an address for a source', { source: 'ann@example.com' }, /body\.rows\.0\.source: write a name without @/],
    ['more than anybody spends', { cost: '99999999999999' }, /rows\[0\]\.cost must be at most/],
    ['an unknown field', { spend: '1' }, /body\.rows\.0/],
  ])('with %s are refused, and say where', async (_what, wrong, detail) => {
    const { status, body } = await add(operator, [row(wrong)])
    expect([status, body.detail]).toEqual([400, expect.stringMatching(detail)])
    expect(String(body.detail)).not.toMatch(/ann@|QQQ|1,50/)
  })
})

describe('who asks', () => {
  test('is entered before anything is answered; the wrong role is refused and entered', async () => {
    const entries = () => weir.entries()
    const before = await entries()
    await credit()
    expect((await add('merchandiser', 'get')).status).toBe(403)
    expect((await add('operator', 'get')).status).toBe(403)
    expect((await add('merchandiser', 'post')).status).toBe(403)
    expect((await add('compliance', 'get')).status).toBe(200)
    expect((await entries()).slice(before.length).map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'attribution.read released',
      'attribution.read refused',
      'attribution.read refused',
      'costs.add refused',
      'attribution.read released',
    ])
    expect((await entries()).slice(before.length)[0]?.resource).toBe(`attribution:${today}/${today}`)
  })

  async function add(role: Parameters<TestApp['token']>[0], method: 'get' | 'post'): Promise<Answer> {
    const caller = await weir.token(role)
    return method === 'get' ? caller.get('/api/attribution/credit') : caller.post('/api/attribution/costs', {})
  }

  test('without days is answered for the 90 days up to today', async () => {
    const { body } = await analyst.get('/api/attribution/credit')
    const to = new Date().toISOString().slice(0, 10)
    const from = new Date(Date.parse(to) - 89 * 86_400_000).toISOString().slice(0, 10)
    expect(body).toMatchObject({ model: 'last', by: 'channel', from, to, lookback_days: 90 })
  })

  test.each([
    ['model=markov', /query\.model/],
    ['by=person', /query\.by/],
    ['from=2026-02-30', /query\.from/],
    ['from=2026-02-02&to=2026-02-01', /from must not be after to/],
    ['from=2999-01-01', /^from is a day to come: to is today where it is not given$/],
    ['from=2020-01-01&to=2026-01-01', /at most 800 days/],
    ['from=2020-01-01', /at most 800 days: to is today where it is not given/],
    ['currency=yuan', /query\.currency: write an ISO 4217 code/],
    ['currency=ZZZ', /query\.currency: write an ISO 4217 code, such as CNY, or XXX/],
    ['shop=main', /query/],
  ])('with %s is told what to write', async (query, detail) => {
    const { status, body } = await analyst.get(`/api/attribution/credit?${query}`)
    expect([status, body.detail]).toEqual([400, expect.stringMatching(detail)])
  })
})

describe('the rules of channels', () => {
  const folders: string[] = []
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))
  async function policyAnd(channels: string): Promise<string> {
    const folder = await policyWith((text) => `${text}# the same\n`)
    folders.push(folder)
    await writeFile(join(folder, 'channels.yaml'), channels)
    return folder
  }

  test('beside the policy count instead of the shipped ones, for what came before as well', async () => {
    const policyDir = await policyAnd(`apiVersion: weir/v1
categories: {}
rules: [{channel: Red, when: [{source: [xiaohongshu]}]}]
`)
    const other = await createTestApp({ policyDir })
    const userId = user()
    await other.grant(userId, 'attribution')
    await other.send(landing({ userId }, XHS, '10:00'), bought({ userId }, user()))
    await other.settle()
    const { body } = await (await other.token('analyst')).get(`/api/attribution/credit?from=${today}&to=${today}`)
    expect(body.channels).toMatchObject([{ channel: 'Red', conversions: 1 }])
    await other.stop()
  })

  test.each<[string, (path: string) => Promise<unknown>]>([
    ['a link that leads nowhere', (path) => symlink('nowhere.yaml', path)],
    ['a link to itself', (path) => symlink('channels.yaml', path)],
    ['a folder', (path) => mkdir(path)],
    ['a pipe', (path) => promisify(execFile)('mkfifo', [path])],
  ])('that are %s are not passed over for the shipped ones', async (_what, make) => {
    const folder = await mkdtemp(join(tmpdir(), 'weir-channels-'))
    folders.push(folder)
    expect((await loadChannels(folder)).of(wayOf('baidu', 'cpc'))).toBe('Paid Search') // none: the shipped ones
    await make(join(folder, 'channels.yaml'))
    await expect(loadChannels(folder)).rejects.toThrow(/^\S+channels\.yaml is no file that can be read: make it one/)
  })

  test('may be a link to a file', async () => {
    const folder = await policyAnd('')
    await rm(join(folder, 'channels.yaml'))
    await writeFile(
      join(folder, 'real'),
      'apiVersion: weir/v1\ncategories: {}\nrules: [{channel: Red, when: [{source: [x]}]}]\n',
    )
    await symlink('real', join(folder, 'channels.yaml'))
    const channels = await loadChannels(folder)
    expect([channels.of(wayOf('x')), channels.of(wayOf('baidu', 'cpc'))]).toEqual(['Red', 'Unassigned'])
  })

  test('that cannot be read are no ground to start on: one line says where', async () => {
    const policyDir = await policyAnd('apiVersion: weir/v1\ncategories: {}\nrules:\n  - {channel: Red}\n')
    await expect(createTestApp({ policyDir })).rejects.toThrow(
      /channels\.yaml:\d+:\d+: `when` is missing: write a list of conditions/,
    )
  })
})
