import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Delivered, JsonObject } from '../../../src/event/event.ts'
import type { LogPosition, Pseudonym, Token } from '../../../src/event/ids.ts'
import { readChannels } from '../../../src/modules/attribution/channels.ts'
import { factsOf } from '../../../src/modules/attribution/facts.ts'

const file = new URL('../../../policies/channels.yaml', import.meta.url)
const read = readChannels(readFileSync(file, 'utf8'), 'channels.yaml')
if (!('channels' in read)) throw new Error(read.lines.join('\n'))
const { channels } = read

const delivered = (name: string, fields: JsonObject, at = '2026-11-20T08:30Z'): Delivered => ({
  position: 1n as LogPosition,
  eventKey: 't1.e' as Token,
  subject: 'p1.s' as Pseudonym,
  name,
  at,
  fields,
  consentEpoch: 1,
  purpose: 'attribution',
  told: 'server',
  shop: 'main',
})
const touchesOf = (context: JsonObject): object[] =>
  factsOf([delivered('page', { context })]).touches.map(({ subject: _s, eventKey: _e, at: _a, ...way }) => way)
const nothing = { source: '', medium: '', campaign: '', creative: '', tag: '', referrer: '' }
const ordered = (properties: JsonObject): [string, string, bigint][] =>
  factsOf([delivered('Order Completed', { properties })]).conversions.map((one) => [one.order, one.currency, one.value])

describe('a touch', () => {
  test('is the campaign tags, source and medium in lower case, and the host that sent', () => {
    const context = {
      campaign: { source: ' XiaoHongShu ', medium: 'KOL', name: 'Spring 春', content: 'Red', term: 'Tea' },
      referrer: { origin: 'https://M.Example:8443' },
      page: { origin: 'https://shop.example' },
    }
    expect(factsOf([delivered('page', { context })]).touches).toEqual([
      {
        subject: 'p1.s',
        eventKey: 't1.e',
        at: '2026-11-20T08:30',
        source: 'xiaohongshu',
        medium: 'kol',
        campaign: 'Spring 春',
        creative: 'Red',
        tag: 'Tea',
        referrer: 'm.example',
      },
    ])
  })

  test.each([
    ['the page’s own host', 'https://shop.example', 'https://shop.example', ''],
    ['a host below', 'https://m.shop.example', 'https://shop.example', ''],
    ['a host above', 'https://shop.example', 'https://www.shop.example', ''],
    ['a host that only ends alike', 'https://myshop.example', 'https://shop.example', 'myshop.example'],
    ['an unknown page', 'https://m.example', undefined, ''],
    ['an address', 'http://203.0.113.77', 'https://shop.example', ''],
    ['an address of version 6', 'http://[2001:db8::1]', 'https://shop.example', ''],
    ['no URL', 'm.example', 'https://shop.example', ''],
  ])('from %s', (_what, origin, page, referrer) => {
    const context = { referrer: { origin }, page: page === undefined ? {} : { origin: page } }
    expect(touchesOf(context)).toEqual(referrer === '' ? [] : [{ ...nothing, referrer }])
  })

  test.each([
    ['one of its people', 'https://alice-wang.blogspot.com', 'blogspot.com'],
    ['a phone number', 'https://13800138000.example.com', 'example.com'],
    ['a UUID', 'https://550e8400-e29b-41d4-a716-446655440000.app.example.com', 'example.com'],
    ['a name below a country’s', 'https://alice.shop.example.com.cn', 'example.com.cn'],
    ['a number that was registered', 'https://www.13800138000.com', ''],
    ['a host that the channels know', 'https://m.tieba.baidu.com', 'tieba.baidu.com'],
    ['a host of all countries', 'https://www.google.co.uk', 'google.co.uk'],
    ['somebody’s page below a known host', 'https://alice.tumblr.com', 'tumblr.com'],
    ['a digit name', 'https://www.163.com', '163.com'],
  ])('from a host that says %s keeps who sent', (_what, origin, referrer) => {
    const context = { referrer: { origin }, page: { origin: 'https://shop.example' } }
    const [touch] = factsOf([delivered('page', { context })], channels.knownAs).touches
    expect(touch?.referrer ?? '').toBe(referrer)
  })

  test.each([
    ['could be an address', 'ann@example.com'],
    ['holds a control character', 'a\u0001b'],
    ['is too long', 'x'.repeat(101)],
    ['is half a character', 'a\ud800'],
    ['says nothing', '(not set)'],
    ['is blank', '  '],
    ['is no text', ['x']],
    ['is a click id', 'EAIaIQobChMI8f2x9K3'],
    ['is a reader’s key', 'mc-9f86d081884c'],
  ])('is not made of a tag that %s', (_what, source) => {
    expect(touchesOf({ campaign: { source } })).toEqual([])
    expect(touchesOf({ campaign: { source, medium: 'kol' } })).toEqual([{ ...nothing, medium: 'kol' }])
  })

  test.each([
    ['an address in wide characters', 'alice＠example.com'],
    ['an address encoded twice', 'alice%2540example.com'],
    ['an address beside a lone percent sign', '50%-alice%40example.com'],
    ['an address encoded too often to say', 'alice%252525252540example.com'],
    ['an address in words', 'alice(at)example.com'],
    ['an address with blanks', 'alice at example dot com'],
    ['an openid of WeChat', 'o6_bmjrPTlm6_2sgVtMH'],
    ['an openid in lower case', 'o6_bmjrptlm6_2sgvtmh'],
    ['a UUID', '550e8400-e29b-41d4-a716-446655440000'],
    ['a key of mixed case', 'aB-cDeFgHiJk_LmNoPqRs'],
    ['the number of a user', 'user-8812733'],
    ['a shorter number of a user', 'uid_88127'],
    ['a phone number', '13800138000'],
    ['a phone number in wide digits', '１３８００１３８０００'],
    ['a phone number in groups', 'sms 138-0013-8000'],
    ['a phone number with invisible characters', '138\u200b0013\u200b8000'],
    ['a local phone number', '555-01-99'],
    ['a birthday', '19900412'],
    ['an address in a street', '221B Baker Street'],
    ['an address in a street with hyphens', '742-evergreen-terrace'],
    ['an address in China', '北京市朝阳区建国路88号'],
    ['an address in Germany', 'Lindenstraße 12'],
  ])('is not made of %s', (_what, name) => {
    expect(touchesOf({ campaign: { name } })).toEqual([])
  })

  test.each([
    'xhs618kol2026',
    'double11-2026',
    'spring2026sale',
    '2026春季新品首发活动',
    'a/b test: blue button',
    '20261111',
    '2026-11-11_2026-11-12',
    'sale_20261111-20261212',
    'xhs_kol_2026_spring_sale_video',
    'Spring2026_KOL_XHS_Video15s_v2',
    'SpringSaleKolVideoHeroBanner',
    'iPhone15ProMaxLaunch2026',
    '50% off',
    '100%25 cotton',
    '5th avenue look',
    '618大促-会员日2026',
    '%E6%98%A5%E5%AD%A3',
  ])('keeps %s for a campaign', (campaign) => {
    expect(touchesOf({ campaign: { name: campaign } })).toEqual([{ ...nothing, campaign }])
  })

  test('is nothing without tag and referrer, and nothing at a time that cannot be read', () => {
    expect(touchesOf({ page: { origin: 'https://shop.example' } })).toEqual([])
    const context = { campaign: { source: 'x' } }
    for (const at of ['', 'yesterday', '2010-02-30', '2010-02-30T10:00Z', '2010-01-01T25:00Z', '0000-01-01']) {
      expect(factsOf([delivered('page', { context }, at)]).touches).toEqual([])
    }
    expect(factsOf([delivered('page', { context }, '2010-01-05')]).touches[0]?.at).toBe('2010-01-05T00:00')
  })
})

describe('a conversion', () => {
  test.each<[string, JsonObject, [string, string, bigint]]>([
    ['its revenue', { order_id: 'o', total: 19.9, revenue: '10.005', currency: 'cny' }, ['o', 'CNY', 1001n]],
    ['else its value', { order_id: 'o', revenue: 'much', value: 7, total: 8, currency: 'JPY' }, ['o', 'JPY', 7n]],
    ['else its total', { order_id: 'o', total: 19.9, currency: 'CNY' }, ['o', 'CNY', 1990n]],
    ['nothing that can be read', { order_id: 'o', currency: 'credits' }, ['o', 'XXX', 0n]],
    ['less than nothing', { order_id: 'o', total: -5, currency: 'CNY' }, ['o', 'CNY', 0n]],
    ['more than anybody pays', { order_id: 'o', total: 1e17, currency: 'CNY' }, ['o', 'CNY', 0n]],
    ['an order without an id', { total: 1, currency: 'CNY' }, ['t1.e', 'CNY', 100n]],
  ])('of %s', (_what, properties, expected) => {
    expect(ordered(properties)).toEqual([expected])
  })

  test('is only an order; its own way in is a touch too', () => {
    const fields = { context: { campaign: { source: 'x' } }, properties: { order_id: 'o', total: 1 } }
    expect(factsOf([delivered('Order Refunded', fields)]).conversions).toEqual([])
    const facts = factsOf([delivered('Order Completed', fields)])
    expect([facts.touches.length, facts.conversions.length]).toEqual([1, 1])
  })
})
