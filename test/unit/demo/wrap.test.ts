import fc from 'fast-check'
import { expect, test } from 'vitest'
import { displayWidth } from '../../../src/demo/table.ts'
import { widthFor, wrap } from '../../../src/demo/wrap.ts'

test('a sentence is broken at its words, each further line behind what stands before it', () => {
  expect(wrap('one two three four', { width: 12, first: '- ', next: '  ' })).toBe('- one two\n  three four')
  expect(wrap('one two', { width: 7 })).toBe('one two')
  expect(wrap('', { width: 7, first: '  ' })).toBe('')
})

test('Chinese is broken between characters, and no mark stands on the wrong side of a break', () => {
  expect(wrap('一二三四，五六', { width: 8 })).toBe('一二三\n四，五六')
  expect(wrap('一二三（四五）', { width: 8 })).toBe('一二三\n（四五）')
  expect(wrap('共 47 笔订单', { width: 6 })).toBe('共 47\n笔订单')
})

test('what cannot be broken stands out rather than being cut', () => {
  expect(wrap('see /a/very/long/path now', { width: 8 })).toBe('see\n/a/very/long/path\nnow')
})

test('nothing is lost, and a line is too wide only where it is one piece', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '茶', ' ', '，', '（', '.') })
  fc.assert(
    fc.property(text, fc.integer({ min: 4, max: 40 }), (given, width) => {
      const lines = wrap(given, { width }).split('\n')
      expect(lines.join('').replaceAll(' ', '')).toBe(given.replaceAll(' ', ''))
      for (const line of lines) {
        if (displayWidth(line) > width) expect(line).not.toMatch(/[ab.] [ab.茶（]|茶[茶ab.（]/)
      }
    }),
  )
})

test.each([
  [undefined, 80],
  [0, 80],
  [100, 100],
  [300, 120],
  [10, 40],
])('for a terminal of %s columns it writes %i', (columns, width) => {
  expect(widthFor(columns)).toBe(width)
})
