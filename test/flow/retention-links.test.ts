import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, order, type TestApp, track } from '../support/test-app.ts'

const DAY_MS = 86_400_000

let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

async function count(table: string): Promise<number> {
  const { rows } = await weir.owner.$client.query<{ n: number }>(`select count(*)::int as n from ${table}`)
  return rows[0]!.n
}

test('what a module derives goes with the rows that it was derived from, and who counts as whom with the people', async () => {
  const choices = { attribution: true, personalisation: true }
  const anonymousId = randomUUID()
  await weir.server.post('/v1/consent', { anonymousId, choices })
  await weir.grant('ann', 'attribution', 'personalisation')
  await weir.send(
    { ...track('ann', 'Product Viewed', { product_id: 'tea' }), anonymousId },
    { ...order('ann', 'O-1', ['tea', 'cup']), anonymousId },
  )
  await weir.settle()
  const derived = ['recommendation.basket', 'recommendation.interest', 'recommendation.item']
  const links = ['attribution.link', 'recommendation.link']
  for (const table of [...derived, ...links]) expect(await count(table), table).toBeGreaterThan(0)

  weir.moveClock(1_100 * DAY_MS) // past the class of the order, the longest that there is
  await weir.app.maintain()
  for (const table of derived) expect(await count(table), table).toBe(0)
  for (const table of links) expect(await count(table), table).toBeGreaterThan(0) // they are people still

  weir.moveClock(63 * DAY_MS)
  await weir.app.maintain()
  for (const table of [...links, 'weir.link', 'weir.subject']) expect(await count(table), table).toBe(0)
})
