import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'

const FILE = join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'online_retail_2009_2010.csv.gz')

/** One invoice of the real shop, goods only. */
export interface RetailOrder {
  readonly invoice: string
  /** Absent on about a fifth of the lines. */
  readonly customer?: string
  readonly country: string
  /** `2009-12-01T07:45:00Z`: the file has local times without zone, read here as UTC. */
  readonly at: string
  readonly day: string
  readonly lines: readonly RetailLine[]
}

export interface RetailLine {
  readonly product_id: string
  /** Above zero; of a cancellation too. */
  readonly quantity: number
  /** Decimal text as in the file, in GBP. */
  readonly price: string
}

export interface Retail {
  /** Invoices with at least one line of goods, in the file's order. */
  readonly orders: readonly RetailOrder[]
  /** Invoices beginning with C: they name no order of theirs, so they take nothing back. */
  readonly cancellations: readonly RetailOrder[]
  readonly linesRead: number
  readonly dropped: { readonly notGoods: number; readonly noQuantity: number; readonly noPrice: number }
}

/** Whether the data is there; says so where not. Use as `test.skipIf(!retailIsThere())`. */
export function retailIsThere(): boolean {
  if (existsSync(FILE)) return true
  console.warn(`skipped: ${FILE} is missing`)
  return false
}

const GOODS = /^\d{5}/

/**
 * Reads the orders of the file. A line is of goods where its stock code begins with five digits and it has a price and
 * a quantity above zero (below zero on a cancellation); the others are counted and dropped. `maxLines` counts lines read.
 */
export async function readRetail(options: { maxLines?: number } = {}): Promise<Retail> {
  const found = { orders: new Map<string, Draft>(), cancellations: new Map<string, Draft>() }
  const dropped = { notGoods: 0, noQuantity: 0, noPrice: 0 }
  const input = createReadStream(FILE).pipe(createGunzip())
  let linesRead = -1 // the first is the header
  for await (const line of createInterface({ input })) {
    if (++linesRead === 0) continue
    if (linesRead > (options.maxLines ?? Number.POSITIVE_INFINITY)) {
      linesRead -= 1
      break
    }
    const [invoice, code, count, ts, price, customer, country] = line.split(',') as Columns
    const cancels = invoice.startsWith('C')
    const quantity = cancels ? -Number(count) : Number(count)
    if (!GOODS.test(code)) dropped.notGoods += 1
    else if (!(quantity > 0)) dropped.noQuantity += 1
    else if (!(Number(price) > 0)) dropped.noPrice += 1
    else {
      const into = cancels ? found.cancellations : found.orders
      const order = into.get(invoice) ?? openOrder({ invoice, ts, customer, country })
      into.set(invoice, order)
      order.lines.push({ product_id: code, quantity, price })
    }
  }
  input.destroy()
  return {
    orders: [...found.orders.values()],
    cancellations: [...found.cancellations.values()],
    linesRead,
    dropped,
  }
}

type Columns = [string, string, string, string, string, string, string]
type Draft = RetailOrder & { readonly lines: RetailLine[] }

function openOrder(head: { invoice: string; ts: string; customer: string; country: string }): Draft {
  const [day, time] = head.ts.split(' ') as [string, string]
  return {
    invoice: head.invoice,
    ...(head.customer === '' ? {} : { customer: head.customer }),
    country: head.country,
    at: `${day}T${time}Z`,
    day,
    lines: [],
  }
}
