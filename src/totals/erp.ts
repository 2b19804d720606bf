import type { Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { currencyOf, decimalOf, exponentOf, NO_CURRENCY, toMinor } from '../event/money.ts'
import { productIdOf } from './order-count.ts'

/** A sum that an ERP counted itself; what a product id may not be goes to `other`. */
export interface ErpRow {
  readonly day: string
  readonly shop: string
  readonly currency: string
  readonly productId: string
  readonly orders: number
  readonly units: number
  /** Decimal text in the currency, rounded to its minor unit. */
  readonly value: string
  readonly newCustomers?: number
}

/**
 * Adds the rows of one delivery to the sums; a batchId that was added before changes nothing. An ERP counts by
 * product and does not say how many orders held two of them, so a day's orders grow by the most that any product of
 * the delivery has: never by more orders than there were.
 * @throws AppError invalid, naming the row by its place, where a currency or value cannot be read or is too large
 */
export async function addTotals(
  tx: Tx,
  delivery: { readonly batchId: string; readonly rows: readonly ErpRow[] },
): Promise<{ added: boolean; rows: number }> {
  const rows = delivery.rows.map(cellOf)
  if (rows.reduce((sum, { value }) => sum + magnitude(value), 0n) > MAX_VALUE) {
    throw new AppError('invalid', `rows: the values of one delivery must come to at most ${MAX_VALUE} minor units`)
  }
  const fresh = await tx.$client.query(
    `insert into weir.total_batch (batch_id, added_on) values ($1, (now() at time zone 'utc')::date)
     on conflict do nothing returning batch_id`,
    [delivery.batchId],
  )
  if (fresh.rows.length === 0) return { added: false, rows: 0 }
  await tx.$client.query(ADD_ROWS, [
    rows.map((r) => r.day),
    rows.map((r) => r.shop),
    rows.map((r) => r.currency),
    rows.map((r) => r.productId),
    rows.map((r) => r.orders),
    rows.map((r) => r.units),
    rows.map((r) => r.value),
    rows.map((r) => r.newCustomers),
  ])
  return { added: true, rows: rows.length }
}

// Far above what a shop sells in a day, so far below bigint that the products of a year can be summed in it. The sums in
// SQL stop there too: figures that nobody can mean must not fail what comes with them.
const MAX_VALUE = 1_000_000_000_000_000n

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value
}

interface Cell extends Omit<ErpRow, 'value'> {
  readonly value: bigint
}

function cellOf(row: ErpRow, index: number): Cell {
  const currency = currencyOf(row.currency)
  if (currency === NO_CURRENCY && row.currency !== NO_CURRENCY) {
    throw new AppError('invalid', `rows[${index}].currency is no code of ISO 4217`)
  }
  const value = decimalOf(row.value)
  if (value === undefined) throw new AppError('invalid', `rows[${index}].value must be a decimal number as text`)
  const minor = toMinor(value, exponentOf(currency))
  if (magnitude(minor) > MAX_VALUE) {
    throw new AppError('invalid', `rows[${index}].value must be at most ${MAX_VALUE} minor units`)
  }
  return {
    ...row,
    currency,
    productId: productIdOf(row.productId),
    value: minor,
    newCustomers: row.newCustomers ?? 0,
  }
}

// Several products without a name may share their orders: the most that one has is what they have. leads stay 0: which
// orders are behind two products is not known, so none is taken for a further one.
const ADD_ROWS = `with cell as materialized (
    select day, shop, currency, product_id, case when product_id = '' then max(orders) else sum(orders) end as orders,
      sum(units) as units, sum(value) as value,
      case when product_id = '' then max(new_customers) else sum(new_customers) end as new_customers
    from unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
      as t (day, shop, currency, product_id, orders, units, value, new_customers)
    group by 1, 2, 3, 4
  ),
  by_day as (
    insert into weir.total_day as t (day, shop, currency, orders, units, value, new_customers)
    select day, shop, currency, max(orders), sum(units), sum(value), max(new_customers)
    from cell group by 1, 2, 3 order by 1, 2, 3
    on conflict (day, shop, currency) do update set orders = least(t.orders + excluded.orders, 1000000000000000), units = least(t.units + excluded.units, 1000000000000000),
      value = greatest(least(t.value + excluded.value, 1000000000000000), -1000000000000000), new_customers = least(t.new_customers + excluded.new_customers, 1000000000000000)
  )
  insert into weir.total as t (day, shop, currency, product_id, orders, leads, units, value, new_customers)
  select day, shop, currency, product_id, orders, 0, units, value, new_customers from cell order by 1, 2, 3, 4
  on conflict (day, shop, currency, product_id) do update set orders = least(t.orders + excluded.orders, 1000000000000000),
    units = least(t.units + excluded.units, 1000000000000000), value = greatest(least(t.value + excluded.value, 1000000000000000), -1000000000000000),
    new_customers = least(t.new_customers + excluded.new_customers, 1000000000000000)`
