import type { Request, Right, State } from '../../rights/request.ts'
import { isClosed } from '../../rights/state.ts'
import { type Html, html } from '../html.ts'
import type { Turn } from '../turn.ts'
import { REQUEST_WORDS as WORDS } from './request-words.ts'

/** The way that a request of each right usually goes. */
const WAY: Readonly<Record<Right, readonly State[]>> = {
  access: ['received', 'identity_pending', 'verified', 'completed'],
  portability: ['received', 'identity_pending', 'verified', 'completed'],
  correction: ['received', 'identity_pending', 'verified', 'executing', 'completed'],
  erasure: [
    'received',
    'identity_pending',
    'cooling_off',
    'executing',
    'awaiting_destinations',
    'scanning',
    'completed',
  ],
  restriction: ['received', 'identity_pending', 'verified', 'executing', 'completed'],
  objection: ['received', 'verified', 'executing', 'completed'],
}

/** What is done, what is under way and what comes, as a list that can be heard too. */
export function stepsOf({ locale: { language } }: Turn, { right, state }: Request): Html {
  const words = WORDS[language]
  const ends = isClosed(state) && state !== 'completed' && state !== 'completed_partial'
  const way = ends
    ? (['received', state] as const)
    : WAY[right].map((one) => (one === 'completed' && state === 'completed_partial' ? state : one))
  const at = positionOf(way, state)
  const over = isClosed(state)
  const items = way.map((one, i) => {
    const look = i < at || over ? 'done' : i === at ? 'now' : ''
    return html`<li class="${look}"${i === at && html` aria-current="step"`}>${words.step[one]}</li>`
  })
  return html`<h2>${words.steps}</h2><ol class="steps">${items}</ol>`
}

/** A state beside the usual way is shown at the step that it belongs to. */
function positionOf(way: readonly State[], state: State): number {
  const beside: Partial<Record<State, State>> = {
    verified: 'cooling_off',
    failed: 'executing',
    executing: 'verified',
    awaiting_destinations: 'executing',
  }
  for (let one: State | undefined = state; one !== undefined; one = beside[one]) {
    const at = way.indexOf(one)
    if (at !== -1) return at
    if (one === beside[one]) break
  }
  return 0
}
