import type { Tx } from '../db/pool.ts'
import type { JsonObject } from '../event/event.ts'
import { minorToText } from '../event/money.ts'
import { release } from './release.ts'

/** A sum that may be shown: of a day, or of what a month's or a year's days had too few orders to show. */
export interface TotalSum extends JsonObject {
  /** Days (UTC, YYYY-MM-DD), inclusive; equal for a day. */
  readonly from: string
  readonly to: string
  readonly shop: string
  readonly currency: string
  readonly orders: number
  readonly units: number
  /** Decimal text in the currency. */
  readonly value: string
  readonly new_customers: number
}

export interface TotalRow extends TotalSum {
  /** `other`: every product that has no row of its own. Its orders are at most that many, not below k. */
  readonly product_id: string
}

export interface Totals extends JsonObject {
  readonly k: number
  /** By product. Units and value of a span's rows add up to those of its sum; an order of two products is in both. */
  readonly rows: readonly TotalRow[]
  /** Each order once. */
  readonly sums: readonly TotalSum[]
  /** Days (by shop and currency) of which some orders are not shown yet: fewer than k. How many orders is not said. */
  readonly withheld: { readonly cells: number }
  /** Months and years, published because their days were too small, that reach over an end of the range. */
  readonly wider: number
}

const LEAST_K = 10

/**
 * The sums of the days from..to (inclusive), nothing in them of fewer than k orders (k is at least 10). Figures stand
 * still until k more orders can be added at once, see release.ts; so it writes what it has shown, in the caller's
 * transaction, and must be committed before the answer is sent. What was published under a smaller k stays.
 */
export async function readTotals(
  tx: Tx,
  range: { readonly from: string; readonly to: string; readonly k?: number },
): Promise<Totals> {
  const k = Math.max(range.k ?? LEAST_K, LEAST_K)
  await release(tx, { from: range.from, to: range.to, k })
  const published = await publishedIn(tx, range)
  return {
    k,
    rows: published
      .filter((row) => row.product_id !== '*')
      .map((row) => ({ ...sumOf(row), product_id: row.product_id === '' ? 'other' : row.product_id })),
    sums: published.filter((row) => row.product_id === '*').map(sumOf),
    ...(await notShown(tx, range)),
  }
}

interface Published {
  readonly from: string
  readonly to: string
  readonly shop: string
  readonly currency: string
  readonly product_id: string
  readonly orders: bigint
  readonly units: bigint
  readonly value: bigint
  readonly new_customers: bigint
}

async function publishedIn(tx: Tx, range: { from: string; to: string }): Promise<Published[]> {
  const result = await tx.$client.query<Published>(
    `select from_day as "from", to_day as "to", shop, currency, product_id, orders, units, value, new_customers
     from weir.total_published where from_day >= $1::date and to_day <= $2::date
     order by from_day, to_day, shop, currency, product_id`,
    [range.from, range.to],
  )
  return result.rows
}

function sumOf(row: Published): TotalSum {
  return {
    from: row.from,
    to: row.to,
    shop: row.shop,
    currency: row.currency,
    orders: Number(row.orders),
    units: Number(row.units),
    value: minorToText(row.value, row.currency),
    new_customers: Number(row.new_customers),
  }
}

async function notShown(
  tx: Tx,
  range: { from: string; to: string },
): Promise<{ withheld: { cells: number }; wider: number }> {
  const result = await tx.$client.query<{ cells: number; wider: number }>(
    `select
       (select count(*)::integer from weir.total_day d left join weir.total_taken t
          on (t.day, t.shop, t.currency, t.product_id) = (d.day, d.shop, d.currency, '*')
        where d.day between $1::date and $2::date and d.orders > coalesce(t.orders, 0)) as cells,
       (select count(*)::integer from weir.total_published
        where product_id = '*' and from_day <= $2::date and to_day >= $1::date
          and not (from_day >= $1::date and to_day <= $2::date)) as wider`,
    [range.from, range.to],
  )
  const { cells, wider } = result.rows[0]!
  return { withheld: { cells }, wider }
}
