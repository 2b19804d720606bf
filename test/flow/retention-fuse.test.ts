import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { readDestinationIds } from '../../src/policy/registry.ts'
import { makePlan, type Plan } from '../../src/retention/plan.ts'
import { readRuling } from '../../src/retention/ruling.ts'
import { type Ran, type RunOrder, runDue } from '../../src/retention/run.ts'
import { approvedFuse } from '../support/lifted-fuse.ts'
import { makeOfficer, signedIn } from '../support/officers.ts'
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

async function planned(): Promise<Plan> {
  return makePlan(weir.db, await readRuling(weir.db, { modules: [attribution, recommendation], now: Date.now() }))
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

test('on a system without officers it says how to add them, whatever is named', async () => {
  const said = /nothing was taken.*none yet: weir officer add.*--role compliance, and a second one/
  await expect(run({})).rejects.toThrow(said)
  await expect(run({ liftFuse: 'Zhang Wei' })).rejects.toMatchObject({
    code: 'fuse-not-approved',
    message: expect.stringContaining('weir officer add'),
  })
})

test('with officers it says who asks and who approves, and a name lifts nothing', async () => {
  await makeOfficer(weir, 'compliance')
  await makeOfficer(weir, 'auditor')
  const { hash } = await planned()
  await expect(run({})).rejects.toThrow(
    new RegExp(`kind retention-fuse, plan ${hash}\\) and another approves; then: .*--lift-fuse ID`),
  )
  await expect(run({ liftFuse: 'Zhang Wei' })).rejects.toThrow(/takes the id of a request/)
})

test('an approval of another plan, one that nobody gave, one that was refused and one whose time is over lift nothing', async () => {
  const { hash } = await planned()
  const [asker, approver] = [await signedIn(weir, 'compliance'), await signedIn(weir, 'compliance')]
  const request = { kind: 'retention-fuse', plan: hash, caseId: 'OPS-1', reason: 'a jump of the clock', minutes: 1 }
  const ask = async (): Promise<string> => String((await asker.call('POST', '/api/disclosures', request)).body.id)
  const [waiting, refused] = [await ask(), await ask()]
  await approver.call('POST', `/api/disclosures/${refused}/refusal`)
  const over = await approvedFuse(weir, hash)
  await weir.owner.$client.query('alter table weir.disclosure disable trigger disclosure_only_goes_on')
  await weir.owner.$client.query('update weir.disclosure set expires_at = now() where disclosure_id = $1', [over])
  await weir.owner.$client.query('alter table weir.disclosure enable trigger disclosure_only_goes_on')
  for (const liftFuse of [await approvedFuse(weir, 'a'.repeat(64)), waiting, refused, over, randomUUID()]) {
    await expect(run({ liftFuse })).rejects.toMatchObject({ code: 'fuse-not-approved' })
  }
  const { rows } = await weir.owner.$client.query<{ n: number }>('select count(*)::int as n from recommendation.view')
  expect(rows[0]!.n).toBe(5_003)
})

test('a fuse that was lifted for a run stays lifted until that run is done, and no longer; the approval holds once', async () => {
  const liftFuse = await approvedFuse(weir, (await planned()).hash)
  expect(await run({ liftFuse }, AbortSignal.abort())).toMatchObject({ resumed: true, finished: false })
  expect(await run({})).toMatchObject({ resumed: true, taken: { 'recommendation.view:delete': 5_003 } })
  await makeViews('again', 5_000)
  await expect(run({})).rejects.toMatchObject({ code: 'fuse-blown' })
  await expect(run({ liftFuse })).rejects.toMatchObject({ code: 'fuse-not-approved' })
})
