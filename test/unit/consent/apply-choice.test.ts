import fc from 'fast-check'
import { expect, test } from 'vitest'
import { applyChoice, type Choice, type ConsentState, NO_CONSENT } from '../../../src/consent/apply-choice.ts'
import { bitOf, PURPOSES } from '../../../src/event/purpose.ts'

const NOON = Date.UTC(2026, 0, 2, 12)
const MINUTE = 60_000
const analytics = bitOf('analytics')
const personal = bitOf('personalisation')
const ALL = (1 << PURPOSES.length) - 1

function choice(what: Partial<Choice>): Choice {
  return { granted: 0, refused: 0, claimedAt: undefined, receivedAt: NOON, ...what }
}

function after(...choices: Partial<Choice>[]): ConsentState {
  return choices.reduce<ConsentState>((state, each) => applyChoice(state, choice(each)), NO_CONSENT)
}

test('a choice changes only the purposes that it names, and always begins a new epoch', () => {
  const state = after({ granted: analytics | personal }, { refused: analytics })
  expect(state).toMatchObject({ epoch: 2, granted: personal, refused: analytics })
  expect(after({ granted: personal }, { granted: personal }).epoch).toBe(2)
})

test('a purpose both granted and refused in one choice is refused', () => {
  expect(after({ granted: analytics, refused: analytics })).toMatchObject({ granted: 0, refused: analytics })
})

test('a queued grant that is older than the withdrawal does not lift it', () => {
  const withdrawn = { refused: analytics, claimedAt: NOON - MINUTE }
  expect(after(withdrawn, { granted: analytics, claimedAt: NOON - 2 * MINUTE }).granted).toBe(0)
  expect(after(withdrawn, { granted: analytics, claimedAt: NOON - MINUTE }).granted).toBe(0) // the same instant: refused
  expect(after(withdrawn, { granted: analytics, claimedAt: NOON - MINUTE + 1 }).granted).toBe(analytics)
  expect(after(withdrawn, { granted: analytics }).granted).toBe(analytics) // a live act names no time
})

test('a withdrawal holds from its receipt, however old it says it is', () => {
  const state = after({ granted: analytics, claimedAt: NOON }, { refused: analytics, claimedAt: NOON - 1_000 * MINUTE })
  expect(state).toMatchObject({ granted: 0, refused: analytics })
})

test('a clock that runs ahead gains nothing: what claims the future was said now', () => {
  const state = after(
    { granted: analytics, claimedAt: NOON + 10_000 * MINUTE },
    { refused: analytics, receivedAt: NOON + MINUTE },
    { granted: analytics, claimedAt: NOON + 9_000 * MINUTE, receivedAt: NOON + MINUTE },
  )
  expect(state.granted).toBe(0)
})

test('the epoch of the last restriction is kept, so that what was decided before it stays refused', () => {
  const state = after({ granted: analytics }, { refused: analytics }, { granted: analytics })
  expect(state.granted).toBe(analytics)
  expect(state.restrictedEpoch[PURPOSES.indexOf('analytics')]).toBe(2)
  expect(state.restrictedEpoch[PURPOSES.indexOf('personalisation')]).toBe(0)
})

const mask = fc.integer({ min: 0, max: ALL })
const time = fc.integer({ min: NOON - 100 * MINUTE, max: NOON + 100 * MINUTE })
const anyChoice: fc.Arbitrary<Choice> = fc.record({
  granted: mask,
  refused: mask,
  claimedAt: fc.option(time, { nil: undefined }),
  receivedAt: time,
})

test('whatever came before: never granted and refused at once, the refusal just made holds, the epoch counts', () => {
  fc.assert(
    fc.property(fc.array(anyChoice, { maxLength: 20 }), anyChoice, (history, last) => {
      const state = [...history, last].reduce(applyChoice, NO_CONSENT)
      expect(state.granted & state.refused).toBe(0)
      expect(state.refused & last.refused).toBe(last.refused)
      expect(state.epoch).toBe(history.length + 1)
      PURPOSES.forEach((_, bit) => {
        if ((state.refused & (1 << bit)) !== 0) expect(state.restrictedEpoch[bit]).toBeGreaterThan(0)
      })
    }),
    { verbose: 1 },
  )
})

test('choices that only refuse may come in any order', () => {
  fc.assert(
    fc.property(
      fc.array(
        anyChoice.map((c) => ({ ...c, granted: 0 })),
        { maxLength: 8 },
      ),
      fc.nat(),
      (choices, turn) => {
        const by = choices.length === 0 ? 0 : turn % choices.length
        const turned = [...choices.slice(by), ...choices.slice(0, by)]
        const seen = (list: readonly Choice[]): unknown => {
          const { granted, refused, restrictedAt } = list.reduce(applyChoice, NO_CONSENT)
          return { granted, refused, restrictedAt }
        }
        expect(seen(turned)).toEqual(seen(choices))
      },
    ),
  )
})

test('a grant replayed after a withdrawal that followed it changes nothing that counts', () => {
  fc.assert(
    fc.property(
      fc.array(anyChoice, { maxLength: 10 }),
      mask,
      fc.integer({ min: 1, max: 50 }),
      (history, purposes, gap) => {
        const grant = choice({ granted: purposes, claimedAt: NOON, receivedAt: NOON })
        const withdrawal = choice({ refused: purposes, claimedAt: NOON + gap, receivedAt: NOON + gap })
        const state = [...history, grant, withdrawal].reduce(applyChoice, NO_CONSENT)
        const replayed = applyChoice(state, { ...grant, receivedAt: NOON + 10 * MINUTE })
        expect(replayed.granted).toBe(state.granted)
        expect(replayed.refused).toBe(state.refused)
      },
    ),
  )
})
