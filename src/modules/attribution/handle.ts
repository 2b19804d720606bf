import type { Tx } from '../../db/pool.ts'
import type { Delivered } from '../../event/event.ts'
import { type Conversion, factsOf, type KnownAs, type Touch } from './facts.ts'

/**
 * Takes in a batch: touches and conversions, each table in one statement sorted by key. Rows that are there already
 * stay as they are, so a batch may come twice, late and in any order.
 */
export async function handle(tx: Tx, batch: readonly Delivered[], knownAs?: KnownAs): Promise<void> {
  const { touches, conversions } = factsOf(batch, knownAs)
  if (touches.length > 0) await addTouches(tx, touches)
  if (conversions.length > 0) await addConversions(tx, conversions)
}

async function addTouches(tx: Tx, touches: readonly Touch[]): Promise<void> {
  await tx.$client.query({
    name: 'attribution-add-touches',
    text: `insert into attribution.touch (subject, event_key, at, source, medium, campaign, creative, tag, referrer)
     select * from unnest($1::text[], $2::text[], $3::timestamp[], $4::text[], $5::text[], $6::text[], $7::text[],
       $8::text[], $9::text[])
     on conflict do nothing`,
    values: columns(touches, [
      'subject',
      'eventKey',
      'at',
      'source',
      'medium',
      'campaign',
      'creative',
      'tag',
      'referrer',
    ]),
  })
}

async function addConversions(tx: Tx, conversions: readonly Conversion[]): Promise<void> {
  await tx.$client.query({
    name: 'attribution-add-conversions',
    text: `insert into attribution.conversion (subject, event_key, order_token, at, currency, value, told, shop)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamp[], $5::text[], $6::bigint[], $7::text[], $8::text[])
     on conflict do nothing`,
    values: columns(conversions, ['subject', 'eventKey', 'order', 'at', 'currency', 'value', 'told', 'shop']),
  })
}

function columns<Row extends { subject: string; eventKey: string }>(
  rows: readonly Row[],
  names: readonly (keyof Row)[],
): unknown[][] {
  const sorted = [...rows].sort((a, b) => compare(a.subject, b.subject) || compare(a.eventKey, b.eventKey))
  return names.map((name) => sorted.map((row) => row[name]))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
