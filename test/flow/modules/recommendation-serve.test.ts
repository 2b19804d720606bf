import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Db, openPool, type Tx } from '../../../src/db/pool.ts'
import { transaction } from '../../../src/db/transaction.ts'
import type { Delivered, JsonObject } from '../../../src/event/event.ts'
import type { LogPosition, Pseudonym, Token } from '../../../src/event/ids.ts'
import { RECOMMENDATION_ROLE, recommendation } from '../../../src/modules/recommendation/recommendation.ts'
import { type Answer, forContext, forPerson, type Placement } from '../../../src/modules/recommendation/serve.ts'
import { createTestDatabase, type TestDatabase } from '../../support/test-database.ts'

let database: TestDatabase
let db: Db
let nextKey = 0
beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool({ url: database.appUrl, max: 2 })
})
afterAll(async () => {
  await db?.$client.end()
  await database?.drop()
})
beforeEach(async () => {
  const owner = openPool({ url: database.ownerUrl, max: 1 })
  await owner.$client.query(`truncate recommendation.view, recommendation.cart_change, recommendation.order_line,
    recommendation.order_return, recommendation.link, recommendation.basket, recommendation.interest, recommendation.item`)
  await owner.$client.query('update recommendation.state set orders = 0')
  await owner.$client.end()
})

const person = (name: string): Pseudonym => `p1.${name}` as Pseudonym

function event(by: string, name: string, properties: JsonObject, at = '2010-01-05'): Delivered {
  nextKey += 1
  return {
    position: BigInt(nextKey) as LogPosition,
    eventKey: `t1.key${nextKey}` as Token,
    subject: person(by),
    name,
    at,
    fields: { properties },
    consentEpoch: 1,
    purpose: 'personalisation',
    told: 'server',
    shop: 'main',
  }
}

const viewed = (by: string, item: string): Delivered => event(by, 'Product Viewed', { product_id: item })
const ordered = (by: string, id: string, ...items: string[]): Delivered =>
  event(by, 'Order Completed', { order_id: `t1.${id}`, products: items.map((product_id) => ({ product_id })) })
/** `count` people order the items together, one order each. */
const crowd = (count: number, ...items: string[]): Delivered[] =>
  Array.from({ length: count }, (_, i) => ordered(`buyer${i}-${items.join()}`, `order${i}-${items.join()}`, ...items))

const asModule = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
  transaction(db, async (tx) => {
    await tx.$client.query(`set local role ${RECOMMENDATION_ROLE}`)
    return work(tx)
  })
const handle = (...batch: Delivered[]): Promise<void> => asModule((tx) => recommendation.handle(tx, batch))
const context = (placement: Placement, productId?: string): Promise<Answer> =>
  transaction(db, (tx) => forContext(tx, { placement, n: 5, ...(productId === undefined ? {} : { productId }) }))
const personal = (placement: Placement, ...names: string[]): Promise<Answer> =>
  transaction(db, (tx) => forPerson(tx, { placement, n: 5, subjects: names.map(person) }))
const brief = (answer: Answer): string[] =>
  answer.items.map(({ stage, product_id, why }) => `${stage} ${product_id}: ${why.together} of ${why.of}`)

describe('recommendations', () => {
  test('say what is bought together, in how many orders, then fill up with what most people buy', async () => {
    await handle(...crowd(6, 'mug', 'plate'), ...crowd(8, 'bowl'))
    const answer = await context('also_bought', 'mug')
    expect(brief(answer)).toEqual(['also_bought plate: 6 of 6', 'popular bowl: 8 of 14'])
    expect(answer.items[0]?.why).toEqual({
      code: 'bought_together',
      together: 6,
      of: 6,
      en: 'bought together in 6 of 6 orders',
      'zh-CN': '6 笔订单中有 6 笔同时购买',
    })
    expect(answer.items[0]?.score).toBeCloseTo((6 / 6) * (6 / 26))
  })

  test('say nothing that fewer than five buyers stand behind, however often they bought', async () => {
    await handle(...crowd(4, 'mug', 'plate'))
    for (let i = 0; i < 20; i++) await handle(ordered('fan', `fan${i}`, 'mug', 'bowl'))
    expect(brief(await context('also_bought', 'mug'))).toEqual([])
    await handle(ordered('fifth', 'fifth', 'mug', 'plate'))
    expect(brief(await context('also_bought', 'mug'))).toEqual(['also_bought plate: 5 of 25'])
  })

  test('count two linked devices as one buyer, and as two again when the link is undone', async () => {
    await handle(
      ...crowd(3, 'mug', 'plate'),
      ordered('phone', 'o1', 'mug', 'plate'),
      ordered('laptop', 'o2', 'mug', 'plate'),
    )
    expect(brief(await context('also_bought', 'mug'))).toHaveLength(1)
    await asModule((tx) => recommendation.relink(tx, person('phone'), person('laptop')))
    expect(brief(await context('also_bought', 'mug'))).toEqual([])
    await asModule((tx) => recommendation.relink(tx, person('phone'), person('phone')))
    expect(brief(await context('also_bought', 'mug'))).toHaveLength(1)
  })

  test('forget an order that was cancelled, also where the cancellation came first', async () => {
    const cancelled = (by: string, id: string): Delivered => event(by, 'Order Cancelled', { order_id: `t1.${id}` })
    await handle(...crowd(5, 'mug', 'plate'), cancelled('late', 'late'))
    await handle(ordered('late', 'late', 'mug', 'plate'))
    expect(brief(await context('also_bought', 'mug'))).toEqual(['also_bought plate: 5 of 5'])
    await handle(cancelled('buyer0-mug,plate', 'order0-mug,plate'))
    expect(brief(await context('also_bought', 'mug'))).toEqual([])
  })

  test('take back only the products of a partial refund, and only by who ordered', async () => {
    await handle(...crowd(5, 'mug', 'plate', 'bowl'))
    const refund = (by: string, ...products: string[]): Delivered =>
      event(by, 'Order Refunded', {
        order_id: 't1.order0-mug,plate,bowl',
        products: products.map((product_id) => ({ product_id })),
      })
    await handle(refund('stranger', 'plate'))
    expect(brief(await context('also_bought', 'mug'))).toHaveLength(2)
    await handle(refund('buyer0-mug,plate,bowl', 'plate'))
    expect(brief(await context('also_bought', 'mug'))).toEqual(['also_bought bowl: 5 of 5'])
  })

  test('change at once when a buyer is erased', async () => {
    await handle(...crowd(5, 'mug', 'plate'))
    const before = await context('also_bought', 'mug')
    await asModule((tx) => recommendation.erase(tx, person('buyer3-mug,plate')))
    const after = await context('also_bought', 'mug')
    expect([brief(before), brief(after)]).toEqual([['also_bought plate: 5 of 5'], []])
    expect(after.snapshot).not.toBe(before.snapshot)
  })

  test('answer an unknown product with popular ones and say so; views count after purchases', async () => {
    await handle(...crowd(5, 'mug'), ...['a', 'b', 'c', 'd', 'e'].map((by) => viewed(by, 'vase')))
    const answer = await context('also_bought', 'never seen')
    expect(brief(answer)).toEqual(['popular mug: 5 of 5', 'popular vase: 5 of null'])
    expect(answer.items[1]?.why).toMatchObject({ code: 'most_viewed', en: 'viewed by 5 people' })
  })

  test('answer an empty shop with an empty list', async () => {
    expect(await context('popular')).toMatchObject({ mode: 'context', placement: 'popular', items: [] })
  })

  test('for a person go from what they looked at, and never show what they have ordered', async () => {
    await handle(...crowd(9, 'mug', 'plate'), ...crowd(7, 'mug', 'bowl'), ...crowd(6, 'lamp'))
    await handle(viewed('alice', 'mug'), ordered('alice', 'alice1', 'plate'))
    const answer = await personal('for_you', 'alice')
    expect(brief(answer)).toEqual(['personal bowl: 7 of 16', 'popular mug: 16 of 23', 'popular lamp: 6 of 23'])
    expect(brief(await personal('popular', 'alice'))).not.toContain('plate')
  })

  test('for a person use the pseudonyms given and no others, linked or not', async () => {
    await handle(...crowd(9, 'mug', 'plate'), viewed('phone', 'mug'))
    await asModule((tx) => recommendation.relink(tx, person('phone'), person('laptop')))
    expect((await personal('for_you', 'laptop')).items.map((item) => item.stage)).toEqual(['popular', 'popular'])
    expect((await personal('for_you', 'laptop', 'phone')).items[0]).toMatchObject({
      product_id: 'plate',
      stage: 'personal',
    })
  })

  test('for a person drop what was taken out of the cart again', async () => {
    await handle(...crowd(9, 'mug', 'plate'), event('alice', 'Product Added', { product_id: 'mug' }))
    expect((await personal('for_you', 'alice')).items[0]?.stage).toBe('personal')
    await handle(event('alice', 'Product Removed', { product_id: 'mug' }))
    expect((await personal('for_you', 'alice')).items[0]?.stage).toBe('popular')
  })

  test('for a person about a product begin with what goes with it', async () => {
    await handle(...crowd(9, 'mug', 'plate'), ...crowd(8, 'cup', 'spoon'), viewed('alice', 'cup'))
    const answer = await transaction(db, (tx) =>
      forPerson(tx, { placement: 'also_bought', productId: 'mug', n: 3, subjects: [person('alice')] }),
    )
    expect(answer.items.map(({ stage, product_id }) => `${stage} ${product_id}`)).toEqual([
      'also_bought plate',
      'personal spoon',
      'popular cup',
    ])
  })
})
