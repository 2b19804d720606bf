import { afterAll, beforeAll, expect, test } from 'vitest'
import { eraseNow } from '../../../src/rights/erasure/now.ts'
import { subjectOf } from '../../support/stored.ts'
import { createTestApp, order, type TestApp } from '../../support/test-app.ts'

let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

async function places(): Promise<{ after: string | null; cursors: string[] }> {
  const { rows } = await weir.owner.$client.query<{ after: string | null; cursors: string[] }>(
    `select (select min(telling_after::text) from weir.module_root) as after,
       (select array_agg(cursor order by step) from weir.retention_step) as cursors`,
  )
  return rows[0]!
}

test('work that remembers whom it did last forgets who is erased, and goes on from a little before', async () => {
  await weir.grant('ann', 'personalisation', 'attribution')
  await weir.grant('ben', 'personalisation', 'attribution')
  await weir.send(order('ann', 'o-1', ['tea']), order('ben', 'o-2', ['tea']))
  await weir.settle()
  const [ann, ben] = [await subjectOf(weir, 'user_id', 'ann'), await subjectOf(weir, 'user_id', 'ben')]
  await weir.owner.$client.query('update weir.module_root set telling_after = $1', [ann])
  const { rows } = await weir.owner.$client.query<{ run_id: bigint }>(
    `insert into weir.retention_run (plan_hash, plan, started_at) values ('x', '{}', now()) returning run_id`,
  )
  for (const [step, cursor] of [
    ['1', `${ann} 17`],
    ['2', ann],
    ['3', ben],
    ['4', 'touch:12'],
  ]) {
    await weir.owner.$client.query(
      'insert into weir.retention_step (run_id, step, rows_done, cursor, finished) values ($1, $2, 1, $3, false)',
      [rows[0]!.run_id, step, cursor],
    )
  }
  const identifiers = [{ type: 'user_id', value: 'ann', verified: true }] as const
  await eraseNow(weir.app.rights.deps, { identifiers, caseId: 'DSR-1', regime: 'GDPR', language: 'en' }) // the scan finds nothing
  const before = `${ann!.slice(0, 4)}0000-0000-0000-0000-000000000000`
  expect(await places()).toEqual({ after: before, cursors: [`${before} 17`, before, ben, 'touch:12'] })
  expect(before < ann!).toBe(true)
})
