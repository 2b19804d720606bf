import type { Way } from './facts.ts'

/** A touch on somebody's way, at a minute since 1970. */
export interface TouchAt extends Way {
  readonly minute: number
}

/** One person, as the links say: all touches that can count for the conversions of the range, and all conversions. */
export interface Journey {
  /** In order of time, then of their key. */
  readonly touches: readonly TouchAt[]
  /** In order of time, then of their key: the first is the person's first order known here. */
  readonly conversions: readonly Bought[]
}

export interface Bought {
  /** Minutes since 1970. */
  readonly minute: number
  readonly currency: string
  /** Minor units. */
  readonly value: bigint
  /** Whether it is of the range. */
  readonly counts: boolean
}

/** GA4's lookback for conversions that are no acquisition (reference: attribution §1). */
export const LOOKBACK_DAYS = 90
const LOOKBACK_MINUTES = LOOKBACK_DAYS * 24 * 60
/** The pages that somebody opens one after another carry the tag of the first: one touch, as long as no pause is longer. */
const SAME_TOUCH_MINUTES = 30
/** Of a longer path the latest count: a program that calls itself a person must not cost the square of its calls. */
const MAX_PATH = 500

/**
 * The paths of one person: given the minute of a conversion, the touches before it or in that minute, at most 90 days
 * back, in order; what repeats the one before within 30 minutes is the same touch. `touches` are in order of time.
 */
export function pathsOf<Touch extends TouchAt>(touches: readonly Touch[]): (minute: number) => Touch[] {
  const begins = touches.filter((touch, i) => i === 0 || !isSame(touches[i - 1]!, touch))
  return (minute) => {
    const earliest = minute - LOOKBACK_MINUTES
    const past = firstAt(begins, minute + 1)
    const path = begins.slice(Math.max(firstAt(begins, earliest), past - MAX_PATH), past)
    const oldest = touches[firstAt(touches, earliest)]
    // A visit that began before the lookback is in it from its first touch within.
    const cutOff = oldest !== undefined && oldest.minute <= minute && oldest !== path[0]
    return cutOff && path.length < MAX_PATH ? [oldest, ...path] : path
  }
}

function isSame(before: TouchAt, touch: TouchAt): boolean {
  return touch.minute - before.minute <= SAME_TOUCH_MINUTES && WAY.every((part) => before[part] === touch[part])
}

const WAY = ['source', 'medium', 'campaign', 'creative', 'tag', 'referrer'] as const

/** One text for each way; none of its parts holds a control character. */
export function wayKey(way: Way): string {
  return WAY.map((part) => way[part]).join('\u0001')
}

/** Index of the first touch at or after the minute. */
function firstAt(touches: readonly TouchAt[], minute: number): number {
  let low = 0
  let high = touches.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (touches[middle]!.minute < minute) low = middle + 1
    else high = middle
  }
  return low
}
