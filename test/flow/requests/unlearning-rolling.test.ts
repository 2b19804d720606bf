import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import { rollKey } from '../../../src/keys/roll.ts'
import { eraseNow } from '../../../src/rights/erasure/now.ts'
import { subjectsBehind } from '../../../src/rights/people.ts'
import { proveSample, proveUnlearned } from '../../../src/rights/prove.ts'
import { needlesOf } from '../../../src/rights/scan/needles.ts'
import { scanDatabase } from '../../../src/rights/scan/scan.ts'
import { policyWith } from '../../support/recording-module.ts'
import { createTestApp, order, type TestApp, track } from '../../support/test-app.ts'

const DAY_MS = 86_400_000
let weir: TestApp
let policyDir: string
let shift = 0
beforeAll(async () => {
  policyDir = await policyWith((text) =>
    text.replace(/^ {4}time: (minute|day).*$/gm, (line) => `${line}\n    pseudonyms: rolling\n    rolling_days: 30`),
  )
  weir = await createTestApp({ policyDir })
})
afterAll(async () => {
  await weir.stop()
  await rm(policyDir, { recursive: true })
})

function daysAgo(days: number): { timestamp: string } {
  return { timestamp: new Date(Date.now() + shift - days * DAY_MS - 60_000).toISOString() }
}

async function provedAll(): Promise<boolean[]> {
  const { deps } = weir.app.rights
  const proofs = [...(await proveUnlearned(deps)), ...(await proveSample(deps, 4))]
  return proofs.map(({ equalToRebuild }) => equalToRebuild)
}

test('under pseudonyms that roll, over several periods and a new root, an erasure is whole and proved', async () => {
  const devices = { ann: randomUUID(), bob: randomUUID() }
  for (const who of ['ann', 'bob'] as const) {
    await weir.grant(who, 'personalisation', 'attribution')
    for (const ago of [0, 31, 62, 93]) {
      await weir.send(
        { ...track(who, 'Product Viewed', { product_id: `p-${ago}` }, daysAgo(ago)), anonymousId: devices[who] },
        { ...order(who, `${who}-${ago}`, ['tea', `p-${ago}`]), ...daysAgo(ago) },
      )
    }
  }
  await weir.settle()
  expect(await provedAll()).toEqual([true, true, true, true])

  shift += 35 * DAY_MS
  weir.moveClock(35 * DAY_MS)
  await weir.send(track('bob', 'Product Viewed', { product_id: 'later' }, daysAgo(0)))
  await weir.settle()
  expect(await provedAll()).toEqual([true, true, true, true])

  await rollKey({ db: weir.db, provider: weir.keys, keyring: weir.keyring, now: Date.now, actor: 'cli' }, 'pseudonym')
  await weir.app.refreshKeys()
  await weir.settle()
  const { deps } = weir.app.rights
  const identifiers = [{ type: 'user_id', value: 'ann', verified: true }] as const
  const subjects = await subjectsBehind(deps.db, deps.keyring, identifiers)
  const needles = await transaction(deps.db, (tx) =>
    needlesOf(tx, { keyring: deps.keyring, holders: deps.holders() }, { subjects, identifiers }),
  )
  expect(needles.keyed.filter((one) => one.startsWith('p2.')).length).toBeGreaterThan(20) // each period, each root
  expect((await scanDatabase(deps.db, needles)).hits.map(({ table }) => table)).toContain('recommendation.view')
  await eraseNow(deps, { identifiers, caseId: 'DSR-1', regime: 'GDPR', language: 'en' })
  expect((await scanDatabase(deps.db, needles)).hits).toEqual([])
  expect(await provedAll()).toEqual([true, true, true, true])
})
