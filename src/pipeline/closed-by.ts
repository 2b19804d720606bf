/**
 * What can close an event that consent would permit. Said in the log row by bits of its `narrowed` mask above those of
 * purposes, so that the decision can be explained; masks of purposes never reach them.
 */
const CLOSING = ['expired', 'no-subject', 'too-many-new-subjects'] as const
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
}
