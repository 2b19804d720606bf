import fc from 'fast-check'
import { expect, test } from 'vitest'
import { claimOf, readClaim } from '../../../src/consent/signals/claim.ts'
import { isGpc } from '../../../src/consent/signals/gpc.ts'
import type { ConsentClaim } from '../../../src/event/event.ts'
import { bitOf, maskOf } from '../../../src/event/purpose.ts'
import { compiled } from '../policy/small-policy.ts'

const { categories } = compiled()
const segment = (categoryPreferences: unknown): ConsentClaim =>
  claimOf(categories, { consent: { categoryPreferences } }, undefined)
const rudder = (consentManagement: unknown): ConsentClaim => claimOf(categories, { consentManagement }, undefined)

test.each([
  ['1', true],
  [' 1 ', true],
  ['0, 1', true],
  [['0', '1'], true],
  [undefined, false],
  ['', false],
  ['0', false],
  ['11', false],
  ['true', false],
  ['1;q=1', false],
  [[], false],
])('Sec-GPC %j is a refusal: %j', (header, is) => {
  expect(isGpc(header)).toBe(is)
})

test("Segment's preferences refuse what is false and state what is true", () => {
  expect(segment({ Performance: true, personalisation: false, ADVERTISING: false })).toEqual({
    granted: bitOf('analytics'),
    refused: maskOf(['personalisation', 'advertising']),
    evidence: ['segment'],
    unreadable: false,
  })
})

test("RudderStack's lists refuse what is denied, also where it is allowed as well", () => {
  expect(
    rudder({ allowedConsentIds: ['analytics', 'Functional'], deniedConsentIds: ['functional'], provider: 'custom' }),
  ).toEqual({
    granted: bitOf('analytics'),
    refused: bitOf('personalisation'),
    evidence: ['rudderstack'],
    unreadable: false,
  })
})

test('the more restrictive of two clients wins, and Sec-GPC is evidence beside them', () => {
  const context = {
    consent: { categoryPreferences: { analytics: true } },
    consentManagement: { deniedConsentIds: ['analytics'] },
  }
  expect(claimOf(categories, context, '1')).toEqual({
    granted: 0,
    refused: bitOf('analytics'),
    evidence: ['segment', 'rudderstack', 'gpc'],
    unreadable: false,
  })
})

test.each([
  ['no context', undefined],
  ['a context that is none', 'x'],
  ['an empty context', {}],
  ['consent without preferences', { consent: {} }],
  ['null', { consent: null, consentManagement: null }],
  ['null inside', { consent: { categoryPreferences: null } }],
  ['empty lists', { consentManagement: { allowedConsentIds: [], deniedConsentIds: [] } }],
])('%s claims nothing', (_name, context) => {
  expect(claimOf(categories, context, undefined)).toEqual({ granted: 0, refused: 0, evidence: [], unreadable: false })
  expect(claimOf(categories, context, '1').evidence).toEqual(['gpc'])
})

test.each([
  ['consent that is no object', { consent: 'granted' }],
  ['preferences that are a list', { consent: { categoryPreferences: ['analytics'] } }],
  ['a preference that is no boolean', { consent: { categoryPreferences: { analytics: 'true' } } }],
  ['no preference at all, as Segment says "nothing"', { consent: { categoryPreferences: {} } }],
  [
    'a list of preferences too long',
    { consent: { categoryPreferences: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`c${i}`, true])) } },
  ],
  ['a management that is a list', { consentManagement: [] }],
  ['a denied list that is none', { consentManagement: { deniedConsentIds: 'analytics' } }],
  ['a denied id that is no name', { consentManagement: { deniedConsentIds: [1] } }],
  ['a name too long', { consentManagement: { deniedConsentIds: ['x'.repeat(129)] } }],
  ['too many ids', { consentManagement: { allowedConsentIds: Array(65).fill('analytics') } }],
])('%s cannot be read', (_name, context) => {
  expect(claimOf(categories, context, undefined).unreadable).toBe(true)
})

test('unknown categories are ignored and counted beside known ones', () => {
  const context = { consent: { categoryPreferences: { analytics: false, Chat: false, Video: true } } }
  expect(readClaim(categories, context, undefined)).toEqual({
    claim: { granted: 0, refused: bitOf('analytics'), evidence: ['segment'], unreadable: false },
    unknownCategories: 2,
  })
})

test('a refusal under names of which none is known is not lost: the claim is unreadable', () => {
  expect(segment({ Chat: false, Video: true }).unreadable).toBe(true)
  expect(segment({ Chat: true }).unreadable).toBe(false)
  expect(rudder({ deniedConsentIds: ['7'] }).unreadable).toBe(true)
})

test('a category named __proto__ or toString is an unknown one', () => {
  const context = JSON.parse('{"consent":{"categoryPreferences":{"__proto__":true,"toString":true,"analytics":false}}}')
  expect(readClaim(categories, context, undefined)).toMatchObject({ unknownCategories: 2, claim: { granted: 0 } })
})

test('no context and no header make claimOf throw or claim both for and against a purpose', () => {
  const category = fc.constantFrom('analytics', 'Functional', 'advertising', 'Chat')
  const consent = fc.oneof(
    fc.record({ categoryPreferences: fc.dictionary(category, fc.oneof(fc.boolean(), fc.jsonValue())) }),
    fc.jsonValue(),
  )
  const consentManagement = fc.oneof(
    fc.record({ allowedConsentIds: fc.array(category), deniedConsentIds: fc.array(category) }),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(fc.oneof(fc.record({ consent, consentManagement }), fc.jsonValue()), fc.string(), (context, header) => {
      const claim = claimOf(categories, context, header)
      expect(claim.granted & claim.refused).toBe(0)
    }),
  )
})
