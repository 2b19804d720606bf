import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json, JsonObject } from '../../../src/event/event.ts'
import type { EventRule, Route } from '../../../src/policy/compiled.ts'
import { mergeClasses, project, projectForRoute, replaceTokens } from '../../../src/policy/project.ts'
import { splitPath } from '../../../src/policy/trie.ts'
import { compiled } from './small-policy.ts'

const policy = compiled()
const bought = policy.events.get('track:Bought') as EventRule
const looked = policy.events.get('track:Looked') as EventRule
const [RECO, REPORTS, SHIPPING] = [1, 2, 4]

const ORDER = {
  properties: {
    order_id: 'o-1',
    total: 30,
    email: 'a@shop.example',
    note: 'ring twice',
    address: { city: 'Hangzhou', street: 'West Lake Rd' },
    products: [{ product_id: 'p-1', quantity: 2, colour: 'red' }, { product_id: 'p-2' }],
  },
  context: { page: { path: '/thanks' }, visitId: 'v-1' },
}

const paths = (rule: EventRule, indices: readonly number[]): string[] => indices.map((i) => rule.paths[i] as string)
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('what open routes may receive is kept by class, in the shape of the event', () => {
  const { byClass } = project(bought, RECO | SHIPPING, ORDER)
  expect(plain(Object.fromEntries(byClass))).toEqual({
    order: { properties: { order_id: 'o-1' } },
    contact: { properties: { address: { city: 'Hangzhou' } } },
    behaviour: { properties: { products: [{ product_id: 'p-1' }, { product_id: 'p-2' }] } },
    unclassified: { properties: { address: { street: 'West Lake Rd' }, products: [{ colour: 'red' }, {}] } },
  })
})

test('what no open route lists is removed and named once; what is absent is not named', () => {
  const { removed, unclassified } = project(bought, RECO, ORDER)
  expect(paths(bought, removed)).toEqual([
    'context.page.path',
    'context.visitId',
    'properties.address.city',
    'properties.email',
    'properties.note',
    'properties.products[].quantity',
    'properties.total',
  ])
  expect(unclassified).toBe(2)
})

test('where no route is open nothing is kept, not even what is unknown', () => {
  expect(project(bought, 0, ORDER).byClass.size).toBe(0)
  expect(project(bought, 8, ORDER).byClass.size).toBe(0)
})

test('a value of another JSON type than the classified one is unknown', () => {
  const fields = { properties: { order_id: { sneaky: 'a@b.example' }, products: { product_id: 'p' }, address: [1] } }
  const { byClass, unclassified } = project(bought, RECO | SHIPPING, fields)
  expect(plain(Object.fromEntries(byClass))).toEqual({ unclassified: fields })
  expect(unclassified).toBe(3)
})

test('entries of a list keep their places when some of them are unknown', () => {
  const fields = { properties: { products: ['p-0', { product_id: 'p-1' }, null, [{ product_id: 'p-3' }]] } }
  const { byClass, unclassified } = project(bought, RECO, fields)
  expect(plain(byClass.get('behaviour'))).toEqual({ properties: { products: [{}, { product_id: 'p-1' }, {}, {}] } })
  expect(plain(byClass.get('unclassified'))).toEqual({
    properties: { products: ['p-0', {}, {}, [{ product_id: 'p-3' }]] },
  })
  expect(unclassified).toBe(2)
})

test('a list of plain values is a field like any other', () => {
  const fields = { properties: { tags: ['a', { b: 1 }, 2] } }
  const { byClass } = project(looked, RECO, fields)
  expect(plain(byClass.get('behaviour'))).toEqual({ properties: { tags: ['a', null, 2] } })
  expect(paths(looked, project(looked, 0, fields).removed)).toEqual(['properties.tags[]'])
})

test('properties of an event that has none are counted one by one', () => {
  const noticed = { ...(policy.events.get('track:Noticed') as EventRule), routes: looked.routes }
  expect(project(noticed, RECO, { properties: { a: 1, b: { c: 2 } } }).unclassified).toBe(2)
  expect(project(noticed, RECO, { properties: {}, context: {} }).byClass.size).toBe(0)
})

test('keys that reach the prototype are plain unknown keys', () => {
  const fields = JSON.parse(
    '{"properties":{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}},"total":1,"products":[{"__proto__":{"product_id":"p"}}]},"__proto__":{"y":1}}',
  )
  const { byClass, unclassified } = project(bought, RECO | REPORTS, fields)
  expect(unclassified).toBe(4)
  expect(JSON.stringify(byClass.get('unclassified'))).toBe(
    '{"properties":{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}},"products":[{"__proto__":{"product_id":"p"}}]},"__proto__":{"y":1}}',
  )
  expect(({} as Record<string, unknown>).admin).toBeUndefined()
  const merged = mergeClasses(
    new Map([
      ['a', fields as JsonObject],
      ['b', { properties: { total: 2 } }],
    ]),
  )
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype)
  expect(plain(projectForRoute(bought.routes[0] as Route, fields))).toEqual({ properties: { products: [{}] } })
})

test('a destination receives the fields of its route only, whatever else is kept for others', () => {
  const { byClass } = project(bought, RECO | REPORTS | SHIPPING, ORDER)
  const merged = mergeClasses(byClass)
  expect(bought.routes.map((route) => plain(projectForRoute(route, merged)))).toEqual([
    { properties: { order_id: 'o-1', products: [{ product_id: 'p-1' }, { product_id: 'p-2' }] } },
    { properties: { total: 30 }, context: { page: { path: '/thanks' } } },
    { properties: { order_id: 'o-1', address: { city: 'Hangzhou' } } },
  ])
})

test('ids are replaced by tokens, and an id of no use is left out', () => {
  const mint = (kind: string, id: string): string => `t1.${kind}.${id.length}`
  const fields = (id: Json): JsonObject => ({ properties: { order_id: id, total: 3 } })
  expect(replaceTokens(bought, fields('o-1'), mint)).toEqual({ properties: { order_id: 't1.order.3', total: 3 } })
  expect(replaceTokens(bought, fields(12), mint)).toEqual({ properties: { order_id: 't1.order.2', total: 3 } })
  for (const id of ['', null, true, { a: 1 }, ['o']]) {
    expect(replaceTokens(bought, fields(id), mint)).toEqual({ properties: { total: 3 } })
  }
})

/** Objects with the policy's own names in them, in right and wrong places. */
const key = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      'order_id',
      'total',
      'address',
      'city',
      'products',
      'product_id',
      'quantity',
      'page',
      'path',
    ),
  },
  fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'length', '0'),
  fc.string({ maxLength: 3 }),
)
const { object } = fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.string({ maxLength: 4 }), fc.integer(), fc.boolean(), fc.constant(null)),
    tie('object'),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
  object: fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map((entries) => {
    const made = {}
    for (const [name, value] of entries) {
      Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true })
    }
    return made as JsonObject
  }),
}))
const event = fc.record({ properties: object, context: object }) as fc.Arbitrary<{
  properties: JsonObject
  context: JsonObject
}>

/** Every scalar with the path to it, positions of lists written as numbers. */
function leaves(value: Json, path = ''): [path: string, at: string, value: Json][] {
  if (value === null || typeof value !== 'object') return [[path.replace(/\[\d+\]/g, '[]'), path, value]]
  if (Array.isArray(value)) return value.flatMap((item: Json, i: number) => leaves(item, `${path}[${i}]`))
  return Object.keys(value).flatMap((name) => {
    return leaves((value as JsonObject)[name] as Json, path === '' ? name : `${path}.${name}`)
  })
}

/** True where some step of the path is no name that a policy could have: such a leaf is unknown whatever it reads like. */
const odd = (path: string): boolean => splitPath(path) === undefined

test('whatever the event, nothing passes that no open route lists, and nothing that one lists is lost', () => {
  fc.assert(
    fc.property(event, fc.nat(7), (fields, permitted) => {
      const { byClass, removed } = project(bought, permitted, fields)
      const open = bought.routes.filter((route) => (route.bit & permitted) !== 0)
      const allowed = new Set(open.flatMap((route) => route.fields))
      for (const [name, part] of byClass) {
        if (name === 'unclassified') continue
        for (const [path] of leaves(part))
          expect(allowed.has(path) && bought.classOf.get(path) === name, path).toBe(true)
      }
      const merged = mergeClasses(byClass)
      const kept = new Map(leaves(merged).map(([, at, value]) => [at, value]))
      for (const [path, at, value] of leaves(fields)) {
        if (odd(path) || !allowed.has(path)) continue
        expect(kept.get(at), at).toBe(value)
      }
      for (const index of removed) expect(allowed.has(bought.paths[index] as string)).toBe(false)
      for (const route of open) {
        for (const [path] of leaves(projectForRoute(route, merged))) expect(route.fields).toContain(path)
      }
    }),
    { numRuns: 300 },
  )
})

test('a route is handed the same whether its fields come from the event or from its sealed classes', () => {
  fc.assert(
    fc.property(event, (fields) => {
      const { byClass } = project(bought, 7, fields)
      const stored = mergeClasses(new Map([...byClass].map(([name, part]) => [name, plain(part) as JsonObject])))
      for (const route of bought.routes) {
        const direct = leaves(projectForRoute(route, fields)).filter(([, , value]) => value !== null)
        const sealed = leaves(projectForRoute(route, stored)).filter(([, , value]) => value !== null)
        expect(new Map(sealed.map(([, at, value]) => [at, value]))).toEqual(
          new Map(direct.map(([, at, value]) => [at, value])),
        )
      }
    }),
    { numRuns: 300 },
  )
})
