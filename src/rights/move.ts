import type { Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { Request, State } from './request.ts'
import { lockRequest, type Moves, note, writeRequest } from './rows.ts'
import { isClosed, mayMove } from './state.ts'

/** Who moves it when, and what changes beside the state. Times in milliseconds since 1970. */
export interface Move extends Omit<Moves, 'closedAt'> {
  /** As the audit log names it; `person` for whom it is about. */
  readonly actor: string
  readonly now: number
  /** The history's code of what happened; the new state where it is left out. */
  readonly what?: string
  /** A code or a number for the history, never words; the reason where it is left out. */
  readonly more?: string
}

/**
 * Moves a request to another state: the row, and a line of its history, in the caller's transaction. A move to an end
 * closes it. What the request said is forgotten by whoever ends it, once it was used for the last time.
 * Throws AppError conflict `request-state` where nothing leads there, or where it moved since it was read.
 */
export async function move(tx: Tx, request: Request, to: State, made: Move): Promise<Request> {
  const { actor, now, what, more, ...columns } = made
  const held = await lockRequest(tx, request.id)
  if (held.state !== request.state || !mayMove(held.right, held.state, to)) {
    throw new AppError('conflict', 'The request is in a state that does not lead there.', { code: 'request-state' })
  }
  const closed = isClosed(to) ? { closedAt: now } : {}
  await writeRequest(tx, held.id, { ...columns, ...closed, state: to, stateAt: now })
  const told = more ?? made.reason ?? undefined
  await note(tx, held.id, {
    actor,
    what: what ?? to,
    from: held.state,
    to,
    ...(told === undefined ? {} : { more: told }),
  })
  return lockRequest(tx, held.id)
}
