import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bar, displayWidth, pad, table } from '../../../src/demo/table.ts'

test.each([
  ['tea', 3],
  ['龙井茶', 6],
  ['龙井 tea', 8],
  ['，。（）', 8],
  ['é', 1],
  ['e\u0301', 1],
  ['“…”', 3],
  ['𠮷', 2],
  ['', 0],
])('%s takes %i columns', (text, width) => {
  expect(displayWidth(text)).toBe(width)
})

test('every line of a table is as wide as its rule, whatever the script', () => {
  const text = table(
    [{ head: '渠道' }, { head: 'Orders', align: 'right' }],
    [
      ['达人 Influencer', '4'],
      ['搜索广告', '120'],
    ],
  )
  expect(text.split('\n')).toEqual([
    '  渠道             Orders',
    '  ───────────────  ──────',
    '  达人 Influencer       4',
    '  搜索广告            120',
  ])
  expect(new Set(text.split('\n').map(displayWidth))).toEqual(new Set([25]))
})

test('what is padded is as wide as asked, or as wide as it was', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '茶', ' ', 'é', '，') })
  fc.assert(
    fc.property(text, fc.nat(40), fc.constantFrom('left' as const, 'right' as const), (given, width, align) => {
      expect(displayWidth(pad(given, width, align))).toBe(Math.max(width, displayWidth(given)))
      expect(pad(given, width, align).trim()).toBe(given.trim())
    }),
  )
})

test('a bar is full at one, empty at nothing, and never longer', () => {
  expect([bar(0, 4), bar(0.5, 4), bar(1, 4), bar(7, 4)]).toEqual(['░░░░', '██░░', '████', '████'])
})
