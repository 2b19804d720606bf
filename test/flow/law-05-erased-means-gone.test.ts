import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import { type ErasedNow, eraseNow } from '../../src/rights/erasure/now.ts'
import { readRows } from '../support/person-rows.ts'
import { createTestApp, order, type TestApp, track } from '../support/test-app.ts'

let weir: TestApp

beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

async function erase(userId: string): Promise<ErasedNow> {
  return eraseNow(weir.app.rights.deps, {
    identifiers: [{ type: 'user_id', value: userId, verified: true }],
    caseId: 'DSR-1',
    regime: 'PIPL',
    language: 'zh-CN',
  })
}

describe('a person of a user id and two devices, erased', () => {
  const user = `leakmark-${randomUUID()}`
  const devices = [randomUUID(), randomUUID()]
  const sentBefore = { type: 'track', event: 'Product Viewed', userId: user, messageId: randomUUID(), timestamp: '' }
  let before: Awaited<ReturnType<typeof readRows>>
  let erased: ErasedNow

  beforeAll(async () => {
    await weir.grant(user, 'attribution', 'personalisation', 'analytics')
    await weir.grant('another', 'attribution', 'personalisation')
    for (const anonymousId of devices) {
      await weir.server.post('/v1/consent', {
        userId: user,
        anonymousId,
        choices: { personalisation: true, attribution: true },
      })
      await weir.send(track(user, 'Product Viewed', { product_id: 'P-1' }, { anonymousId }), {
        ...order(user, `o-${anonymousId}`, ['P-1', 'P-2']),
        anonymousId,
      })
    }
    await weir.send(track(user, 'Product Viewed', { product_id: 'P-3' }), order('another', 'o-2', ['P-1', 'P-2']))
    sentBefore.timestamp = new Date().toISOString()
    await weir.settle()
    before = await readRows(weir)
    erased = await erase(user)
  })

  test('was in the tables before, in those of modules too', () => {
    expect(before).toMatchObject({
      'weir.subject': 4,
      'weir.link': 2,
      'attribution.conversion': expect.any(Number),
      'recommendation.order_line': expect.any(Number),
    })
  })

  test('leaves rows of nobody but the others', async () => {
    const after = await readRows(weir)
    expect(after['weir.subject']).toBe(1)
    expect(after['weir.link']).toBe(0)
    expect(after['recommendation.order_line']).toBe(2)
  })

  test('is looked for everywhere, and a receipt says so', () => {
    expect(erased.columns).toBeGreaterThan(100)
    expect(erased.receipt.split('.')).toHaveLength(3)
  })

  test('does not come back by an event of before that is sent again, or late', async () => {
    const outcomes = await weir.send(sentBefore, { ...sentBefore, messageId: randomUUID() })
    expect(outcomes).toEqual(['suppressed', 'suppressed'])
    expect((await readRows(weir))['weir.subject']).toBe(1)
  })

  test('does not come back by a choice of before', async () => {
    const answer = await weir.server.post('/v1/consent', {
      userId: user,
      choices: { analytics: true },
      at: sentBefore.timestamp,
    })
    expect([answer.status, answer.body.code]).toEqual([409, 'choice-outdated'])
  })

  test('may register again, as somebody new', async () => {
    await weir.grant(user, 'personalisation')
    expect(await weir.send(track(user, 'Product Viewed', { product_id: 'P-9' }))).toEqual(['accepted'])
    await weir.settle()
    expect((await readRows(weir))['weir.subject']).toBe(2)
  })
})

test('somebody whom nobody knows cannot be erased', async () => {
  await expect(erase('nobody-of-this-name')).rejects.toThrow(AppError)
})
