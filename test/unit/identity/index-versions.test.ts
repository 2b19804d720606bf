import { createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type IndexKeys, indexVersions } from '../../../src/identity/index-versions.ts'
import { DEFAULT_RULES, type Rules } from '../../../src/identity/normalise.ts'
import { present, presentAnew } from '../../../src/identity/present.ts'

const root = (kid: number) => ({ kid, key: createSecretKey(Buffer.alloc(32, kid)) })

function keysOf(...kids: number[]): IndexKeys {
  const readable = kids.toSorted((a, b) => b - a).map(root)
  return { index: { active: readable[0]!, readable } }
}

const rule = DEFAULT_RULES.user_id[0]!
const two: Rules = { ...DEFAULT_RULES, user_id: [{ ...rule, version: 2 }, rule] }

test('versions come oldest first, by root and then by rules', () => {
  const listed = (keys: IndexKeys, rules?: Rules): string[] =>
    indexVersions(keys, 'user_id', rules).map((version) => `${version.kid}.${version.rule.version}`)
  expect(listed(keysOf(1))).toEqual(['1.1'])
  expect(listed(keysOf(3, 1, 2))).toEqual(['1.1', '2.1', '3.1'])
  expect(listed(keysOf(1, 2), two)).toEqual(['1.1', '1.2', '2.1', '2.2'])
})

test('two nodes that know different roots have the oldest that both know in common, and meet there first', () => {
  const roots = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }))
  fc.assert(
    fc.property(roots, fc.integer({ min: 0, max: 3 }), fc.string({ minLength: 1 }), ([first, more], ahead, value) => {
      const kids = Array.from({ length: more + 1 }, (_, i) => first + i)
      const late = present(keysOf(...kids), 'user_id', value)
      const early = present(
        keysOf(...kids, ...Array.from({ length: ahead }, (_, i) => first + more + 1 + i)),
        'user_id',
        value,
      )
      if (late === undefined || early === undefined) return
      expect(early.keys.slice(0, late.keys.length)).toEqual(late.keys)
      expect(early.key).toEqual(late.key)
    }),
  )
})

test('an identifier stands under every version with another key, and nowhere where the rules refuse it', () => {
  const presented = present(keysOf(1, 2), 'user_id', 'ada', two)!
  const keys = presented.keys.map(({ key }) => Buffer.from(key).toString('hex'))
  expect(new Set(keys).size).toBe(4)
  expect(present(keysOf(1, 2), 'user_id', '', two)).toBeUndefined()
  expect(present(keysOf(1, 2), 'user_id', undefined)).toBeUndefined()
  expect(present(keysOf(1), 'phone', '13800138000')).toBeUndefined() // of nowhere
})

test('with newer keys it is presented anew, as it was given', () => {
  const before = present(keysOf(1), 'email', 'Ada@Shop.Example')!
  expect(before).toMatchObject({ given: 'Ada@Shop.Example', value: 'ada@shop.example', kept: 'Ada@Shop.Example' })
  expect(presentAnew(keysOf(1, 2), before)?.keys.map(({ kid }) => kid)).toEqual([1, 2])
  expect(presentAnew(keysOf(1, 2), undefined)).toBeUndefined()
})
