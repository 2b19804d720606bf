import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { measureLinkability, type PairLinkability } from '../../src/pipeline/linkability.ts'
import { createPseudonymisers } from '../../src/pipeline/pseudonymisers.ts'
import { policyWith } from '../support/recording-module.ts'
import { readRetail, retailIsThere } from '../support/retail.ts'
import { sendToBoth } from '../support/retail-for-all.ts'
import { runCommand } from '../support/run-command.ts'
import { createTestApp, order, type TestApp } from '../support/test-app.ts'

const HOUR = 3_600_000
const DAY_MS = 86_400_000
const LINES = process.env.WEIR_TEST_LONG === '1' ? Number.POSITIVE_INFINITY : 15_000

async function measure(weir: TestApp, limit?: number): Promise<PairLinkability> {
  const { keyring } = weir
  const pseudonymisers = createPseudonymisers(keyring)
  const { destinationIds } = weir.app.active()
  const hosted = [attribution, recommendation].map((module) => ({
    destinationId: destinationIds.get(module.name)!,
    module,
    keyring,
    pseudonymisers,
    now: Date.now,
  }))
  const pairs = await measureLinkability({ db: weir.db, hosted, limit })
  expect(pairs).toHaveLength(1)
  return pairs[0]!
}

test('who came alone on a day is found again by it, who came with others is not; the audit log has it first', async () => {
  const weir = await createTestApp()
  try {
    const days = [1, 2, 3, 3, 4, 4, 4]
    for (const [i, ago] of days.entries()) {
      await weir.grant(`day-${i}`, 'personalisation', 'attribution')
      const timestamp = new Date(Date.now() - ago * DAY_MS).toISOString()
      await weir.send({ ...order(`day-${i}`, `O-${i}`, ['tea']), timestamp })
    }
    await weir.settle()
    const found = await measure(weir, 0.25)
    expect(found).toMatchObject({ a: 'attribution', b: 'recommendation', people: 7, linked: 2, limit: 0.25, ok: false })
    expect(found.by).toMatchObject({ b: expect.stringMatching(/order_line|all/), columns: [] })
    expect(await measure(weir, 0.3)).toMatchObject({ ok: true })
    expect(await measure(weir)).toMatchObject({ limit: 0, ok: false }) // none stated: none allowed
    expect(await weir.entries('linkability.measure')).toHaveLength(3)

    const keys = dirname(weir.keyset.path)
    const told = await runCommand(['policy', 'linkability', '--json'], {
      DATABASE_URL: weir.database.ownerUrl,
      WEIR_DATA_DIR: keys,
      WEIR_KEYS: `file:${keys}`,
    })
    expect(told.stderr).toBe('')
    const { pairs } = JSON.parse(told.stdout) as { pairs: PairLinkability[] }
    expect(pairs).toMatchObject([{ a: 'attribution', b: 'recommendation', people: 7, linked: 2, share: 2 / 7 }])
    expect(told.code).toBe(pairs.every(({ ok }) => ok) ? 0 : 1)
    expect(told.stdout).not.toMatch(/[pt]\d\.|day-|O-\d|tea/)
  } finally {
    await weir.stop()
  }
})

const ROLLING =
  (days: number, where: RegExp) =>
  (text: string): string =>
    text.replace(where, (line) => `${line}\n    pseudonyms: rolling\n    rolling_days: ${days}`)

describe.skipIf(!retailIsThere())('on the orders of the real gift shop', { timeout: HOUR }, () => {
  test.each([
    ['both linkable', undefined],
    ['recommendation rolling, 30 days', ROLLING(30, /^ {4}time: day.*$/m)],
    ['both rolling, 30 days', ROLLING(30, /^ {4}time: (day|minute).*$/gm)],
    ['both rolling, 20 days', ROLLING(20, /^ {4}time: (day|minute).*$/gm)],
  ] as const)('the share is measured: %s', async (what, change) => {
    const policyDir = change === undefined ? undefined : await policyWith(change)
    const weir = await createTestApp(policyDir === undefined ? {} : { policyDir })
    try {
      const { people, events } = await sendToBoth(weir, await readRetail({ maxLines: LINES }))
      const started = performance.now()
      const found = await measure(weir, 1)
      const { rows } = await weir.owner.$client.query(
        'select count(distinct at::date)::int as days from attribution.conversion',
      )
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      console.log(
        `linkability, ${what}: ${JSON.stringify(found)}; ${people} customers, ${events} events, ${rows[0].days} days, ${seconds} s`,
      )
      expect(found.people).toBeGreaterThan(100)
      expect(found.linked).toBeLessThanOrEqual(found.people)
    } finally {
      await weir.stop()
      if (policyDir !== undefined) await rm(policyDir, { recursive: true })
    }
  })
})
