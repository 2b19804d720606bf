/**
 * Why data is used. The order is the bit position in consent masks, which the database keeps:
 * append to it, never reorder.
 */
export const PURPOSES = ['essential', 'analytics', 'attribution', 'personalisation', 'advertising'] as const
export type Purpose = (typeof PURPOSES)[number]

/** A set of purposes: bit i stands for PURPOSES[i]. */
export type PurposeMask = number

export function isPurpose(value: string): value is Purpose {
  return (PURPOSES as readonly string[]).includes(value)
}

export function maskOf(purposes: Iterable<Purpose>): PurposeMask {
  let mask = 0
  for (const purpose of purposes) mask |= bitOf(purpose)
  return mask
}

export function bitOf(purpose: Purpose): PurposeMask {
  return 1 << PURPOSES.indexOf(purpose)
}

export function purposesIn(mask: PurposeMask): Purpose[] {
  return PURPOSES.filter((_, bit) => (mask & (1 << bit)) !== 0)
}
