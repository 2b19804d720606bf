import type { TestApp } from './test-app.ts'

const TABLES = [
  'weir.subject',
  'weir.subject_key',
  'weir.identifier',
  'weir.link',
  'weir.consent_state',
  'weir.sealed',
  'weir.audit_detail',
  'attribution.touch',
  'attribution.conversion',
  'attribution.link',
  'recommendation.view',
  'recommendation.order_line',
  'recommendation.link',
  'recommendation.basket',
] as const

/** How many rows there are in each table that holds something of people. */
export async function readRows({ owner }: Pick<TestApp, 'owner'>): Promise<Record<(typeof TABLES)[number], number>> {
  const counts = TABLES.map((table) => `(select count(*)::integer from ${table}) as "${table}"`)
  const { rows } = await owner.$client.query<Record<(typeof TABLES)[number], number>>(`select ${counts.join(', ')}`)
  return rows[0]!
}
