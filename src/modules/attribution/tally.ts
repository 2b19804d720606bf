import { type Channels, DIRECT } from './channels.ts'
import { type Credit, creditsOf, MICRO, type Model, NO_CREDIT, plus } from './credit.ts'
import { type Journey, pathsOf, type TouchAt, wayKey } from './path.ts'

export const GROUPINGS = ['channel', 'source', 'campaign'] as const
export type Grouping = (typeof GROUPINGS)[number]

/** A line of a report: a channel, and within it a source or a campaign where that was asked for ('' for none). */
export interface Line {
  readonly channel: string
  readonly part: string
}

/** All conversions of one currency, and who is credited with them: the credits add up to the conversions exactly. */
export interface Tally {
  readonly conversions: number
  readonly value: bigint
  readonly credits: ReadonlyMap<string, Line & { readonly credit: Credit }>
}

export function lineKey({ channel, part }: Line): string {
  return `${channel}\u0001${part}`
}

/** A tally under way. */
export interface Draft {
  conversions: number
  value: bigint
  readonly credits: Map<string, Line & { credit: Credit }>
}

/** Touches looked at between two yields: a few milliseconds. */
const AT_ONCE = 5_000

/**
 * Adds one person's conversions of the range. Pure; yields wherever the caller may let others have a turn, for one
 * person can have any number of touches and orders.
 */
export function* countJourney(
  tallies: Map<string, Draft>,
  { touches, conversions }: Journey,
  model: Model,
  lineOf: (touch: TouchAt) => Line | undefined,
): Generator<void, void, void> {
  let looked = 0
  const lineAt = new Map<TouchAt, Line>()
  for (const touch of touches) {
    const line = lineOf(touch)
    if (line !== undefined) lineAt.set(touch, line)
    if (++looked % AT_ONCE === 0) yield
  }
  const pathAt = pathsOf([...lineAt.keys()])
  for (const [i, { minute, currency, value, counts }] of conversions.entries()) {
    if (!counts) continue
    const path = pathAt(minute)
    looked += path.length + 1
    if (looked >= AT_ONCE) {
      looked = 0
      yield
    }
    const lines = path.length === 0 ? [DIRECTLY] : path.map((touch) => lineAt.get(touch)!)
    const tally = tallies.get(currency) ?? { conversions: 0, value: 0n, credits: new Map() }
    tallies.set(currency, tally)
    tally.conversions += 1
    tally.value += value
    for (const [j, credit] of creditsOf(model, lines.length, { value, isNew: i === 0 }).entries()) {
      if (credit.micro !== 0n || credit.value !== 0n) addTo(tally, lines[j]!, credit)
    }
  }
}

const DIRECTLY: Line = { channel: DIRECT, part: '' }

function addTo(tally: Draft, line: Line, credit: Credit): void {
  const key = lineKey(line)
  const known = tally.credits.get(key)
  if (known === undefined) tally.credits.set(key, { ...line, credit: plus(NO_CREDIT, credit) })
  else known.credit = plus(known.credit, credit)
}

/** There are few ways and many touches; but anybody can make up ways. */
const MAX_KNOWN = 50_000

/** Undefined for what is no touch. A source that names none is the host that sent the person. */
export function liner(channels: Channels, by: Grouping): (touch: TouchAt) => Line | undefined {
  const known = new Map<string, Line | undefined>()
  return (touch) => {
    const key = wayKey(touch)
    if (known.has(key)) return known.get(key)
    const channel = channels.of(touch)
    const part = by === 'channel' ? '' : by === 'source' ? touch.source || touch.referrer : touch.campaign
    const line = channel === undefined ? undefined : { channel, part }
    if (known.size >= MAX_KNOWN) known.clear()
    known.set(key, line)
    return line
  }
}

/** Millionths as a number of conversions: exact up to nine thousand million. */
export function conversionsOf(micro: bigint): number {
  return Number(micro) / Number(MICRO)
}
