import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PURPOSES } from '../../../src/event/purpose.ts'
import { partitionsOf } from '../../../src/policy/partitions.ts'
import { compiled } from './small-policy.ts'

const shop = compiled(readFileSync(new URL('../../../policies/shop.policy.yaml', import.meta.url), 'utf8'))

/** Segment's e-commerce specification, version 2. */
const ECOMMERCE = [
  'Products Searched',
  'Product List Viewed',
  'Product List Filtered',
  'Promotion Viewed',
  'Promotion Clicked',
  'Product Clicked',
  'Product Viewed',
  'Product Added',
  'Product Removed',
  'Cart Viewed',
  'Checkout Started',
  'Checkout Step Viewed',
  'Checkout Step Completed',
  'Payment Info Entered',
  'Order Completed',
  'Order Updated',
  'Order Refunded',
  'Order Cancelled',
  'Coupon Entered',
  'Coupon Applied',
  'Coupon Denied',
  'Coupon Removed',
  'Product Added to Wishlist',
  'Product Removed from Wishlist',
  'Wishlist Product Added to Cart',
  'Product Shared',
  'Cart Shared',
  'Product Reviewed',
]

test('the shipped policy knows the 28 events of the e-commerce specification and every call', () => {
  const tracked = shop.eventList.filter((rule) => rule.key.startsWith('track:')).map((rule) => rule.name)
  expect(ECOMMERCE).toHaveLength(28)
  expect(tracked.sort()).toEqual([...ECOMMERCE, 'Segment Consent Preference Updated'].sort())
  expect([...shop.events.keys()].filter((key) => !key.startsWith('track:'))).toEqual([
    'alias',
    'group',
    'identify',
    'page',
    'screen',
  ])
})

test('every event of the specification has fields of its own', () => {
  for (const name of ECOMMERCE) {
    const rule = shop.events.get(`track:${name}`)
    expect(
      rule?.paths.some((path) => path.startsWith('properties.')),
      name,
    ).toBe(true)
  }
})

test('every field of every route is classified, and none is text, sensitive or unclassified', () => {
  for (const rule of shop.eventList) {
    for (const route of rule.routes) {
      for (const path of route.fields) {
        expect(['behaviour', 'order', 'technical']).toContain(rule.classOf.get(path))
      }
    }
  }
})

test('what people write and how to reach them is text, contact or sensitive', () => {
  const classOf = (key: string, path: string): string | undefined => shop.events.get(key)?.classOf.get(path)
  expect(classOf('track:Products Searched', 'properties.query')).toBe('text')
  expect(classOf('track:Product Reviewed', 'properties.review_body')).toBe('text')
  expect(classOf('track:Cart Shared', 'properties.share_message')).toBe('text')
  expect(classOf('track:Cart Shared', 'properties.recipient')).toBe('contact')
  expect(classOf('track:Coupon Denied', 'properties.reason')).toBe('text')
  expect(classOf('identify', 'traits.email')).toBe('contact')
  expect(classOf('identify', 'traits.address.street')).toBe('contact')
  expect(classOf('identify', 'traits.birthday')).toBe('sensitive')
})

test('ids of orders, carts and visits are replaced by tokens wherever they stand', () => {
  const kinds: Record<string, string> = { order_id: 'order', checkout_id: 'cart', cart_id: 'cart', visitId: 'visit' }
  for (const rule of shop.eventList) {
    for (const path of rule.paths) {
      expect(rule.tokenOf.get(path), `${rule.name} ${path}`).toBe(kinds[path.slice(path.lastIndexOf('.') + 1)])
    }
  }
})

function fieldsFor(destination: string): Set<string> {
  const routes = shop.eventList.flatMap((rule) => rule.routes)
  expect(new Set(routes.map((route) => route.destination.name))).toEqual(new Set(['attribution', 'recommendation']))
  return new Set(routes.filter((route) => route.destination.name === destination).flatMap((route) => route.fields))
}

test('attribution receives how somebody came and what the order came to, never what was looked at or bought', () => {
  const came = ['source', 'medium', 'name', 'content', 'term'].map((tag) => `context.campaign.${tag}`)
  const order = ['order_id', 'total', 'revenue', 'value', 'currency'].map((name) => `properties.${name}`)
  expect(fieldsFor('attribution')).toEqual(
    new Set([...came, 'context.referrer.origin', 'context.page.origin', ...order]),
  )
})

test('recommendation receives product ids and its own order tokens, nothing else', () => {
  expect(fieldsFor('recommendation')).toEqual(
    new Set([
      'properties.order_id',
      'properties.product_id',
      'properties.products[].product_id',
      'properties.products[].quantity',
    ]),
  )
})

test('purposes, signals and categories are what the shop needs', () => {
  expect(shop.basisOf).toEqual({
    essential: 'contract',
    analytics: 'consent',
    attribution: 'consent',
    personalisation: 'consent',
    advertising: 'consent',
  })
  expect(shop.needsConsent).toBe(0b11110)
  expect(shop.gpc).toBe(0b10100)
  for (const purpose of PURPOSES) expect(shop.categories.get(purpose)).toBe(purpose)
  expect(shop.categories.get('c0004')).toBe('advertising')
})

test('the sealed content of all classes stays within 200 partitions', () => {
  const total = [...shop.classes.values()].reduce((sum, one) => sum + partitionsOf(one.retainDays), 0)
  expect(total).toBeLessThanOrEqual(200)
})
