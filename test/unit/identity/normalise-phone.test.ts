import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalise } from '../../../src/identity/normalise.ts'
import golden from '../../golden/phone-v1.json' with { type: 'json' }

test.each([
  ['+8613800138000', undefined, '+8613800138000'],
  [' +86 138-0013-8000 ', undefined, '+8613800138000'],
  ['13800138000', 'CN', '+8613800138000'],
  ['0086 138 0013 8000', 'CN', '+8613800138000'],
  ['＋８６　１３８００１３８０００', undefined, '+8613800138000'],
  ['+٨٦١٣٨٠٠١٣٨٠٠٠', undefined, '+8613800138000'],
  ['(+86) 138 0013 8000', undefined, '+8613800138000'],
  ['+86 138–0013–8000', undefined, '+8613800138000'], // with en dashes, as pages print them
  ['9123 4567', 'HK', '+85291234567'],
  ['+852 9123 4567', 'CN', '+85291234567'],
  ['+44 (0) 20 7946 0958', undefined, '+442079460958'],
  ['+39 06 6982', undefined, '+39066982'], // Italian zeros are dialled
  ['+52 55 1234 5678', undefined, '+525512345678'],
  ['(213) 373-4253', 'US', '+12133734253'],
])('%j dialled in %s is %s', (given, region, normalised) => {
  const options = region === undefined ? {} : { region }
  expect(normalise('phone', given, options)).toEqual({ ok: true, value: normalised, kept: normalised })
})

test.each([
  [undefined, 'CN', 'not-a-string'],
  [13_800_138_000, 'CN', 'not-a-string'],
  ['', 'CN', 'empty'],
  ['　', 'CN', 'empty'],
  ['1'.repeat(65), 'CN', 'too-long'],
  ['138\u00000013 8000', 'CN', 'unsafe-characters'],
  ['13800138000', undefined, 'no-region'],
  ['13800138000', 'XX', 'no-region'],
  ['13800138000', 'cn; drop', 'no-region'],
  ['+8613800138000x12', undefined, 'has-extension'],
  ['+1 213 373 4253 ext. 5', undefined, 'has-extension'],
  ['+1 (213) 373-4253,,5#', undefined, 'has-extension'],
  ['+86-138-0013-8000;ext=5', undefined, 'has-extension'],
  ['1-800-FLOWERS', 'US', 'unsafe-characters'],
  ['tel:2133734253;phone-context=+1', undefined, 'has-extension'],
  ['tel:+8613800138000', undefined, 'unsafe-characters'],
  ['call +8613800138000', undefined, 'unsafe-characters'],
  ['+8613800138000; +8613800138001', undefined, 'unsafe-characters'],
  ['++8613800138000', undefined, 'unsafe-characters'],
  ['110', 'CN', 'impossible-number'], // the police is nobody's
  ['+86110', undefined, 'impossible-number'],
  ['+999123456', undefined, 'impossible-number'],
  ['+12345678901234567890', undefined, 'impossible-number'],
  ['+39 6 6982', undefined, 'impossible-number'],
  ['+86138001380001', undefined, 'invalid-number'], // a digit too many
])('%j dialled in %s is refused: %s', (given, region, reason) => {
  const options = region === undefined ? {} : { region }
  expect(normalise('phone', given, options)).toEqual({ ok: false, reason })
})

// What a number that was accepted becomes is what lies in databases: it changes only with the version of the rules.
test('an example of every country is what it was, however it is written', () => {
  expect(golden.numbers.length).toBeGreaterThan(200)
  for (const { region, national, out } of golden.numbers) {
    const expected = { ok: true, value: out, kept: out }
    expect([region, normalise('phone', national, { region })]).toEqual([region, expected])
    expect([region, normalise('phone', out, { region: 'CN' })]).toEqual([region, expected])
    expect([region, normalise('phone', ` ${out.slice(0, 5)} ${out.slice(5)}`)]).toEqual([region, expected])
  }
})

test('nothing throws, and what is normalised normalises to itself without a region', () => {
  const digits = fc.stringMatching(/^\+?[0-9 ()./-]{0,24}$/)
  const region = fc.option(fc.constantFrom(...golden.numbers.map((one) => one.region), 'XX', ''), { nil: undefined })
  fc.assert(
    fc.property(fc.oneof(digits, fc.string({ unit: 'binary' }), fc.anything()), region, (value, where) => {
      const once = normalise('phone', value, where === undefined ? {} : { region: where })
      if (!once.ok) return
      expect(once.value).toMatch(/^\+[1-9]\d{6,14}$/)
      expect(normalise('phone', once.value)).toEqual(once)
    }),
    { numRuns: 500 },
  )
})
