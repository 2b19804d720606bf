import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decide, narrowedBy } from '../../../src/consent/decide.ts'
import { EVENT_TYPES } from '../../../src/event/event.ts'
import { bitOf, maskOf, PURPOSES } from '../../../src/event/purpose.ts'
import type { ConsentView } from '../../../src/policy/compiled.ts'
import { changed, compiled } from '../policy/small-policy.ts'

const policy = compiled()
const BOUGHT = { type: 'track', name: 'Bought' } as const
const NOBODY: ConsentView = { granted: 0, refused: 0, narrowed: 0 }
const ALL = maskOf(PURPOSES)

const mask = fc.nat(ALL)
const view = fc.record({ granted: mask, refused: mask, narrowed: mask })
const event = fc.record({
  type: fc.constantFrom(...EVENT_TYPES),
  name: fc.oneof(fc.constantFrom('Bought', 'Looked', 'Noticed', '__proto__', 'toString'), fc.string()),
})

/** Names of the destinations that may receive the event. */
function open(seen: ConsentView, of: { type: 'track'; name: string } = BOUGHT): string[] {
  const { verdicts } = decide(policy, of, seen)
  return verdicts.filter((verdict) => verdict.permitted).map((verdict) => verdict.route.destination.name)
}

test('without a consent record only purposes that need no consent are open', () => {
  expect(open(NOBODY)).toEqual(['shipping'])
  fc.assert(
    fc.property(event, (one) => {
      for (const { permitted, route } of decide(policy, one, NOBODY).verdicts) {
        expect(permitted).toBe(policy.basisOf[route.purpose] !== 'consent')
      }
    }),
  )
})

test('a grant opens its purpose and no other', () => {
  expect(open({ ...NOBODY, granted: bitOf('personalisation') })).toEqual(['reco', 'shipping'])
  expect(open({ ...NOBODY, granted: ALL })).toEqual(['reco', 'reports', 'shipping'])
})

test('an unknown event is refused whatever was granted', () => {
  const decision = decide(policy, { type: 'track', name: 'Never Heard Of' }, { ...NOBODY, granted: ALL })
  expect(decision).toEqual({ rule: undefined, verdicts: [], permitted: 0, reason: 'unknown-event' })
})

test('an event that the policy sends to nobody is refused', () => {
  expect(decide(policy, { type: 'track', name: 'Noticed' }, { ...NOBODY, granted: ALL }).reason).toBe('no-route')
})

test('the name of a call counts for nothing but tracked events', () => {
  expect(decide(policy, { type: 'identify', name: 'Bought' }, NOBODY).rule?.name).toBe('identify')
  expect(decide(policy, { type: 'track', name: 'identify' }, NOBODY).rule).toBeUndefined()
})

test('every failing clause is listed, the firmest first', () => {
  const bit = bitOf('personalisation')
  const verdictOf = (seen: ConsentView): unknown => decide(policy, BOUGHT, seen).verdicts[0]
  expect(verdictOf({ granted: 0, refused: bit, narrowed: bit })).toMatchObject({
    permitted: false,
    reason: 'refused-by-person',
    failing: ['refused-by-person', 'refused-by-signal', 'no-consent'],
  })
  expect(verdictOf({ granted: bit, refused: 0, narrowed: bit })).toMatchObject({ failing: ['refused-by-signal'] })
})

test('the reason of a refusal is that of the route that came nearest to permission', () => {
  const two = compiled(
    changed('        shipping: {purpose: essential, fields: [properties.order_id, properties.address.city]}\n', ''),
  )
  const seen = { granted: bitOf('analytics'), refused: bitOf('personalisation'), narrowed: bitOf('analytics') }
  expect(decide(two, BOUGHT, seen).reason).toBe('refused-by-signal')
  expect(decide(two, BOUGHT, { ...NOBODY, refused: bitOf('personalisation') }).reason).toBe('no-consent')
})

test('a route that needs a separate consent stays shut, even for a contract', () => {
  const third = compiled(
    changed(
      'shipping: {kind: module, purpose: essential, role: self',
      'shipping: {kind: probe, purpose: essential, recipient_notice: N, pia_ref: P, role: third-party',
    ).replace('[properties.order_id, properties.address.city]', '[properties.order_id]'),
  )
  const shipping = decide(third, BOUGHT, { ...NOBODY, granted: ALL }).verdicts[2]
  expect(shipping).toMatchObject({ permitted: false, failing: ['no-separate-consent'] })
})

test("an event's own claim narrows and never opens", () => {
  const granted = { ...NOBODY, granted: bitOf('analytics') | bitOf('personalisation') }
  const claim = { refused: bitOf('analytics'), granted: ALL, evidence: ['segment' as const], unreadable: false }
  const reached = (seen: ConsentView): number => decide(policy, { ...BOUGHT, claim }, seen).permitted
  expect(reached(granted)).toBe(0b101)
  expect(reached(NOBODY)).toBe(0b100)
})

test('a claim that cannot be read narrows everything that needs consent', () => {
  const claim = { refused: 0, granted: 0, evidence: ['segment' as const], unreadable: true }
  expect(narrowedBy(policy, claim)).toBe(policy.needsConsent)
  expect(decide(policy, { ...BOUGHT, claim }, { ...NOBODY, granted: ALL }).permitted).toBe(0b100)
})

test('Sec-GPC narrows the purposes that the policy names for it', () => {
  const claim = { refused: 0, granted: 0, evidence: ['gpc' as const], unreadable: false }
  expect(narrowedBy(policy, claim)).toBe(bitOf('attribution') | bitOf('advertising'))
})

test('decide answers any event and any masks, and permitted is the sum of the open routes', () => {
  fc.assert(
    fc.property(
      event,
      fc.record({ granted: fc.integer(), refused: fc.integer(), narrowed: fc.integer() }),
      (one, seen) => {
        const { permitted, verdicts, reason } = decide(policy, one, seen)
        expect(permitted).toBe(verdicts.reduce((bits, v) => bits | (v.permitted ? v.route.bit : 0), 0))
        expect(reason === undefined).toBe(permitted !== 0)
        for (const verdict of verdicts) expect(verdict.failing.length === 0).toBe(verdict.permitted)
      },
    ),
  )
})

test('one more refusal or signal never permits more, one more grant never permits less', () => {
  fc.assert(
    fc.property(event, view, mask, (one, seen, more) => {
      const before = decide(policy, one, seen).permitted
      const refused = decide(policy, one, { ...seen, refused: seen.refused | more }).permitted
      const narrowed = decide(policy, one, { ...seen, narrowed: seen.narrowed | more }).permitted
      const granted = decide(policy, one, { ...seen, granted: seen.granted | more }).permitted
      expect(refused & ~before).toBe(0)
      expect(narrowed & ~before).toBe(0)
      expect(before & ~granted).toBe(0)
    }),
  )
})
