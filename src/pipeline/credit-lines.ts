import { minorToText } from '../event/money.ts'
import { type Credit, MICRO, NO_CREDIT } from '../modules/attribution/credit.ts'
import { conversionsOf, type Grouping, type Line, lineKey, type Tally } from '../modules/attribution/tally.ts'
import type { CostSum } from '../totals/costs.ts'

/** A line of the report as it is answered. */
export interface ReportLine extends Figures {
  readonly channel: string
  /** By source or campaign: null where the touches name none. */
  readonly source?: string | null
  readonly campaign?: string | null
}

interface Figures {
  readonly conversions: number
  readonly new_customers: number
  /** Decimal text in the report's currency, as cost and cac. */
  readonly value: string
  readonly cost: string | null
  readonly roi: number | null
  readonly cac: string | null
}

/**
 * Credit and cost side by side, most conversions first. What is credited with nothing and cost something has a line.
 * Ratios come of whole sums; where the denominator is nothing they are null.
 */
export function linesOf(
  tally: Tally | undefined,
  costs: readonly CostSum[],
  { by, currency }: { readonly by: Grouping; readonly currency: string },
): ReportLine[] {
  const lines = new Map<string, Entry>()
  for (const [key, { channel, part, credit }] of tally?.credits ?? []) lines.set(key, { channel, part, credit })
  for (const cost of costs.filter((one) => one.currency === currency)) {
    const line = { channel: cost.channel, part: by === 'channel' ? '' : cost[by] }
    const known = lines.get(lineKey(line)) ?? { ...line, credit: NO_CREDIT }
    lines.set(lineKey(line), { ...known, cost: (known.cost ?? 0n) + cost.cost })
  }
  return [...lines.values()].sort(byCredit).map((entry) => ({
    channel: entry.channel,
    ...(by === 'channel' ? {} : { [by]: entry.part === '' ? null : entry.part }),
    ...figuresOf(entry, currency),
  }))
}

interface Entry extends Line {
  readonly credit: Credit
  readonly cost?: bigint
}

function byCredit(a: Entry, b: Entry): number {
  if (a.credit.micro !== b.credit.micro) return a.credit.micro > b.credit.micro ? -1 : 1
  return compare(a.channel, b.channel) || compare(a.part, b.part)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function figuresOf({ credit, cost }: Entry, currency: string): Figures {
  const { micro, newMicro, value } = credit
  const spent = cost !== undefined && cost > 0n
  return {
    conversions: conversionsOf(micro),
    new_customers: conversionsOf(newMicro),
    value: minorToText(value, currency),
    cost: cost === undefined ? null : minorToText(cost, currency),
    roi: spent ? Number(rounded((value - cost) * 10_000n, cost)) / 10_000 : null,
    cac: spent && newMicro > 0n ? minorToText(rounded(cost * MICRO, newMicro), currency) : null,
  }
}

/** The quotient, a half rounded away from zero; `by` is above zero. */
function rounded(number: bigint, by: bigint): bigint {
  const half = number < 0n ? -by : by
  return (2n * number + half) / (2n * by)
}
