import { describe, expect, test } from 'vitest'
import type { Delivered, JsonObject } from '../../../src/event/event.ts'
import type { LogPosition, Pseudonym, Token } from '../../../src/event/ids.ts'
import { factsOf } from '../../../src/modules/recommendation/facts.ts'

const event = (name: string, properties: JsonObject, at = '2010-01-05'): Delivered => ({
  position: 1n as LogPosition,
  eventKey: 't1.key' as Token,
  subject: 'p1.alice' as Pseudonym,
  name,
  at,
  fields: { properties },
  consentEpoch: 1,
  purpose: 'personalisation',
  told: 'server',
  shop: 'main',
})
const base = { subject: 'p1.alice', eventKey: 't1.key' }
const nothing = { views: [], cartChanges: [], lines: [], returns: [] }

describe('what a delivered event says', () => {
  test('a product that was looked at, on a day', () => {
    expect(factsOf([event('Product Viewed', { product_id: 'mug' }, '2010-01-05T10:00:00Z')]).views).toEqual([
      { ...base, item: 'mug', day: '2010-01-05' },
    ])
  })

  test('a product put in the cart and taken out again', () => {
    const added = factsOf([event('Product Added', { product_id: 42 }), event('Product Removed', { product_id: 42 })])
    expect(added.cartChanges.map(({ item, step }) => [item, step])).toEqual([
      ['42', 1],
      ['42', -1],
    ])
  })

  test('the distinct items of an order, without those of which none were bought', () => {
    const products = [{ product_id: 'mug', quantity: 2 }, { product_id: 'mug' }, { product_id: 'plate', quantity: 0 }]
    expect(factsOf([event('Order Completed', { order_id: 't1.o', products })]).lines).toEqual([
      { ...base, order: 't1.o', item: 'mug', day: '2010-01-05' },
    ])
  })

  test('at most a hundred items of an order, the same ones in whatever order they come', () => {
    const products = Array.from({ length: 650 }, (_, i) => ({ product_id: `item-${String(i).padStart(3, '0')}` }))
    const kept = (list: JsonObject[]) =>
      factsOf([event('Order Completed', { order_id: 't1.o', products: list })]).lines.map((line) => line.item)
    expect(kept(products)).toHaveLength(100)
    expect(kept([...products].reverse())).toEqual(kept(products))
  })

  test('an order without an id is one of its own', () => {
    expect(factsOf([event('Order Completed', { products: [{ product_id: 'mug' }] })]).lines[0]?.order).toBe('t1.key')
  })

  test('a cancelled order goes back whole, a refund of some products only with those', () => {
    expect(factsOf([event('Order Cancelled', { order_id: 't1.o' })]).returns).toEqual([
      { ...base, order: 't1.o', item: '', day: '2010-01-05' },
    ])
    const refund = { order_id: 't1.o', products: [{ product_id: 'mug' }, { sku: 'unreadable' }] }
    expect(factsOf([event('Order Refunded', refund)]).returns).toEqual([
      { ...base, order: 't1.o', item: 'mug', day: '2010-01-05' },
    ])
    expect(factsOf([event('Order Refunded', { ...refund, products: [{}] })]).returns).toEqual([])
  })

  test('nothing, where the event has another name, no product, no day, or an address for a product', () => {
    for (const useless of [
      event('Page Viewed', { product_id: 'mug' }),
      event('constructor', { product_id: 'mug' }),
      event('Product Viewed', {}),
      event('Product Viewed', { product_id: 'alice@example.com' }),
      event('Product Viewed', { product_id: 'x'.repeat(201) }),
      event('Product Viewed', { product_id: 'nul\u0000' }),
      event('Product Viewed', { product_id: 'mug' }, '2010-02-30'),
      event('Order Cancelled', {}),
      { ...event('Product Viewed', {}), fields: { properties: [] } },
      { ...event('Product Viewed', {}), fields: {} },
    ]) {
      expect(factsOf([useless])).toEqual(nothing)
    }
  })
})
