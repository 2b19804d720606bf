import { afterAll, beforeAll, expect, test } from 'vitest'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { readDestinationIds } from '../../src/policy/registry.ts'
import { readRuling } from '../../src/retention/ruling.ts'
import { type Ran, type RunOrder, runDue } from '../../src/retention/run.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

async function run(order: RunOrder, signal?: AbortSignal): Promise<Ran | undefined> {
  const deps = {
    db: weir.db,
    ruling: await readRuling(weir.db, { modules: [attribution, recommendation], now: Date.now() }),
    destinations: () => Promise.resolve([]),
    destinationIds: await readDestinationIds(weir.db),
    forget: () => undefined,
    actor: 'weir' as const,
    signal,
  }
  return runDue(deps, order)
}

async function makeViews(prefix: string, rows: number): Promise<void> {
  await weir.owner.$client.query(
    `insert into recommendation.view (subject, event_key, item, day)
     select 'p1.old', 't1.' || $1::text || g, 'mug', '2020-01-01' from generate_series(1, $2::integer) g`,
    [prefix, rows],
  )
}

test('a run that was broken off does not carry a fuse that blows after it', async () => {
  await makeViews('few', 3)
  expect(await run({}, AbortSignal.abort())).toMatchObject({ finished: false })
  await makeViews('many', 5_000)
  await expect(run({})).rejects.toMatchObject({ code: 'fuse-blown' })
  const { rows } = await weir.owner.$client.query<{ n: number }>('select count(*)::int as n from recommendation.view')
  expect(rows[0]!.n).toBe(5_003)
})

test('a fuse that was lifted for a run stays lifted until that run is done, and no longer', async () => {
  expect(await run({ liftFuse: 'Zhang Wei' }, AbortSignal.abort())).toMatchObject({ resumed: true, finished: false })
  expect(await run({})).toMatchObject({ resumed: true, taken: { 'recommendation.view:delete': 5_003 } })
  await makeViews('again', 5_000)
  await expect(run({})).rejects.toMatchObject({ code: 'fuse-blown' })
})
