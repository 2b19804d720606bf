import { afterAll, beforeAll, expect, test } from 'vitest'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { measureDrift, violationsOf } from '../../src/retention/drift.ts'
import { readRuling } from '../../src/retention/ruling.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

async function probes(): Promise<number> {
  const { rows } = await weir.owner.$client.query<{ n: number }>(
    'select count(*)::int as n from weir.event_log where kind = 3',
  )
  return rows[0]!.n
}

test('probes from before days in which no node ran go with the first housekeeping', async () => {
  await weir.server.get('/readyz')
  await weir.settle()
  expect(await probes()).toBeGreaterThan(0)
  await weir.owner.$client.query(`select weir.ensure_log_partitions(current_date - 9, 1)`)
  await weir.owner.$client.query(
    `update weir.event_log set received_at = received_at - interval '9 days', at_day = at_day - 9 where kind = 3`,
  )
  await weir.app.maintain()
  expect(await probes()).toBe(0)
  const ruling = await readRuling(weir.db, { modules: [attribution, recommendation], now: Date.now() })
  expect(violationsOf(await measureDrift(weir.db, ruling, { thorough: true }))).toEqual([])
})

test('neither taking probes nor measuring their age reads the log', async () => {
  const { rows } = await weir.owner.$client.query<{ 'QUERY PLAN': string }>(
    'explain select min(received_at) from weir.event_log where kind = 3',
  )
  expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/received_at_idx/)
})
