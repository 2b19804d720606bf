import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, order, type TestApp, track } from '../support/test-app.ts'

let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

test('what a person permitted arrives under a pseudonym, and nothing else arrives', async () => {
  await weir.grant('alice', 'personalisation')
  await weir.refuse('bob', 'personalisation')
  expect(
    await weir.send(track('alice', 'Product Viewed', { product_id: 'tea' }), order('alice', 'o-1', ['tea', 'cup'])),
  ).toEqual(['accepted', 'accepted'])
  expect(await weir.send(order('bob', 'o-2', ['tea', 'cup']), order('carol', 'o-3', ['tea', 'cup']))).toEqual([
    'refused',
    'refused',
  ])
  await weir.settle()
  const { rows } = await weir.owner.$client.query(
    'select count(distinct subject)::int as n from recommendation.order_line',
  )
  expect(rows[0].n).toBe(1)
})

test('what refusers and undecided bought is known as a sum and as nobody’s act', async () => {
  const bought = Array.from({ length: 12 }, (_, i) => order(`nobody-${i}`, `sum-${i}`, ['pot', 'cup']))
  expect(new Set(await weir.send(...bought))).toEqual(new Set(['refused']))
  // The same order told again, under another message id: counted once.
  await weir.send(order('nobody-0', 'sum-0', ['pot', 'cup']))
  const today = new Date().toISOString().slice(0, 10)
  const merchandiser = await weir.token('merchandiser')
  const { body } = await merchandiser.get(`/api/totals?from=${today}&to=${today}`)
  const sums = body.sums as { orders: number; units: number; value: string; currency: string }[]
  expect(sums).toMatchObject([{ currency: 'CNY', orders: 15, units: 30, value: '2970.00' }])
  // Three orders of tea alone would show: the smallest product that could be shown goes with it.
  const rows = body.rows as { product_id: string; orders: number; units: number }[]
  expect(rows.map(({ product_id, units }) => [product_id, units])).toEqual([
    ['other', 15],
    ['cup', 15],
  ])
})
