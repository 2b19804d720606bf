import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lockLog } from '../../../src/db/locks.ts'
import { transaction } from '../../../src/db/transaction.ts'
import { renewSubjectKey } from '../../../src/pipeline/renew-subject-key.ts'
import { refuseForgotten } from '../../../src/rights/erasure/guard.ts'
import { eraseNow } from '../../../src/rights/erasure/now.ts'
import { replayErasures } from '../../../src/rights/erasure/replay.ts'
import { subjectTagOf } from '../../../src/rights/erasure/subjects.ts'
import { placeHold } from '../../../src/rights/holds/place.ts'
import { subjectsBehind } from '../../../src/rights/people.ts'
import type { GivenIdentifier, Request } from '../../../src/rights/request.ts'
import { liftRestriction } from '../../../src/rights/restrict.ts'
import { findRequest, writeRequest } from '../../../src/rights/rows.ts'
import { advance } from '../../../src/rights/runner.ts'
import { provedRequest } from '../../support/proved-request.ts'
import { createTestApp, order, type TestApp, track } from '../../support/test-app.ts'
import { until } from '../../support/until.ts'

// Two acts about one person at one moment: neither may leave anything, or hold the other up for ever.
const DAY_MS = 86_400_000

let weir: TestApp
let deps: TestApp['app']['rights']['deps']

beforeAll(async () => {
  weir = await createTestApp({ coolingHours: 0 })
  deps = weir.app.rights.deps
})
afterAll(() => weir.stop())

async function somebody(): Promise<readonly GivenIdentifier[]> {
  const user = `u-${randomUUID()}`
  await weir.grant(user, 'attribution', 'personalisation')
  await weir.send(track(user, 'Product Viewed', { product_id: 'P-1' }), order(user, `o-${user}`, ['P-1']))
  await weir.settle()
  return [{ type: 'user_id', value: user, verified: true }]
}

const subjectsOf = (who: readonly GivenIdentifier[]) => subjectsBehind(weir.db, weir.keyring, who)
const read = async (id: string): Promise<Request> => (await findRequest(weir.db, id))!

/** Carries an erasure on until this step is done. */
async function carryTo(id: string, step: string): Promise<void> {
  await until(`${step} is done`, async () => {
    if ((await read(id)).step === step) return true
    await advance(deps as Parameters<typeof advance>[0], await read(id), AbortSignal.any([]))
    return (await read(id)).step === step
  })
}

async function finish(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await weir.app.rights.processAll()
    await weir.settle()
    weir.moveClock(60_000)
  }
}

test('two erasures of one person leave a database that starts', async () => {
  const who = await somebody()
  const ids = [await provedRequest(weir, 'erasure', who), await provedRequest(weir, 'erasure', who)]
  for (const id of ids) await carryTo(id, 'ledger')
  await finish()
  const states = await Promise.all(ids.map(async (id) => (await read(id)).state))
  expect(states.sort()).toEqual(['cancelled', 'completed_partial'])
  await expect(refuseForgotten(weir.db, deps.ledger, deps.log)).resolves.toBeUndefined()
})

test('an operator’s erasure that another one overtakes says so, and ends', async () => {
  const identifiers = await somebody()
  const ask = { identifiers, caseId: 'DSR-1', regime: 'PIPL', language: 'en' } as const
  const [one, other] = await Promise.allSettled([eraseNow(deps, ask), eraseNow(deps, ask)])
  const [lost] = [one, other].filter((each) => each.status === 'rejected')
  expect([one.status, other.status].sort()).toEqual(['fulfilled', 'rejected'])
  expect(lost?.reason).toMatchObject({ code: expect.stringMatching(/^(erased-already|nobody-known)$/) })
  await expect(refuseForgotten(weir.db, deps.ledger, deps.log)).resolves.toBeUndefined()
})

test('a key that is renewed after the keys went stays nobody’s, and no receipt waits for it', async () => {
  const who = await somebody()
  const [subject] = await subjectsOf(who)
  const id = await provedRequest(weir, 'erasure', who)
  await carryTo(id, 'keys')
  const renewing = {
    db: weir.db,
    keyring: weir.keyring,
    classNames: new Map<number, string>(),
    now: deps.now,
    actor: 'cli',
  }
  await expect(renewSubjectKey(renewing, subject!)).rejects.toThrow('erased')
  await finish()
  expect((await read(id)).state).toBe('completed_partial')
  const { rows } = await weir.owner.$client.query('select from weir.subject_key where subject_id = $1', [subject])
  expect(rows).toEqual([])
})

test('a hold that waited for the erasure is refused', async () => {
  const who = await somebody()
  const id = await provedRequest(weir, 'erasure', who)
  await carryTo(id, 'modules')
  const expiresOn = new Date(deps.now() + 90 * DAY_MS).toISOString().slice(0, 10)
  const asked = {
    identifier: who[0]!,
    scope: ['behaviour'],
    expiresOn,
    authority: 'Court',
    reference: '2026/1',
    caseId: 'L-1',
  }
  const waiting = async (): Promise<number> => {
    const { rows } = await weir.owner.$client.query<{ n: number }>(
      `select count(*)::int as n from pg_locks l join pg_database d on d.oid = l.database
       where d.datname = current_database() and locktype = 'advisory' and not granted`,
    )
    return rows[0]!.n
  }
  const { erasing, holding } = await transaction(weir.owner, async (tx) => {
    await lockLog(tx) // the erasure stops there, with the person's lock in its hands
    const erasing = advance(deps as Parameters<typeof advance>[0], await read(id), AbortSignal.any([]))
    await until('the erasure waits', async () => (await waiting()) === 1)
    const holding = placeHold(deps, { kind: 'cli', id: 'cli' }, asked).catch((error: unknown) => error)
    await until('the hold waits', async () => (await waiting()) === 2)
    return { erasing, holding }
  })
  await erasing
  expect(await holding).toMatchObject({ code: 'erasure-under-way' })
  await finish()
  expect((await read(id)).state).toBe('completed_partial')
})

test('who takes one of two erasures back stays restricted by the other, which an officer has yet to look at', async () => {
  const who = await somebody()
  const [one, other] = [await provedRequest(weir, 'erasure', who), await provedRequest(weir, 'erasure', who)]
  await transaction(weir.db, (tx) => writeRequest(tx, other, { needsOfficer: true }))
  for (const id of [one, other])
    await advance(deps as Parameters<typeof advance>[0], await read(id), AbortSignal.any([]))
  expect((await read(other)).state).toBe('verified')
  await transaction(weir.db, (tx) => liftRestriction(tx, deps, one))
  const { rows } = await weir.owner.$client.query('select restricted_by from weir.subject where subject_id = any($1)', [
    await subjectsOf(who),
  ])
  expect(rows).toEqual([{ restricted_by: other }])
  await transaction(weir.db, (tx) => writeRequest(tx, other, { needsOfficer: false }))
  await finish()
})

test('what was asked before an erasure goes when it is replayed, at the first try', async () => {
  const who = await somebody()
  const access = await provedRequest(weir, 'access', who)
  await finish()
  const subjects = (await subjectsOf(who)).map((one) =>
    subjectTagOf(weir.keyring.tombstoneKey, one).toString('base64url'),
  )
  await deps.ledger.append({ v: 1, id: randomUUID(), at: new Date(deps.now()).toISOString(), subjects, tombstones: [] })
  await expect(replayErasures(deps, { withoutLedger: false })).resolves.toMatchObject({ erasures: 1, subjects: 1 })
  const { rows } = await weir.owner.$client.query(
    'select request_id from weir.request_content where request_id = $1 union select request_id from weir.request_person where request_id = $1',
    [access],
  )
  expect(rows).toEqual([])
})
