import { setImmediate } from 'node:timers/promises'
import type { Tx } from '../../db/pool.ts'
import type { Channels } from './channels.ts'
import type { Model } from './credit.ts'
import { type Days, journeysOf } from './journeys.ts'
import { LOOKBACK_DAYS } from './path.ts'
import { countJourney, type Draft, type Grouping, liner, type Tally } from './tally.ts'

export interface Ask extends Days {
  readonly model: Model
  readonly by: Grouping
  /** Shops whose servers tell orders: what browsers tell of them does not count. */
  readonly served: readonly string[]
}

/** The credit for the conversions of the range, by currency. Reads as the gateway's role, which may write nothing here. */
export async function tallyOf(tx: Tx, ask: Ask, channels: Channels): Promise<Map<string, Tally>> {
  const tallies = new Map<string, Draft>()
  const lineOf = liner(channels, ask.by)
  for await (const journey of journeysOf(tx, { ...ask, lookbackDays: LOOKBACK_DAYS })) {
    for (const _turn of countJourney(tallies, journey, ask.model, lineOf)) await setImmediate()
  }
  return tallies
}
