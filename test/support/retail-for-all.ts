import type { JsonObject } from '../../src/event/event.ts'
import type { Retail } from './retail.ts'
import { batchesOf, customerId, daysToShift, messagesOf, type RetailMessage } from './retail-shop.ts'
import type { TestApp } from './test-app.ts'

const SOURCES = ['mail', 'search', 'partner', 'social']
const AT_ONCE = 8

/** Every order of a customer of the file, with its value and how the customer came, and every customer's permission for all of it. */
export async function sendToBoth(
  weir: TestApp,
  retail: Retail,
): Promise<{ people: number; events: number; rawIds: Set<string> }> {
  const customers = new Set([...retail.orders, ...retail.cancellations].flatMap(({ customer }) => customer ?? []))
  await inTurns([...customers], (one) => weir.grant(customerId(one), 'personalisation', 'attribution'))
  const messages = messagesOf(retail, daysToShift(retail, Date.now()))
    .filter(({ body }) => typeof body.userId === 'string')
    .map(withValue)
  await inTurns(batchesOf(messages), async (batch) => {
    const outcomes = await weir.send(...batch.map(({ body }) => body))
    if (outcomes.some((outcome) => outcome !== 'accepted')) throw new Error('an order was not taken')
  })
  await weir.settle()
  const rawIds = new Set<string>()
  for (const { body } of messages) {
    rawIds.add(String(body.userId)).add(String(body.messageId))
    rawIds.add(String((body.properties as JsonObject).order_id))
  }
  return { people: customers.size, events: messages.length, rawIds }
}

function withValue(message: RetailMessage, i: number): RetailMessage {
  const properties = message.body.properties as JsonObject
  const lines = properties.products as { price: number; quantity?: number }[]
  const total = lines.reduce((sum, { price, quantity = 1 }) => sum + Math.round(price * 100) * quantity, 0) / 100
  const context = { campaign: { source: SOURCES[i % SOURCES.length]! } }
  return { ...message, body: { ...message.body, context, properties: { ...properties, total } } }
}

async function inTurns<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const queue = [...all]
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let one = queue.shift(); one !== undefined; one = queue.shift()) await work(one)
    }),
  )
}
