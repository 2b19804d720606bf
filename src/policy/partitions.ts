/** Up to 31 days content goes by the day; beyond, by the month, to keep partitions few. */
export function stepOf(keptDays: number): 'day' | 'month' {
  return keptDays <= 31 ? 'day' : 'month'
}

/** Partitions that a class can have at once: what is held, and two months (or days) made ahead. */
export function partitionsOf(keptDays: number): number {
  return stepOf(keptDays) === 'day' ? keptDays + 3 : Math.ceil((keptDays + 62) / 30) + 1
}
