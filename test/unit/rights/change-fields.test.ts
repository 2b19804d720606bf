import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import { changeFields } from '../../../src/rights/change-fields.ts'

const ORDER = {
  properties: {
    total: 99,
    currency: 'CNY',
    paid: true,
    products: [{ product_id: 'P-1', price: 9 }, { product_id: 'P-2' }, null],
  },
  context: { campaign: { source: 'mail' } },
} satisfies JsonObject

test('a value is another where the path says, and nothing else is', () => {
  const { fields, count } = changeFields(ORDER, { path: 'properties.total', to: 89 })
  expect(count).toBe(1)
  expect(fields).toEqual({ ...ORDER, properties: { ...ORDER.properties, total: 89 } })
  expect(ORDER.properties.total).toBe(99)
})

test('of a list every entry that was what it was said to be', () => {
  const change = { path: 'properties.products[].product_id', from: 'P-2', to: 'P-3' }
  const { fields, count } = changeFields(ORDER, change)
  expect(count).toBe(1)
  expect((fields as typeof ORDER).properties.products).toEqual([
    { product_id: 'P-1', price: 9 },
    { product_id: 'P-3' },
    null,
  ])
  expect(changeFields(ORDER, { path: 'properties.products[].product_id', to: 'P-3' }).count).toBe(2)
})

test('a type stays, what is absent stays absent, and what is right already is not counted', () => {
  for (const change of [
    { path: 'properties.total', to: '89' },
    { path: 'properties.paid', to: 'yes' },
    { path: 'properties.coupon', to: 'X' },
    { path: 'properties.total', from: 98, to: 89 },
    { path: 'properties.total', to: 99 },
    { path: 'properties', to: 'X' },
    { path: 'properties.products', to: 'X' },
    { path: 'properties.total[]', to: 1 },
    { path: 'properties.products.product_id', to: 'X' },
    { path: '', to: 'X' },
  ]) {
    expect(changeFields(ORDER, change)).toEqual({ fields: ORDER, count: 0 })
  }
})

test('names of an object’s own making are never walked', () => {
  for (const path of ['__proto__.polluted', 'constructor.name', 'properties.__proto__.x', 'properties.toString']) {
    expect(changeFields(ORDER, { path, to: 'X' }).count).toBe(0)
  }
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

test('whatever the fields are, a change never alters what it was given, and made again it changes nothing', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('a', 'b', 'c[]'), fc.jsonValue()),
      fc.array(fc.constantFrom('a', 'b', 'a[]', 'b[]', 'c'), { minLength: 1, maxLength: 4 }),
      fc.oneof(fc.string(), fc.integer(), fc.boolean()),
      (given, steps, to) => {
        const fields = given as JsonObject
        const before = structuredClone(fields)
        const change = { path: steps.join('.'), to }
        const made = changeFields(fields, change)
        expect(fields).toEqual(before)
        expect(changeFields(made.fields, change)).toEqual({ fields: made.fields, count: 0 })
      },
    ),
  )
})
