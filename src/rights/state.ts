import { RIGHTS, type Right, STATES, type State } from './request.ts'

type Moves = Readonly<Record<State, readonly State[]>>

const END: readonly State[] = []
/** Before it is proven who asks: it can be proven, refused, taken back, or lie there until it expires. */
const UNPROVEN = ['verified', 'denied', 'cancelled', 'expired'] as const
const CLOSED = { completed: END, completed_partial: END, denied: END, cancelled: END, expired: END } as const

// Once it executes nothing goes back: keys are destroyed first, and a person who was told "cancelled" would be told wrong.
const ERASURE: Moves = {
  received: ['identity_pending', ...UNPROVEN],
  identity_pending: UNPROVEN,
  verified: ['cooling_off', 'executing', 'denied', 'cancelled'], // the operator's door skips the cooling-off
  cooling_off: ['executing', 'denied', 'cancelled'],
  executing: ['awaiting_destinations', 'scanning', 'failed'],
  awaiting_destinations: ['scanning', 'failed'],
  scanning: ['completed', 'completed_partial', 'failed'], // nothing is erased that was not looked for afterwards
  failed: ['executing', 'awaiting_destinations', 'scanning'],
  ...CLOSED,
}

// Nothing is changed: what failed can still be refused, with reasons.
const ACCESS: Moves = {
  received: ['identity_pending', ...UNPROVEN],
  identity_pending: UNPROVEN,
  verified: ['executing', 'denied', 'cancelled'],
  cooling_off: END,
  executing: ['completed', 'completed_partial', 'failed'],
  awaiting_destinations: END,
  scanning: END,
  failed: ['executing', 'denied'],
  ...CLOSED,
}

// What changes data and has to be told to whoever got it.
const CHANGE: Moves = {
  received: ['identity_pending', ...UNPROVEN],
  identity_pending: UNPROVEN,
  verified: ['executing', 'denied', 'cancelled'],
  cooling_off: END,
  executing: ['awaiting_destinations', 'completed', 'completed_partial', 'failed'],
  awaiting_destinations: ['completed', 'completed_partial', 'failed'],
  scanning: END,
  failed: ['executing', 'awaiting_destinations'],
  ...CLOSED,
}

/** What may follow what, for every right and every state. An end, or a state that the right never comes to, has nothing. */
export const MOVES: Readonly<Record<Right, Moves>> = {
  access: ACCESS,
  portability: ACCESS,
  correction: CHANGE,
  erasure: ERASURE,
  restriction: CHANGE,
  objection: CHANGE,
}

/** Whether a request of that right goes from one state to the other in one step. Staying is no move. */
export function mayMove(right: Right, from: State, to: State): boolean {
  return MOVES[right][from].includes(to)
}

/** Whether it is over: nothing follows, and what the request said is forgotten. */
export function isClosed(state: State): boolean {
  switch (state) {
    case 'completed':
    case 'completed_partial':
    case 'denied':
    case 'cancelled':
    case 'expired':
      return true
    case 'received':
    case 'identity_pending':
    case 'verified':
    case 'cooling_off':
    case 'executing':
    case 'awaiting_destinations':
    case 'scanning':
    case 'failed':
      return false
    default:
      return state satisfies never
  }
}

/** Whether nothing was done yet: the person may take it back, an officer may refuse it. */
export function isUndone(state: State): boolean {
  return !isClosed(state) && RIGHTS.some((right) => mayMove(right, state, 'cancelled'))
}

/** The states that a request of this right can be in: from `received` on, whatever happens. */
export function statesOf(right: Right): State[] {
  const reached = new Set<State>(['received'])
  for (const state of reached) for (const next of MOVES[right][state]) reached.add(next) // grows while it is walked
  return STATES.filter((state) => reached.has(state))
}

/** What OpenDSR 2.0 has words for (§6 there). */
export type OpenDsrState = 'pending' | 'in_progress' | 'completed' | 'cancelled'

/** `loss`: a code of what the protocol cannot say; it is recorded with the request, and told in an extension member. */
export interface OpenDsrMapping {
  readonly state: OpenDsrState
  readonly loss?: 'identity-pending' | 'cooling-off' | 'failed-retryable' | 'partial' | 'denied' | 'expired'
}

/** A refusal is never told as completed: the controller would tell the person that it is gone. */
export function openDsrState(state: State): OpenDsrMapping {
  switch (state) {
    case 'received':
    case 'verified':
      return { state: 'pending' }
    case 'identity_pending':
      return { state: 'pending', loss: 'identity-pending' }
    case 'cooling_off':
      return { state: 'pending', loss: 'cooling-off' } // still cancellable, as only pending is; restricted already
    case 'executing':
    case 'awaiting_destinations':
    case 'scanning':
      return { state: 'in_progress' }
    case 'failed':
      return { state: 'in_progress', loss: 'failed-retryable' }
    case 'completed':
      return { state: 'completed' }
    case 'completed_partial':
      return { state: 'completed', loss: 'partial' }
    case 'denied':
      return { state: 'cancelled', loss: 'denied' }
    case 'cancelled':
      return { state: 'cancelled' }
    case 'expired':
      return { state: 'cancelled', loss: 'expired' }
    default:
      return state satisfies never
  }
}
