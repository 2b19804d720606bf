import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RIGHTS, type Right, STATES, type State } from '../../../src/rights/request.ts'
import { isClosed, isUndone, MOVES, mayMove, openDsrState, statesOf } from '../../../src/rights/state.ts'

const right = fc.constantFrom(...RIGHTS)
const state = fc.constantFrom(...STATES)
const ends = STATES.filter(isClosed)

/** Wherever a request can come to from there. */
function reachable(of: Right, from: State): Set<State> {
  const reached = new Set<State>([from])
  for (const one of reached) for (const next of MOVES[of][one]) reached.add(next)
  return reached
}

describe('every right', () => {
  test('has no way out of a closed state', () => {
    fc.assert(fc.property(right, fc.constantFrom(...ends), state, (of, from, to) => !mayMove(of, from, to)))
  })

  test('reaches an end from every open state that it can be in', () => {
    fc.assert(
      fc.property(right, (of) => {
        for (const one of statesOf(of).filter((s) => !isClosed(s))) {
          expect([...reachable(of, one)].some(isClosed)).toBe(true)
        }
      }),
    )
  })

  test('never stays where it is by a move, and every state of it has a row', () => {
    fc.assert(fc.property(right, state, (of, one) => Array.isArray(MOVES[of][one]) && !mayMove(of, one, one)))
  })

  test('walks at random and ends: whatever is chosen, a retry apart, a way is finite', () => {
    fc.assert(
      fc.property(right, fc.array(fc.nat(), { minLength: 1, maxLength: 40 }), (of, choices) => {
        let at: State = 'received'
        const seen: State[] = [at]
        for (const choice of choices) {
          const next: State[] = MOVES[of][at].filter((to) => to === 'failed' || !seen.includes(to))
          if (next.length === 0) break
          at = next[choice % next.length]!
          if (at === 'failed') break // from there on it is tried again
          seen.push(at)
        }
        expect(seen.length).toBeLessThanOrEqual(STATES.length)
        expect(choices.length < 40 || isClosed(at) || at === 'failed').toBe(true)
      }),
    )
  })

  test.each(RIGHTS)('%s does nothing before it is verified', (of) => {
    for (const from of ['received', 'identity_pending'] as const) {
      for (const to of ['cooling_off', 'executing', 'awaiting_destinations', 'scanning', 'completed'] as const) {
        expect(mayMove(of, from, to)).toBe(false)
      }
    }
  })
})

describe('an erasure', () => {
  test('is not called complete without the scan', () => {
    const before = STATES.filter((from) => mayMove('erasure', from, 'completed'))
    expect(before).toEqual(['scanning'])
    expect(STATES.filter((from) => mayMove('erasure', from, 'completed_partial'))).toEqual(['scanning'])
  })

  test('cannot be taken back or refused once it has begun', () => {
    for (const from of ['executing', 'awaiting_destinations', 'scanning', 'failed'] as const) {
      const after = [...reachable('erasure', from)]
      expect(
        after.filter((one) => ['cancelled', 'denied', 'expired', 'verified', 'cooling_off'].includes(one)),
      ).toEqual([])
    }
  })

  test('alone has a cooling-off and a scan', () => {
    const having = RIGHTS.filter((of) => statesOf(of).includes('cooling_off') || statesOf(of).includes('scanning'))
    expect(having).toEqual(['erasure'])
  })
})

test('what is undone can be cancelled, what is not cannot', () => {
  expect(STATES.filter(isUndone)).toEqual(['received', 'identity_pending', 'verified', 'cooling_off'])
})

describe('in OpenDSR’s words', () => {
  test('a refusal is never told as completed, and every loss is named', () => {
    expect(Object.fromEntries(STATES.map((one) => [one, openDsrState(one)]))).toEqual({
      received: { state: 'pending' },
      identity_pending: { state: 'pending', loss: 'identity-pending' },
      verified: { state: 'pending' },
      cooling_off: { state: 'pending', loss: 'cooling-off' },
      executing: { state: 'in_progress' },
      awaiting_destinations: { state: 'in_progress' },
      scanning: { state: 'in_progress' },
      failed: { state: 'in_progress', loss: 'failed-retryable' },
      completed: { state: 'completed' },
      completed_partial: { state: 'completed', loss: 'partial' },
      denied: { state: 'cancelled', loss: 'denied' },
      cancelled: { state: 'cancelled' },
      expired: { state: 'cancelled', loss: 'expired' },
    })
  })

  test('what is pending can be cancelled, and never goes back', () => {
    const order = ['pending', 'in_progress', 'completed', 'cancelled']
    fc.assert(
      fc.property(right, state, state, (of, from, to) => {
        fc.pre(mayMove(of, from, to))
        return order.indexOf(openDsrState(to).state) >= order.indexOf(openDsrState(from).state)
      }),
    )
    for (const one of STATES) expect(openDsrState(one).state === 'pending').toBe(isUndone(one))
  })
})
