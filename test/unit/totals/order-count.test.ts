import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { IncomingEvent, JsonObject } from '../../../src/event/event.ts'
import { decimalOf, minorToText, toMinor } from '../../../src/event/money.ts'
import { orderCountOf } from '../../../src/totals/order-count.ts'

const order = (properties: JsonObject): IncomingEvent => ({
  messageId: 'm',
  type: 'track',
  name: 'Order Completed',
  userId: 'alice@example.com',
  occurredAt: Date.UTC(2010, 0, 5, 23, 59),
  properties,
  context: {},
  claim: { refused: 0, granted: 0, evidence: [], unreadable: false },
})
const linesOf = (properties: JsonObject) => orderCountOf(order(properties), 'main')?.lines

describe('counting an order', () => {
  test('keeps the day, the shop, the currency and the products, and nothing of the person', () => {
    const counted = orderCountOf(
      order({
        order_id: 'o-1',
        currency: 'gbp',
        first_order: true,
        email: 'alice@example.com',
        products: [
          { product_id: '85123A', quantity: 6, price: 2.55 },
          { product_id: '85123A', quantity: 1, price: '2.55' },
          { product_id: 22423, price: 12.75 },
        ],
      }),
      'main',
    )
    expect(counted).toEqual({
      day: Date.UTC(2010, 0, 5),
      shop: 'main',
      currency: 'GBP',
      newCustomer: true,
      lines: [
        { productId: '85123A', units: 7n, value: 1785n },
        { productId: '22423', units: 1n, value: 1275n },
      ],
    })
  })

  test('a currency has its own minor unit, an unknown one is none', () => {
    const value = (currency: string) => {
      const counted = orderCountOf(order({ currency, products: [{ product_id: 'a', price: '12.345' }] }), 'main')
      return [counted?.currency, counted?.lines[0]?.value]
    }
    expect(value('JPY')).toEqual(['JPY', 12n])
    expect(value('KWD')).toEqual(['KWD', 12345n])
    expect(value('CNY')).toEqual(['CNY', 1235n])
    expect(value('ZZZ')).toEqual(['XXX', 1235n])
  })

  test('what is no product id becomes no product', () => {
    for (const product_id of ['alice@example.com', 'a b', '', '*', 'other', 'x'.repeat(101), null, {}, true]) {
      expect(linesOf({ products: [{ product_id, price: 1 }] })).toEqual([{ productId: '', units: 1n, value: 100n }])
    }
    expect(linesOf({ products: [{ product_id: '杯子-1', price: 1 }] })?.[0]?.productId).toBe('杯子-1')
  })

  test('a product id that may be a person’s number becomes no product, an article number stays', () => {
    const idOf = (product_id: string | number) => linesOf({ products: [{ product_id, price: 1 }] })?.[0]?.productId
    const personal = ['110101199003074514', '11010119900307451X', '4111-1111-1111-1111', '4111111111111111']
    personal.push(
      '13812345678',
      'tel:138-1234-5678',
      'Ann/1990-03-07',
      'Ann/19900307',
      'Li.07.03.1990',
      '１３８１２３４５６７８',
    )
    personal.push('4006381333932', '6222-0212-3456-789') // a wrong check digit, a bank card
    for (const id of personal) expect([id, idOf(id)]).toEqual([id, ''])
    expect(idOf(13812345678)).toBe('')
    const articles = ['85123A', 'SKU-2024-XL', '4006381333931', '96385074', '036000291452', '10614141000415', 'a/b:c.d']
    articles.push('3f2504e0-4f89-41d3-9a0c-0305e82c3301', '2023456789', 'KB-20240115', 'POST')
    for (const id of articles) expect(idOf(id)).toBe(id)
  })

  test('an order without priced products counts by its total', () => {
    expect(linesOf({ revenue: '19.90' })).toEqual([{ productId: '', units: 0n, value: 1990n }])
    expect(linesOf({ total: 5, products: [{ product_id: 'a', quantity: 2 }] })).toEqual([
      { productId: 'a', units: 2n, value: 0n },
      { productId: '', units: 0n, value: 500n },
    ])
  })

  test('absurd and negative figures count nothing, the order still counts', () => {
    expect(linesOf({ products: [{ product_id: 'a', quantity: -3, price: 1 }] })?.[0]).toMatchObject({
      units: 0n,
      value: 0n,
    })
    expect(linesOf({ products: [{ product_id: 'a', quantity: 1, price: -1 }] })?.[0]).toMatchObject({ value: 0n })
    expect(linesOf({ products: [{ product_id: 'a', quantity: 1e9, price: 1 }] })?.[0]).toMatchObject({ units: 0n })
    expect(linesOf({ products: [{ product_id: 'a', price: 1e17 }] })?.[0]).toMatchObject({ units: 1n, value: 0n })
    expect(linesOf({ products: [{ product_id: 'a', price: 1e300 }] })?.[0]).toMatchObject({ value: 0n })
  })

  test('whatever is sent, an order has lines with figures that fit their columns', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(fc.jsonValue()), fc.jsonValue(), (products, list, price) => {
        for (const sent of [products, list, [{ product_id: price, quantity: price, price }]]) {
          const counted = orderCountOf(order({ products: sent as never, total: price as never }), 'main')
          expect(counted!.lines.length).toBeGreaterThan(0)
          for (const line of counted!.lines) expect(line.value >= 0n && line.value <= 10n ** 12n).toBe(true)
          expect(new Set(counted!.lines.map((line) => line.productId)).size).toBe(counted!.lines.length)
        }
      }),
    )
  })

  test('page views and identify calls are no orders', () => {
    expect(orderCountOf({ ...order({}), type: 'page' }, 'main')).toBeUndefined()
  })
})

describe('money', () => {
  test('is read and written without a rounding error', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 17n), fc.constantFrom('GBP', 'JPY', 'KWD', 'CLF'), (minor, currency) => {
        const exponent = { GBP: 2, JPY: 0, KWD: 3, CLF: 4 }[currency]!
        expect(toMinor(decimalOf(minorToText(minor, currency))!, exponent)).toBe(minor)
      }),
    )
    expect(minorToText(-5n, 'GBP')).toBe('-0.05')
  })

  test('a half rounds away from zero, and what is no decimal is none', () => {
    expect(toMinor(decimalOf('0.005')!, 2)).toBe(1n)
    expect(toMinor(decimalOf('-0.005')!, 2)).toBe(-1n)
    expect(toMinor(decimalOf(0.1 + 0.2)!, 2)).toBe(30n)
    for (const text of ['1,50', '£3', '1e5', '', '0x10', 'NaN', null, true, [], {}, Number.MAX_VALUE]) {
      expect(decimalOf(text)).toBeUndefined()
    }
  })
})
