import type { Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { currencyOf, decimalOf, exponentOf, NO_CURRENCY, toMinor } from '../event/money.ts'

/** What marketing cost on a day: nobody's data. */
export interface CostRow {
  readonly day: string
  readonly channel: string
  /** '' where the cost names none. */
  readonly source: string
  readonly campaign: string
  readonly currency: string
  /** Decimal text in the currency, rounded to its minor unit; below zero takes back. */
  readonly cost: string
}

/** A sum of costs, in minor units of its currency; '' for no source or campaign. */
export interface CostSum {
  readonly channel: string
  readonly source: string
  readonly campaign: string
  readonly currency: string
  readonly cost: bigint
}

// Far above what anybody spends in a day, so far below bigint that years of it can be summed.
const MAX_COST = 1_000_000_000_000n
/** Of all that was added for one day, channel, source, campaign and currency. */
const MAX_SUM = 1_000_000_000_000_000n

/**
 * Adds the rows of one delivery; a batchId that was added before changes nothing. Sources are compared with those of
 * touches, so they are kept as those are: trimmed and in lower case.
 * @throws AppError invalid, naming the row by its place, where a currency or a cost cannot be read or is too large, and
 * where a sum becomes too large: a sum that was cut could not be taken back
 */
export async function addCosts(
  tx: Tx,
  delivery: { readonly batchId: string; readonly rows: readonly CostRow[] },
): Promise<{ added: boolean; rows: number }> {
  const rows = delivery.rows.map(cellOf)
  const fresh = await tx.$client.query(
    `insert into weir.marketing_cost_batch (batch_id, added_on) values ($1, (now() at time zone 'utc')::date)
     on conflict do nothing returning batch_id`,
    [delivery.batchId],
  )
  if (fresh.rows.length === 0) return { added: false, rows: 0 }
  const sums = await tx.$client.query<{ cost: bigint }>(
    `insert into weir.marketing_cost as m (day, channel, source, campaign, currency, cost)
     select day, channel, source, campaign, currency, sum(cost)
     from unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
       as t (day, channel, source, campaign, currency, cost)
     group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
     on conflict (day, channel, source, campaign, currency) do update
       set cost = m.cost + excluded.cost
     returning m.cost`,
    [
      rows.map((r) => r.day),
      rows.map((r) => r.channel),
      rows.map((r) => r.source),
      rows.map((r) => r.campaign),
      rows.map((r) => r.currency),
      rows.map((r) => r.cost),
    ],
  )
  if (sums.rows.some(({ cost }) => cost > MAX_SUM || cost < -MAX_SUM)) {
    throw new AppError(
      'invalid',
      `rows: all costs of one day, channel, source, campaign and currency must come to at most ${MAX_SUM} minor units; nothing was added`,
    )
  }
  return { added: true, rows: rows.length }
}

function cellOf(row: CostRow, index: number): CostSum & { readonly day: string } {
  const currency = currencyOf(row.currency)
  if (currency === NO_CURRENCY) throw new AppError('invalid', `rows[${index}].currency is no code of ISO 4217`)
  const amount = decimalOf(row.cost)
  if (amount === undefined) throw new AppError('invalid', `rows[${index}].cost must be a decimal number as text`)
  const cost = toMinor(amount, exponentOf(currency))
  if (cost > MAX_COST || cost < -MAX_COST) {
    throw new AppError('invalid', `rows[${index}].cost must be at most ${MAX_COST} minor units`)
  }
  return {
    day: row.day,
    channel: row.channel.trim(),
    source: row.source.trim().toLowerCase(),
    campaign: row.campaign.trim(),
    currency,
    cost,
  }
}

/** The costs of the days from..to (inclusive), in all currencies. */
export async function readCosts(tx: Tx, days: { readonly from: string; readonly to: string }): Promise<CostSum[]> {
  const { rows } = await tx.$client.query<Omit<CostSum, 'cost'> & { cost: string }>(
    `select channel, source, campaign, currency, sum(cost) as cost from weir.marketing_cost
     where day between $1::date and $2::date group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
    [days.from, days.to],
  )
  return rows.map((row) => ({ ...row, cost: BigInt(row.cost) })) // a sum of bigint is numeric: text
}
