import type { Tx } from '../../db/pool.ts'
import { expireRows } from '../expire-rows.ts'
import type { Cutoffs, Expired, Kept } from '../module.ts'

/** Touches say how somebody came, conversions what they ordered: the classes of those fields say how long. */
export const keeps: readonly Kept[] = [
  {
    table: 'touch',
    at: 'at',
    paths: [
      'context.campaign.source',
      'context.campaign.medium',
      'context.campaign.name',
      'context.campaign.content',
      'context.campaign.term',
      'context.referrer.origin',
      'context.page.origin',
    ],
  },
  {
    table: 'conversion',
    at: 'at',
    events: ['Order Completed'],
    paths: ['properties.order_id', 'properties.total', 'properties.revenue', 'properties.value', 'properties.currency'],
  },
]

/** Nothing is derived from the rows, so that taking them out is all. */
export function expire(tx: Tx, cutoffs: Cutoffs, from?: string): Promise<Expired> {
  return expireRows(
    tx,
    { name: 'attribution', keeps },
    {
      cutoffs,
      from,
      async takeOut(table, { where, values }) {
        const { rowCount } = await tx.$client.query(`delete from attribution.${table} where ${where}`, [...values])
        return rowCount ?? 0
      },
    },
  )
}
