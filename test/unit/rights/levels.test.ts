import { describe, expect, test } from 'vitest'
import { PROOFS, RIGHTS } from '../../../src/rights/request.ts'
import { wayOf } from '../../../src/rights/verify/ask.ts'
import { ruling, type Shown, WAYS } from '../../../src/rights/verify/levels.ts'

const shown: Shown = { right: 'access', proof: undefined, agent: false, disagree: false, stale: false, contact: true }

/** Every case there is: small enough to look at all of them. */
function* cases(): Generator<Shown> {
  for (const right of RIGHTS)
    for (const proof of [undefined, ...PROOFS])
      for (let bits = 0; bits < 16; bits++)
        yield { right, proof, agent: !!(bits & 1), disagree: !!(bits & 2), stale: !!(bits & 4), contact: !!(bits & 8) }
}

describe('what must be proved', () => {
  test('to say no: nothing, in every case', () => {
    for (const one of cases()) if (one.right === 'objection') expect(ruling(one)).toEqual({ met: true, officer: false })
  })

  test('else something, in every case', () => {
    for (const one of cases()) {
      if (one.right !== 'objection' && one.proof === undefined) expect(ruling(one).met).toBe(false)
    }
  })

  test('for somebody else: that person presses the button behind a link, and an officer looks', () => {
    for (const one of cases()) {
      if (!one.agent || one.right === 'objection') continue
      const expected = one.proof === 'mail-link' ? { met: true, officer: true } : { met: false, ways: ['mail-link'] }
      expect(ruling(one)).toEqual(expected)
    }
  })

  test('an officer looks at corrections, at exports by SMS alone, and at erasures that name an address which is not on file', () => {
    const officers = [...cases()]
      .filter((one) => !one.agent && one.right !== 'objection')
      .filter((one) => {
        const rule = ruling(one)
        return rule.met && rule.officer
      })
    for (const { right, proof, disagree } of officers) {
      const exported = (right === 'access' || right === 'portability') && proof === 'sms-code'
      expect(right === 'correction' || exported || (right === 'erasure' && disagree)).toBe(true)
    }
    expect(officers.length).toBeGreaterThan(0)
  })

  test('a session that does not say when it began erases after a second proof, where one can be asked for', () => {
    const stale = { ...shown, right: 'erasure', proof: 'session-token', stale: true } as const
    expect(ruling(stale)).toEqual({ met: false, ways: WAYS })
    expect(ruling({ ...stale, contact: false })).toEqual({ met: true, officer: false })
    expect(ruling({ ...stale, right: 'access' })).toEqual({ met: true, officer: false })
  })
})

describe('how proof is asked for', () => {
  const both = { mail: 'a@mail.example', phone: '+8613800138000' }
  const question = {
    ways: WAYS,
    asking: {},
    named: 'email',
    contact: both,
    channels: { mail: true, sms: true },
  } as const

  test('as the person wished where that can be, else by what there is', () => {
    expect(wayOf(question)).toBe('mail-code')
    expect(wayOf({ ...question, asking: { browser: 'x' } })).toBe('mail-link')
    expect(wayOf({ ...question, named: 'phone' })).toBe('sms-code')
    expect(wayOf({ ...question, asking: { verifyBy: 'sms-code' } })).toBe('sms-code')
    expect(wayOf({ ...question, asking: { verifyBy: 'sms-code' }, contact: { mail: both.mail } })).toBe('mail-code')
    expect(wayOf({ ...question, channels: { mail: false, sms: true } })).toBe('sms-code')
  })

  test('not at all where nobody can be reached, and never in a way that would not do', () => {
    expect(wayOf({ ...question, contact: {} })).toBeUndefined()
    expect(wayOf({ ...question, channels: { mail: false, sms: false } })).toBeUndefined()
    expect(wayOf({ ...question, ways: ['mail-link'], asking: { verifyBy: 'sms-code' } })).toBe('mail-link')
    expect(wayOf({ ...question, ways: ['mail-link'], contact: { phone: both.phone } })).toBeUndefined()
  })
})
