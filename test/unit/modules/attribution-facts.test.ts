import { describe, expect, test } from 'vitest'
import type { Delivered, JsonObject } from '../../../src/event/event.ts'
import type { LogPosition, Pseudonym, Token } from '../../../src/event/ids.ts'
import { factsOf } from '../../../src/modules/attribution/facts.ts'

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

  test.each(['xhs618kol2026', 'double11-2026', 'spring2026sale', '2026春季新品首发活动', 'a/b test: blue button'])(
    'keeps %s for a campaign',
    (campaign) => {
      expect(touchesOf({ campaign: { name: campaign } })).toEqual([{ ...nothing, campaign }])
    },
  )

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
