/** Up to 31 days content goes by the day; beyond, by the month, to keep partitions few. */
export function stepOf(retainDays: number): 'day' | 'month' {
  return retainDays <= 31 ? 'day' : 'month'
}

/** Partitions that a class can have at once: what is held, and two months (or days) made ahead. */
export function partitionsOf(retainDays: number): number {
  return stepOf(retainDays) === 'day' ? retainDays + 3 : Math.ceil((retainDays + 62) / 30) + 1
}
