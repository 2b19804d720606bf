import fc from 'fast-check'
import { expect, test } from 'vitest'
import { receiptJwks } from '../../../src/rights/receipt-jwks.ts'
import { receiptPage } from '../../../src/rights/receipt-page.ts'
import { holdPage } from '../../../src/rights/verify-receipt-page.ts'
import { keyring, makeReceipt, NOW, witness } from '../../support/receipts.ts'

const jwks = receiptJwks(keyring)
const { jws } = await makeReceipt()
const pageIn = (language: 'zh-CN' | 'en'): Promise<string> =>
  receiptPage(jws, { jwks, language, now: NOW, witnesses: [witness] })
const isWhole = async (html: string): Promise<boolean> => (await holdPage(html, NOW))?.isWhole ?? false

test('a page is whole as it was issued, years later too, whatever its ends of lines are', async () => {
  for (const language of ['zh-CN', 'en'] as const) {
    const html = await pageIn(language)
    expect(await holdPage(html, NOW + 10 * 31_536_000_000)).toEqual({ jws, jwks, isWhole: true })
    expect(await isWhole(html.replaceAll('\n', '\r\n'))).toBe(true)
  }
})

test('a page is not whole where its words say something else, in whichever language is shown', async () => {
  const html = await pageIn('zh-CN')
  for (const [from, to] of [
    ['已销毁', '已保留'],
    ['2029-06-30', '2024-06-30'],
    ['destroyed', 'kept'],
    ['What is gone', 'What stays'],
    [`${jws}</pre>`, `${jws.slice(0, -1)}${jws.endsWith('A') ? 'B' : 'A'}</pre>`],
    ['return jwk !== undefined &&', 'return true || '],
  ] as const) {
    expect(html).toContain(from)
    expect([from, await isWhole(html.replace(from, to))]).toEqual([from, false])
  }
})

test('any one letter that is changed anywhere in a page is found', async () => {
  const html = await pageIn('en')
  await fc.assert(
    fc.asyncProperty(fc.nat(html.trimEnd().length - 1), fc.constantFrom('A', '7', '<', '删'), async (at, other) => {
      fc.pre(html[at] !== other)
      expect(await isWhole(html.slice(0, at) + other + html.slice(at + 1))).toBe(false)
    }),
    { numRuns: 200 },
  )
})
