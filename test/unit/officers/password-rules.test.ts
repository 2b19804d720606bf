import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PASSWORD_MAX, PASSWORD_MIN, refuseWeakPassword, weaknessOf } from '../../../src/officers/password-rules.ts'

const EMAIL = 'anna.lee@shop.example'

test.each([
  ['fourteen chars', 'too-short'],
  [`${'x'.repeat(PASSWORD_MAX)}y`, 'too-long'],
  ['xk3 anna.lee 9w0 qpz', 'holds-address'],
  ['xk3 ANNA.LEE 9w0 qpz', 'holds-address'],
  ['aaaaaaaaaaaaaaaaaaaa', 'repeats'],
  ['abababababababababab', 'repeats'],
  ['h7$kh7$kh7$kh7$kh7$k', 'repeats'],
  ['你好你好你好你好你好你好你好你好', 'repeats'],
  ['abcdefghijklmnopqrst', 'sequence'],
  ['zyxwvutsrqponmlkjihg', 'sequence'],
  ['qwertyuiopasdfghjkl', 'sequence'],
  ['0123456789abcdefghij', 'sequence'],
  ['passwordpassword1', 'common'],
  ['P@ssw0rd-P@55w0rd!', 'common'],
  ['Welcome-Summer-2026!', 'common'],
  ['letmeinplease12345', 'common'],
  ['correcthorsebatterystaple', 'common'],
  ['admin.weir.gateway.1', 'common'],
  ['woaini1314520520520', 'common'],
])('%s: %s', (password, weakness) => {
  expect(weaknessOf(password, EMAIL)).toBe(weakness)
})

test.each([
  'a fountain pen in a blue teapot',
  'mossy granite under thin ice',
  '我每天早上七点钟在河边跑步然后喝豆浆吃油条',
  'k7mq2x-v9hdtz-3fnrw8-pzc5ya',
  '🦊🪴🛶🧭🪵🧶🪡🥁🎻🪗🎐🪁🧊🪨🌾',
  '               \u{1F98A} spaces count as well',
])('%s will do', (password) => {
  expect(weaknessOf(password, EMAIL)).toBeUndefined()
})

test('random passwords of twenty letters and digits are taken', () => {
  const letters = fc.constantFrom(...Array.from('abcdefghijkmnpqrstuvwxyz23456789'))
  fc.assert(
    fc.property(fc.array(letters, { minLength: 24, maxLength: 40 }), (all) => {
      fc.pre(new Set(all).size >= 12)
      expect(weaknessOf(all.join(''), EMAIL)).toBeUndefined()
    }),
  )
})

test('of any text of the right length it says something, or nothing, and never quotes it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: PASSWORD_MIN, maxLength: 200 }), (password) => {
      try {
        refuseWeakPassword(password, EMAIL)
      } catch (error) {
        expect((error as Error).message).not.toContain(password)
        expect((error as { code?: string }).code).toBe('password-weak')
      }
    }),
  )
})
