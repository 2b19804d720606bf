import { type Audit, appendEntries } from '../audit/log.ts'
import type { Db } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import { decimalOf, exponentOf, minorToText, NO_CURRENCY, toMinor } from '../event/money.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import type { Channels } from '../modules/attribution/channels.ts'
import type { Model } from '../modules/attribution/credit.ts'
import { LOOKBACK_DAYS } from '../modules/attribution/path.ts'
import { tallyOf } from '../modules/attribution/serve.ts'
import type { Grouping, Tally } from '../modules/attribution/tally.ts'
import { addCosts, type CostRow, type CostSum, readCosts } from '../totals/costs.ts'
import { servedShops } from '../totals/counting-sources.ts'
import { readTotals, type TotalSum, type Totals } from '../totals/read.ts'
import { linesOf, type ReportLine } from './credit-lines.ts'
import { readModuleRoot } from './module-root.ts'

export interface CreditDeps {
  readonly db: Db
  readonly audit: Audit
  readonly active: () => ActivePolicy
  readonly channels: Channels
  readonly now: () => number
}

interface Asker {
  readonly actor: { readonly kind: string; readonly id: string }
}

export interface CreditAsk extends Asker {
  readonly model: Model
  readonly by: Grouping
  /** Days (UTC, YYYY-MM-DD), inclusive: today, and 89 days before `to`, where they are not given. */
  readonly from?: string
  readonly to?: string
  /** ISO 4217; that of most conversions where none is given. */
  readonly currency?: string
}

const MODULE = 'attribution'
const DAY_MS = 86_400_000
const DEFAULT_DAYS = 90
const MAX_DAYS = 800

/**
 * Who is credited with the orders of the range, what it cost, and how many orders nobody may be credited with: those
 * that the person-free totals count and attribution was not handed. They are never spread over the channels.
 */
export async function readCreditFor(deps: CreditDeps, ask: CreditAsk): Promise<JsonObject> {
  if (!deps.active().compiled.destinations.some(({ name }) => name === MODULE)) {
    throw new AppError('not-found', 'the policy in force names no attribution: nothing may be made of what it holds')
  }
  await refuseHalfOfIt(deps)
  const days = daysOf(ask, deps.now())
  await deps.audit.append({
    actor: `${ask.actor.kind}:${ask.actor.id}`,
    action: 'attribution.read',
    resource: `attribution:${days.from}/${days.to}`,
    purpose: 'reporting',
  })
  // Apart from what follows: publishing totals makes other readers of totals wait until it is committed.
  const totals = await transaction(deps.db, (tx) => readTotals(tx, days))
  const served = await servedShops(deps.db)
  const [tallies, costs] = await transaction(deps.db, async (tx) => [
    await tallyOf(tx, { ...days, model: ask.model, by: ask.by, served }, deps.channels),
    await readCosts(tx, days),
  ])
  const currency = ask.currency ?? mainCurrency(tallies, totals.sums, costs)
  return {
    model: ask.model,
    by: ask.by,
    ...days,
    currency,
    lookback_days: LOOKBACK_DAYS,
    channels: currency === null ? [] : linesOf(tallies.get(currency), costs, { by: ask.by, currency }).map(asJson),
    unattributed: currency === null ? UNKNOWN : unattributed(tallies.get(currency), totals, currency),
    other_currencies: [...tallies]
      .filter(([other]) => other !== currency)
      .map(([other, tally]) => ({ currency: other, conversions: tally.conversions }))
      .sort((a, b) => b.conversions - a.conversions || (a.currency < b.currency ? -1 : 1)),
  }
}

/** While the module is rebuilt it holds a part of what happened: credit by a part is none. */
async function refuseHalfOfIt({ db, active }: Pick<CreditDeps, 'db' | 'active'>): Promise<void> {
  const root = await readModuleRoot(db, active().destinationIds.get(MODULE)!)
  if (root?.until === undefined) return
  const message =
    'attribution is rebuilt under new pseudonyms just now: ask again when weir keys status says that it is done'
  throw new AppError('overloaded', message, { code: 'rebuilding', retryAfter: 60 })
}

/** What marketing cost; the same batchId again changes nothing. What is refused is not entered as done. */
export async function addCostsFor(
  deps: Pick<CreditDeps, 'db'>,
  input: { readonly batchId: string; readonly rows: readonly CostRow[] } & Asker,
): Promise<JsonObject> {
  const { actor, batchId, rows } = input
  return transaction(deps.db, async (tx) => {
    const result = await addCosts(tx, { batchId, rows })
    // Last: other entries wait from here to the commit.
    await appendEntries(tx, [
      {
        actor: `${actor.kind}:${actor.id}`,
        action: 'costs.add',
        resource: 'attribution:costs',
        purpose: 'reporting',
        outcome: 'done',
      },
    ])
    return { ...result }
  })
}

function daysOf(ask: Pick<CreditAsk, 'from' | 'to'>, now: number): { from: string; to: string } {
  const to = ask.to ?? dayOf(now)
  const from = ask.from ?? dayOf(Math.max(Date.parse(to) - (DEFAULT_DAYS - 1) * DAY_MS, 0))
  const untold = ask.to === undefined ? ': to is today where it is not given' : ''
  if (from > to) throw new AppError('invalid', untold ? `from is a day to come${untold}` : 'from must not be after to')
  if (Date.parse(to) - Date.parse(from) > MAX_DAYS * DAY_MS) {
    throw new AppError('invalid', `at most ${MAX_DAYS} days${untold}`)
  }
  return { from, to }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** That of most conversions; without any, of most orders in the totals; without those, the first that costs are in. XXX (none) where there is no other. */
function mainCurrency(
  tallies: ReadonlyMap<string, Tally>,
  sums: readonly TotalSum[],
  costs: readonly CostSum[],
): string | null {
  const orders = new Map<string, number>()
  for (const sum of sums) orders.set(sum.currency, (orders.get(sum.currency) ?? 0) + sum.orders)
  const candidates = [
    most([...tallies].map(([currency, tally]) => [currency, tally.conversions])),
    most([...orders]),
    most(costs.map(({ currency }) => [currency, 0])),
  ].filter((currency) => currency !== undefined)
  return candidates.find((currency) => currency !== NO_CURRENCY) ?? candidates[0] ?? null
}

function most(counts: readonly (readonly [string, number])[]): string | undefined {
  const none = (currency: string): number => (currency === NO_CURRENCY ? 1 : 0)
  return [...counts].sort(([a, m], [b, n]) => none(a) - none(b) || n - m || (a < b ? -1 : 1))[0]?.[0]
}

const UNKNOWN = { conversions: null, value: null, complete: false }

/**
 * What the published totals have beyond what is attributed. They may lag by fewer than k orders, and what was published
 * as part of a month that reaches over an end of the range is not in them: then it is at least that, or unknown.
 */
function unattributed(tally: Tally | undefined, totals: Totals, currency: string): JsonObject {
  const published = totals.sums.filter((sum) => sum.currency === currency)
  const complete = totals.withheld.cells === 0 && totals.wider === 0
  const orders = published.reduce((all, sum) => all + sum.orders, 0) - (tally?.conversions ?? 0)
  // Fewer than k would be single orders of people who did not permit it.
  if (published.length === 0 || (!complete && orders <= 0) || (orders > 0 && orders < totals.k)) return UNKNOWN
  const value =
    published.reduce((all, sum) => all + toMinor(decimalOf(sum.value)!, exponentOf(currency)), 0n) -
    (tally?.value ?? 0n)
  return { conversions: Math.max(orders, 0), value: minorToText(value > 0n ? value : 0n, currency), complete }
}

function asJson(line: ReportLine): JsonObject {
  return { ...line }
}
