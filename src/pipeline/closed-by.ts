import type { JsonObject } from '../event/event.ts'

/**
 * What can close an event that consent would permit. Said in the log row by bits of its `narrowed` mask above those of
 * purposes, so that the decision can be explained; masks of purposes never reach them.
 */
const CLOSING = ['expired', 'no-subject', 'too-many-new-subjects', 'restricted', 'erased'] as const
export type ClosedBy = (typeof CLOSING)[number]

const FIRST_BIT = 16

/** The bit for a reason of this kind, 0 for any other and for none. */
export function closedByBit(reason: string | undefined): number {
  const at = (CLOSING as readonly string[]).indexOf(reason ?? '')
  return at === -1 ? 0 : 1 << (FIRST_BIT + at)
}

export function closedByOf(narrowed: number): ClosedBy | undefined {
  return CLOSING.find((_, at) => (narrowed & (1 << (FIRST_BIT + at))) !== 0)
}

export const CLOSED_SAYS: Readonly<Record<ClosedBy, string>> = {
  expired: 'the event was older than its fields may be kept',
  'no-subject':
    'nobody was named whom it could be held for: it needs a random anonymous id, a subject token or a server key',
  'too-many-new-subjects': 'more new devices came from its network than are taken in: sent again later it can pass',
  restricted: 'what is held of this person is restricted at their request: kept, and used for nothing',
  erased: 'it happened before its person was erased: what is late, or sent again, does not bring them back',
}

/** An explanation as JSON, as far as it is changed here. */
export interface Explained extends JsonObject {
  readonly destinations: readonly (JsonObject & { readonly permitted: boolean; readonly line?: number })[]
}

/** Closed by something else than consent: then that is the reason, and no choice of the person would have helped. */
export function withClosing({ wouldPermit, ...told }: Explained, closedBy: ClosedBy | undefined): JsonObject {
  if (closedBy === undefined) return { ...told, ...(wouldPermit === undefined ? {} : { wouldPermit }) }
  const clauses = [{ clause: closedBy, says: CLOSED_SAYS[closedBy] }]
  const destinations = told.destinations.map(({ wouldPermit: _, ...one }): JsonObject => ({ ...one, clauses }))
  return { ...told, reason: closedBy, destinations }
}
