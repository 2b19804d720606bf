import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideRule } from '../../../src/consent/decide.ts'
import { bitOf, maskOf, PURPOSES } from '../../../src/event/purpose.ts'
import type { ConsentView, EventRule } from '../../../src/policy/compiled.ts'
import { type Choice, smallestToPermit, smallestToRefuse } from '../../../src/policy/counterfactual.ts'
import { explain, findRule } from '../../../src/policy/explain.ts'
import { compiled } from './small-policy.ts'

const policy = compiled()
const looked = policy.events.get('track:Looked') as EventRule
const bought = policy.events.get('track:Bought') as EventRule
const NOBODY: ConsentView = { granted: 0, refused: 0, narrowed: 0 }
const bit = bitOf('personalisation')

test('a refusal says which clauses fail, on which lines, and the smallest choice that would have changed it', () => {
  expect(explain(policy, { event: 'Looked', ...NOBODY, refused: bit, removed: [0], unclassified: 3 })).toEqual({
    event: 'Looked',
    outcome: 'refused',
    reason: 'refused-by-person',
    policy: { name: 'small', version: 0, fingerprint: policy.fingerprint },
    line: 44,
    consent: { granted: [], refused: ['personalisation'], refusedBySignal: [] },
    destinations: [
      {
        destination: 'reco',
        purpose: 'personalisation',
        basis: 'consent',
        permitted: false,
        clauses: [
          { clause: 'refused-by-person', says: 'personalisation was refused or withdrawn', line: 9 },
          { clause: 'no-consent', says: 'there is no consent to personalisation', line: 9 },
        ],
        fields: ['properties.product_id', 'properties.tags[]'],
        wouldPermit: {
          choices: [
            { purpose: 'personalisation', act: 'take-back-refusal' },
            { purpose: 'personalisation', act: 'grant' },
          ],
          destinations: ['reco'],
        },
      },
    ],
    fields: { removed: ['context.page.path'], unclassified: 3 },
    wouldPermit: {
      choices: [
        { purpose: 'personalisation', act: 'take-back-refusal' },
        { purpose: 'personalisation', act: 'grant' },
      ],
      destinations: ['reco'],
    },
  })
})

test('a permission says on what it rests and which refusal would have stopped it', () => {
  const explanation = explain(policy, { event: 'Bought', ...NOBODY, granted: bit })
  expect(explanation.outcome).toBe('permitted')
  expect(explanation.destinations.map((to) => to.clauses.map((clause) => clause.clause))).toEqual([
    ['granted'],
    ['no-consent'],
    ['needs-no-consent'],
  ])
  expect(explanation.wouldRefuse).toEqual({
    choices: [{ purpose: 'personalisation', act: 'refuse' }],
    destinations: ['reco'],
  })
  expect(explanation.wouldPermit).toEqual({
    choices: [{ purpose: 'analytics', act: 'grant' }],
    destinations: ['reports'],
  })
})

test('the fewest acts are proposed first: leaving out a signal rather than two choices', () => {
  const seen = { granted: bitOf('analytics'), refused: bit, narrowed: bitOf('analytics') }
  expect(explain(policy, { event: 'Bought', ...seen }).wouldPermit?.choices).toEqual([
    { purpose: 'analytics', act: 'send-without-signal' },
  ])
})

test('what was decided then stands, also where the masks alone would have permitted it', () => {
  const explanation = explain(policy, { event: looked.index, ...NOBODY, granted: bit, permitted: 0 })
  expect(explanation.outcome).toBe('refused')
  expect(explanation.destinations[0]?.clauses[0]?.clause).toBe('closed-then')
  expect(explanation.wouldPermit).toBeUndefined()
})

test('an event that the policy does not know is explained as that', () => {
  expect(explain(policy, { event: 'Sold', ...NOBODY })).toMatchObject({ outcome: 'refused', reason: 'unknown-event' })
  expect(explain(policy, { event: -1, ...NOBODY })).toMatchObject({ event: 'unknown', reason: 'unknown-event' })
})

test('a rule is found by index, key, name or call', () => {
  expect(findRule(policy, looked.index)).toBe(looked)
  expect(findRule(policy, 'track:Looked')).toBe(looked)
  expect(findRule(policy, 'Looked')).toBe(looked)
  expect(findRule(policy, 'identify')?.key).toBe('identify')
  expect(findRule(policy, '__proto__')).toBeUndefined()
})

const mask = fc.nat(maskOf(PURPOSES))
const view = fc.record({ granted: mask, refused: mask, narrowed: mask })

function after(seen: ConsentView, choices: readonly Choice[]): ConsentView {
  let { granted, refused, narrowed } = seen
  for (const { purpose, act } of choices) {
    if (act === 'grant') granted |= bitOf(purpose)
    else if (act === 'refuse') refused |= bitOf(purpose)
    else if (act === 'take-back-refusal') refused &= ~bitOf(purpose)
    else narrowed &= ~bitOf(purpose)
  }
  return { granted, refused, narrowed }
}

test('the proposed choices do what they say, and no fewer of them would', () => {
  fc.assert(
    fc.property(view, (seen) => {
      const { permitted } = decideRule(policy, bought, seen)
      for (const change of [
        smallestToPermit(policy, bought, seen, 7 & ~permitted),
        smallestToRefuse(policy, bought, seen, permitted),
      ]) {
        if (change === undefined) continue
        expect(decideRule(policy, bought, after(seen, change.choices)).permitted).not.toBe(permitted)
        for (const left of change.choices) {
          const fewer = change.choices.filter((choice) => choice !== left)
          expect(decideRule(policy, bought, after(seen, fewer)).permitted).toBe(permitted)
        }
      }
      if ((permitted & 3) !== 3) expect(smallestToPermit(policy, bought, seen, 7 & ~permitted)).toBeDefined()
    }),
  )
})
