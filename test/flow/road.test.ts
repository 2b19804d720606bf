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
  expect(await weir.send(track('alice', 'Product Viewed', { product_id: 'tea' }), order('alice', 'o-1', ['tea', 'cup']))).toEqual([
    'accepted',
    'accepted',
  ])
  expect(await weir.send(order('bob', 'o-2', ['tea', 'cup']), order('carol', 'o-3', ['tea', 'cup']))).toEqual(['refused', 'refused'])
  await weir.settle()
  const { rows } = await weir.owner.$client.query('select count(distinct subject)::int as n from recommendation.order_line')
  expect(rows[0].n).toBe(1)
})
