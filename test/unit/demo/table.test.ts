import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bar, clip, displayWidth, pad, table } from '../../../src/demo/table.ts'

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

test('columns of a group stand under its name, which takes room where it is the wider', () => {
  const pair = (group: string) => ['a', 'b'].map((head) => ({ group, head, align: 'right' as const }))
  const text = table([{ head: 'channel' }, ...pair('orders'), ...pair('x')], [['Direct', '1', '2', '30', '400']])
  expect(text.split('\n')).toEqual([
    '           orders        x',
    '  channel    a  b   a    b',
    '  ───────  ───  ─  ──  ───',
    '  Direct     1  2  30  400',
  ])
})

test('a table that is too wide loses what is optional, from the right and with its group, and no more than it must', () => {
  const columns = [
    { head: 'name' },
    { head: 'first', group: 'sum', optional: true },
    { head: 'last', group: 'sum', optional: true },
    { head: 'cost', optional: true },
    { head: 'end' },
  ]
  const rows = [['n', '1', '2', '3', '4']]
  const heads = (width?: number): string[] => {
    return table(columns, rows, width)
      .split('\n')
      .find((line) => line.includes('name'))!
      .trim()
      .split(/ +/)
  }
  expect(heads()).toEqual(['name', 'first', 'last', 'cost', 'end'])
  expect(heads(30)).toEqual(['name', 'first', 'last', 'cost', 'end'])
  expect(heads(29)).toEqual(['name', 'first', 'last', 'end'])
  expect(heads(20)).toEqual(['name', 'end'])
  expect(heads(3)).toEqual(['name', 'end'])
  expect(table(columns, rows, 20)).toMatch(/n +4$/)
})

test('clipped text takes no more columns than asked and says that it goes on', () => {
  expect([clip('tea', 3), clip('teapot', 4), clip('龙井茶', 5), clip('龙井茶', 4)]).toEqual([
    'tea',
    'tea…',
    '龙井…',
    '龙…',
  ])
})
