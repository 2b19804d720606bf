import { describe, expect, test } from 'vitest'
import { TEMPLATES } from '../../../src/rights/messages/queue.ts'
import { type Facts, shortTextOf, textOf } from '../../../src/rights/messages/texts.ts'
import { RIGHTS, STATES } from '../../../src/rights/request.ts'
import { stateWords } from '../../../src/rights/status-words.ts'

const status = 'https://weir.example/privacy/requests/0b6f9d1e-4f0c-4b5e-9f5e-2a1f3c4d5e6f'
const facts: Facts = {
  right: 'erasure',
  number: '0b6f9d1e-4f0c-4b5e-9f5e-2a1f3c4d5e6f',
  statusUrl: status,
  cancelUrl: `${status}/cancel/TOKEN`,
  canCancel: true,
  askUrl: 'https://weir.example/privacy/ask',
  proof: { code: 'K7M2QXWP' },
  agent: 'helpful',
  coolingUntil: '2026-11-24 08:00 UTC',
  answerBy: '2026-12-08',
  extendedUntil: '2027-01-08',
  refusal: { reason: 'REASON', article: 'ARTICLE', remedy: 'REMEDY' },
  words: 'WORDS',
  retained: [{ class: 'order', ground: 'E-commerce Law 31', until: '2029-11-23', records: 2 }],
  partial: true,
}
const bare: Facts = {
  right: 'access',
  number: facts.number,
  statusUrl: status,
  cancelUrl: status,
  askUrl: 'https://weir.example/privacy/ask',
  canCancel: false,
}

describe.each(['zh-CN', 'en'] as const)('in %s', (language) => {
  test.each(TEMPLATES)('%s is said in whole sentences, with and without its facts', (template) => {
    for (const right of RIGHTS) {
      for (const given of [
        { ...facts, right },
        { ...bare, right },
      ]) {
        const { subject, text } = textOf(template, language, given, 'Tea House')
        expect(`${subject}${text}${shortTextOf(template, language, given, 'Tea House')}`).not.toMatch(
          /undefined|null|\[object|\n\n\n/,
        )
        expect(subject).not.toMatch(/[\r\n]/)
        expect(/[\u4e00-\u9fff]/.test(text)).toBe(language === 'zh-CN')
        expect(text).toContain(given.number)
        for (const one of [subject, text, shortTextOf(template, language, given, 'Tea House')]) {
          expect(one).toContain('Tea House')
        }
      }
    }
  })

  test('a refusal says why, by what, and what can be done about it; what stays is said with its law and its end', () => {
    const refused = textOf('refused', language, facts, 'Tea House').text
    for (const part of ['REASON', 'ARTICLE', 'REMEDY', 'WORDS']) expect(refused).toContain(part)
    const done = textOf('done', language, facts, 'Tea House').text
    const kept = language === 'zh-CN' ? ['订单', '《电子商务法》第三十一条'] : ['Orders', 'E-commerce Law 31']
    for (const part of [...kept, '2029-11-23']) expect(done).toContain(part)
  })

  test('an erasure that begins says until when it can be taken back, and where, in an SMS too', () => {
    for (const text of [
      textOf('erasure-begins', language, facts, 'Tea House').text,
      shortTextOf('erasure-begins', language, facts, 'Tea House'),
    ]) {
      expect(text).toContain(facts.coolingUntil)
      expect(text).toContain(facts.cancelUrl)
    }
  })

  test('a link is bound to a browser only where one was named, and who did not take it back asks anew', () => {
    const proof = { link: `${status}/confirm/TOKEN` }
    const linked = (sameBrowser: boolean): string =>
      textOf('proof', language, { ...facts, proof, sameBrowser }, 'Tea House').text
    expect([linked(true), linked(false)].map((text) => /browser|浏览器/.test(text))).toEqual([true, false])
    expect(textOf('cancelled', language, facts, 'Tea House').text).toMatch(/privacy\/ask$/m)
  })

  test('what can no longer be taken back is not said to be', () => {
    for (const right of RIGHTS) {
      const { text } = textOf('received', language, { ...facts, right, canCancel: false }, 'Tea House')
      expect(text).not.toMatch(/one press|点一下|\/cancel\//)
    }
    expect(textOf('received', language, { ...facts, right: 'correction' }, 'Tea House').text).toContain(facts.cancelUrl)
  })

  test('every state of every right has words of its own', () => {
    for (const right of RIGHTS) {
      for (const state of STATES) {
        for (const waitsForOfficer of [true, false]) {
          const words = stateWords({ state, right, waitsForOfficer }, language)
          expect(words).not.toMatch(/undefined|[a-z]_[a-z]/)
          expect(/[\u4e00-\u9fff]/.test(words)).toBe(language === 'zh-CN')
        }
      }
    }
  })
})
