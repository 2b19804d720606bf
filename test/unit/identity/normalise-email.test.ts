import { domainToASCII } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEFAULT_RULES, normalise, rulesWith } from '../../../src/identity/normalise.ts'

function email(value: unknown, options: { foldGmail?: boolean } = {}): string {
  const normalised = normalise('email', value, options)
  return normalised.ok ? normalised.value : `refused: ${normalised.reason}`
}

test.each([
  ['ada@shop.example', 'ada@shop.example'],
  ['  Ada.Lovelace+Tea@Shop.Example\n', 'ada.lovelace+tea@shop.example'],
  ['Ｕser＠shop.example', 'user@shop.example'], // full width, as Chinese and Japanese keyboards write it
  ['ada@straße.de', 'ada@xn--strae-oqa.de'], // not strasse.de: another domain with another owner
  ['ada@STRASSE.de', 'ada@strasse.de'],
  ['客户@中国。cn', '客户@xn--fiqs8s.cn'],
  ['ada@shop.example.', 'ada@shop.example'],
  ['"@"@shop.example', 'refused: bad-local-part'],
  ['a@b@shop.example', 'refused: bad-local-part'],
  ['a..b.@shop.example', 'a..b.@shop.example'], // no RFC has it, DoCoMo had
  ["o'hara/x=y@shop.example", "o'hara/x=y@shop.example"],
  ['İ@shop.example', 'i\u0307@shop.example'], // two code points, and not the i of somebody else
  ['I@shop.example', 'i@shop.example'], // wherever the server stands
  ['ΝΙΚΟΣ@shop.example', 'νικοσ@shop.example'],
])('%j becomes %j', (given, normalised) => {
  expect(email(given)).toBe(normalised)
})

test.each([
  [undefined, 'not-a-string'],
  [['ada@shop.example'], 'not-a-string'],
  ['', 'empty'],
  [' \t ', 'empty'],
  ['a\0@shop.example', 'unsafe-characters'],
  ['a\ud800@shop.example', 'unsafe-characters'],
  ['ada.shop.example', 'no-at-sign'],
  ['@shop.example', 'bad-local-part'],
  ['ada lovelace@shop.example', 'bad-local-part'],
  ['<ada@shop.example>', 'bad-local-part'],
  [`${'x'.repeat(65)}@shop.example`, 'bad-local-part'],
  [`${'客'.repeat(22)}@shop.example`, 'bad-local-part'], // 66 octets
  ['so\u00adft@shop.example', 'invisible-characters'],
  ['ada@sh\u00adop.example', 'invisible-characters'], // UTS 46 would drop it
  ['ada\u200b@shop.example', 'invisible-characters'],
  ['\u202eada@shop.example', 'invisible-characters'],
  ['ada\ufe0f@shop.example', 'invisible-characters'],
  ['a\u115fda@shop.example', 'invisible-characters'],
  ['ada@', 'bad-domain'],
  ['ada@localhost', 'bad-domain'],
  ['ada@shop.example..', 'bad-domain'],
  ['ada@.shop.example', 'bad-domain'],
  ['ada@-shop.example', 'bad-domain'],
  ['ada@shop_.example', 'bad-domain'],
  ['ada@[127.0.0.1]', 'bad-domain'],
  ['ada@127.0.0.1', 'bad-domain'],
  ['ada@127.1', 'bad-domain'], // domainToASCII reads an address of four numbers
  ['ada@0x7f.1', 'bad-domain'],
  ['ada@sh%6fp.example', 'bad-domain'], // domainToASCII decodes it
  ['ada@foo/shop.example', 'bad-domain'], // domainToASCII cuts there
  ['ada@shop.example:80', 'bad-domain'],
  ['ada@xn--a.example', 'bad-domain'], // no punycode
  [`ada@${'x'.repeat(64)}.example`, 'bad-domain'],
  [`${'x'.repeat(60)}@${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(30)}.com`, 'too-long'],
  [`${'x'.repeat(400)}@shop.example`, 'too-long'],
])('%j is refused: %s', (given, reason) => {
  expect(normalise('email', given)).toEqual({ ok: false, reason })
})

test('what is kept is the address as it was given', () => {
  expect(normalise('email', ' Ada@Shop.Example ')).toEqual({
    ok: true,
    value: 'ada@shop.example',
    kept: ' Ada@Shop.Example ',
  })
})

describe('Gmail', () => {
  test('is like everybody else unless the shop folds it', () => {
    expect(email('A.da+tea@GoogleMail.com')).toBe('a.da+tea@googlemail.com')
    expect(email('A.da+tea@GoogleMail.com', { foldGmail: true })).toBe('ada@gmail.com')
    expect(email('a.da+tea@shop.example', { foldGmail: true })).toBe('a.da+tea@shop.example')
    expect(email('+tea@gmail.com', { foldGmail: true })).toBe('refused: bad-local-part')
  })

  test('folded or not are two versions of the rules: an index of one never meets the other’s', () => {
    expect(DEFAULT_RULES.email.map(({ version }) => version)).toEqual([1])
    expect(rulesWith({ foldGmail: true }).email.map(({ version }) => version)).toEqual([257])
  })
})

const part = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('ada', 'ADA', 'İ', 'ẞ', 'ﬁ', 'ς', '客户', 'straße', 'Å'),
)
const domain = fc.oneof(fc.domain(), fc.constantFrom('straße.de', 'STRASSE.de', '中国。cn', 'shop.example.'), part)
const address = fc.oneof(
  fc.tuple(part, domain).map(([local, host]) => `${local}@${host}`),
  fc.emailAddress(),
  fc.string({ unit: 'binary', maxLength: 30 }),
)

test('nothing throws, and what is normalised normalises to itself', () => {
  fc.assert(
    fc.property(fc.oneof(address, fc.anything()), fc.boolean(), (value, foldGmail) => {
      const once = normalise('email', value, { foldGmail })
      if (!once.ok) return
      expect(normalise('email', once.value, { foldGmail })).toMatchObject({ ok: true, value: once.value })
    }),
    { numRuns: 3_000 },
  )
})

test('two addresses are one only on one domain, with one spelling but for case and width', () => {
  const spelling = (text: string): string =>
    Array.from(text.normalize('NFKC').trim().normalize('NFKC'), (one) => one.toLowerCase())
      .join('')
      .normalize('NFKC')
  const pair = fc.oneof(
    fc.tuple(address, address),
    address.chain((one) =>
      fc.tuple(fc.constant(one), fc.constantFrom(one.toUpperCase(), ` ${one}`, `${one}.`, `x${one}`)),
    ),
  )
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const [x, y] = [normalise('email', a), normalise('email', b)]
      if (!x.ok || !y.ok || x.value !== y.value) return
      const split = (text: string): [string, string] => {
        const at = spelling(text).lastIndexOf('@')
        return [spelling(text).slice(0, at), domainToASCII(spelling(text).slice(at + 1)).replace(/\.$/, '')]
      }
      expect(split(a)).toEqual(split(b))
    }),
    { numRuns: 3_000 },
  )
})

test('every refusal is a word, never the value', () => {
  fc.assert(
    fc.property(address, (value) => {
      const normalised = normalise('email', value)
      if (!normalised.ok) expect(Object.keys(normalised)).toEqual(['ok', 'reason'])
    }),
  )
})
