import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_DEPTH, parseJson } from '../../../src/http/json.ts'

const parse = (text: string) => parseJson(Buffer.from(text))
const message = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 })

test('says what JSON.parse says, for any JSON', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      expect(parse(text).value).toEqual(JSON.parse(text))
    }),
  )
})

test('measures each element of batch as it was sent', () => {
  const space = fc.constantFrom('', ' ', '\n\t')
  fc.assert(
    fc.property(fc.array(fc.oneof(message, fc.integer(), fc.string())), message, space, (batch, extra, gap) => {
      const parts = batch.map((one) => JSON.stringify(one))
      const others = Object.entries(extra).filter(([key]) => key !== 'batch' && key !== '__proto__')
      const before = others.map(([key, value]) => `${JSON.stringify(key)}:${gap}${JSON.stringify(value)},`).join(gap)
      const { sizes, value } = parse(`{${before}"batch"${gap}:${gap}[${parts.join(`,${gap}`)}]${gap}}`)
      expect((value as { batch: unknown[] }).batch).toHaveLength(batch.length)
      batch.forEach((one, index) => {
        const expected = typeof one === 'object' ? Buffer.byteLength(parts[index] ?? '') : undefined
        expect(sizes[index]).toBe(expected)
      })
    }),
  )
})

test('flags every body that holds NUL, half a character or a dangerous key, however it is spelled', () => {
  const spelled = (text: string) =>
    text
      .split('')
      .map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('')
  const danger = fc.constantFrom(
    '\\u0000',
    '\\ud800',
    '\\uDBFF',
    '\\udc00x',
    '\\uDFFF',
    '__proto__',
    spelled('__proto__'),
    'constructor',
  )
  fc.assert(
    fc.property(danger, fc.boolean(), (text, asKey) => {
      expect(parse(asKey ? `{"a":[{"${text}":1}]}` : `{"a":"${text}"}`).suspicious).toBe(true)
    }),
  )
  expect(parse('{"a":"\\\\u0000 \\u4e2d \\n","b":"é"}').suspicious).toBe(false)
})

test('goes as deep as stated and no deeper, and brackets in texts do not count', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  expect(parse(nested(MAX_DEPTH)).value).toBeDefined()
  expect(() => parse(nested(MAX_DEPTH + 1))).toThrow(/levels deep/)
  expect(parse(`{"a":"${'['.repeat(99)}\\"${'{'.repeat(99)}"}`).value).toBeDefined()
})

test('tolerates a byte order mark and refuses broken UTF-8 and broken JSON without quoting it', () => {
  expect(parseJson(Buffer.from('\ufeff{"a":1}')).value).toEqual({ a: 1 })
  expect(() => parseJson(Buffer.from([0x22, 0xc0, 0x80, 0x22]))).toThrow('not valid UTF-8')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const bytes = Buffer.from(`{"marker":${text}`)
      try {
        parseJson(bytes)
      } catch (error) {
        expect((error as Error).message).not.toContain('marker')
      }
    }),
  )
})
