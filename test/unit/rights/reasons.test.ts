import { describe, expect, test } from 'vitest'
import {
  articleOf,
  EXTENSION_REASONS,
  extensionText,
  REFUSAL_CODES,
  reasonsFor,
  refusalText,
} from '../../../src/rights/reasons.ts'
import { REGIMES } from '../../../src/rights/regimes.ts'
import { RIGHTS } from '../../../src/rights/request.ts'

const everywhere = REGIMES.flatMap((regime) => RIGHTS.map((right) => ({ regime, right })))

describe('a reason to refuse', () => {
  test.each(everywhere)('of $right under $regime is told with an article and a remedy, in both languages', (asked) => {
    const codes = reasonsFor(asked.right, asked.regime)
    expect(codes.length).toBeGreaterThan(0)
    for (const code of codes) {
      const [zh, en] = [refusalText({ code, ...asked }, 'zh-CN'), refusalText({ code, ...asked }, 'en')]
      for (const told of [zh, en]) for (const part of Object.values(told)) expect(part.length).toBeGreaterThan(3)
      expect(zh.article).toBe(en.article)
      expect(zh.reason).toMatch(/\p{Script=Han}/u)
      expect(zh.remedy).toMatch(/\p{Script=Han}/u)
      expect(en.reason + en.remedy).not.toMatch(/\p{Script=Han}/u)
    }
  })

  test('is there only where the law has it', () => {
    expect(articleOf({ code: 'law-requires-keeping', right: 'erasure', regime: 'PIPL' })).toBe('PIPL art. 47(2)')
    expect(articleOf({ code: 'law-requires-keeping', right: 'access', regime: 'PIPL' })).toBeUndefined()
    expect(articleOf({ code: 'unfounded-or-excessive', right: 'access', regime: 'PIPL' })).toBeUndefined()
    expect(articleOf({ code: 'data-correct', right: 'correction', regime: 'nowhere' })).toBeUndefined()
  })

  test('is never that identity was not proven, of an objection', () => {
    for (const regime of REGIMES) expect(reasonsFor('objection', regime)).not.toContain('identity-not-proven')
  })

  test('stands somewhere: none is left over', () => {
    for (const code of REFUSAL_CODES) {
      expect(everywhere.some((asked) => reasonsFor(asked.right, asked.regime).includes(code))).toBe(true)
    }
  })

  test('that is not known is told without an article, and with the remedy', () => {
    const told = refusalText({ code: 'not-proven', right: 'erasure', regime: 'GDPR' }, 'en')
    expect(told).toMatchObject({ article: '', remedy: expect.stringContaining('art. 77') as string })
  })
})

test('a reason to take longer has words in both languages', () => {
  for (const code of EXTENSION_REASONS) {
    expect(extensionText(code, 'zh-CN')).toMatch(/\p{Script=Han}/u)
    expect(extensionText(code, 'en')).not.toMatch(/\p{Script=Han}/u)
  }
})
