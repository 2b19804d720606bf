import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalise } from '../../../src/identity/normalise.ts'

test('ids are exact: nothing is trimmed, folded or composed', () => {
  for (const value of ['13085', ' 13085', 'A1', 'a1', '\u00e9', 'e\u0301', '客户一号', '😀']) {
    expect(normalise('user_id', value)).toEqual({ ok: true, value, kept: value })
  }
})

test('what could fail a group or join two people is refused with its reason', () => {
  expect(normalise('user_id', '')).toEqual({ ok: false, reason: 'empty' })
  expect(normalise('user_id', 'x'.repeat(255)).ok).toBe(true)
  expect(normalise('user_id', 'x'.repeat(256))).toEqual({ ok: false, reason: 'too-long' })
  expect(normalise('anonymous_id', 'a\0b')).toEqual({ ok: false, reason: 'unsafe-characters' })
  expect(normalise('anonymous_id', 'a\ud800')).toEqual({ ok: false, reason: 'unsafe-characters' })
  expect(normalise('anonymous_id', '\udc00b')).toEqual({ ok: false, reason: 'unsafe-characters' })
  for (const value of [undefined, null, 13085, true, ['13085'], { id: '13085' }]) {
    expect(normalise('user_id', value)).toEqual({ ok: false, reason: 'not-a-string' })
  }
})

test('two accepted ids are the same only if their bytes are', () => {
  const text = fc.string({ unit: 'binary', maxLength: 6 })
  fc.assert(
    fc.property(text, text, (a, b) => {
      const [x, y] = [normalise('user_id', a), normalise('user_id', b)]
      if (x.ok && y.ok) expect(Buffer.from(x.value).equals(Buffer.from(y.value))).toBe(a === b)
    }),
  )
})
