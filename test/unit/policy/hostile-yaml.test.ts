import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readPolicy } from '../../../src/policy/read.ts'
import { SMALL } from './small-policy.ts'

const SIZE = 128 * 1024

const hostile: Readonly<Record<string, string>> = {
  'brackets without end': '['.repeat(SIZE),
  'objects in objects': '{a: '.repeat(SIZE / 4),
  'dashes without end': '- '.repeat(SIZE / 2),
  'a staircase of keys': Array.from({ length: 500 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
  'ten thousand keys': Array.from({ length: 10_000 }, (_, i) => `k${i}: 1`).join('\n'),
  'a billion laughs': 'a: &a [x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: [*c,*c,*c]',
  'a quote without end': `a: "${'x'.repeat(SIZE)}`,
  'nothing but colons': 'a: '.repeat(SIZE / 3),
  'an empty file': '',
  'a control character': '\0'.repeat(100),
  'a million characters': 'x'.repeat(1_000_000),
  'groups that include groups': SMALL.replace(
    'fields:\n  line:',
    `fields:\n${Array.from({ length: 20 }, (_, i) => `  g${i}: {include: [${`g${i + 1}, `.repeat(10)}line]}\n`).join('')}  g20: {}\n  line:`,
  ).replace('    Noticed: {}', '    Noticed: {fields: {include: [g0]}}'),
}

test.each(Object.entries(hostile))('%s are refused, not suffered', (_name, text) => {
  const { problems } = readPolicy(text)
  expect(problems?.length).toBeGreaterThan(0)
  expect(problems?.length).toBeLessThanOrEqual(100)
  for (const { line, what, fix } of problems ?? []) {
    expect(line).toBeGreaterThan(0)
    expect(what.length + fix.length).toBeLessThan(600)
  }
})

test('no text makes the reader throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.nat(SMALL.length), (noise, at) => {
      readPolicy(noise)
      readPolicy(SMALL.slice(0, at) + noise + SMALL.slice(at))
      readPolicy(SMALL.slice(0, at))
    }),
    { numRuns: 100 },
  )
})
