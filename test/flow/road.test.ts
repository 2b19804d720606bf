import { randomBytes, randomUUID } from 'node:crypto'
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

test('a browser’s order never stands in for the backend’s, and counts only where no backend tells orders', async () => {
  const sumsOf = async (shop: string): Promise<unknown[]> => {
    const { rows } = await weir.owner.$client.query(
      'select orders::int, value::int from weir.total_day where shop = $1 and currency = $2',
      [shop, 'CNY'],
    )
    return rows
  }
  const told = (id: string, price: number, more: object) => ({
    type: 'track',
    event: 'Order Completed',
    messageId: randomUUID(),
    properties: { order_id: id, currency: 'CNY', products: [{ product_id: 'vase', quantity: 1, price }] },
    ...more,
  })
  const device = { anonymousId: randomUUID(), anonymousSecret: randomBytes(32).toString('base64url') }
  const origin = { origin: 'https://shop.example' }
  const browser = await weir.source({ kind: 'browser', shop: 'porcelain', origins: [origin.origin] })
  const tell = (event: object) => browser.post('/v1/batch', { batch: [event] } as never, origin)

  expect((await tell(told('pre-1000', 5, device))).status).toBe(200)
  expect(await sumsOf('porcelain')).toEqual([{ orders: 1, value: 500 }])
  await tell(told('pre-1002', 5, { userId: 'made-up' })) // nobody behind it
  expect(await sumsOf('porcelain')).toEqual([{ orders: 1, value: 500 }])

  const backend = await weir.source({ kind: 'server', shop: 'porcelain' })
  await tell(told('pre-1001', 0, device))
  expect(await sumsOf('porcelain')).toEqual([{ orders: 1, value: 500 }])
  await backend.post('/v1/batch', { batch: [told('pre-1001', 80, { userId: 'ann' })] } as never)
  expect(await sumsOf('porcelain')).toEqual([{ orders: 2, value: 8500 }])
})
