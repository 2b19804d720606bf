import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KITS, PRODUCTS } from '../../../src/demo/catalogue.ts'
import { makeShop, type Shop } from '../../../src/demo/shop.ts'
import { partlyPermitted, refusedOrder, reportRange, whoLeaves } from '../../../src/demo/story.ts'
import type { Message } from '../../../src/demo/visit.ts'

const lastDay = '2026-11-21'
const SEED = 20_261_101
const shop = makeShop({ seed: SEED, lastDay })
const messages = shop.days.flatMap((day) => day.messages)
const anySeed = fc.integer({ min: 0, max: 2 ** 32 - 1 })

describe('the sample shop', () => {
  test('is the same for the same seed, to the last message, and another for another', () => {
    expect(makeShop({ seed: SEED, lastDay })).toEqual(shop)
    expect(makeShop({ seed: SEED + 1, lastDay })).not.toEqual(shop)
  })

  test('has 200 people over 30 days that end with the last one', () => {
    expect(shop.people).toHaveLength(200)
    expect(shop.days).toHaveLength(30)
    expect([shop.days[0]!.day, shop.days.at(-1)!.day]).toEqual(['2026-10-23', lastDay])
  })

  test('names nobody who could be real, and sells what the catalogue has', () => {
    const emails = messages.flatMap(({ properties }) =>
      typeof properties.email === 'string' ? [properties.email] : [],
    )
    expect(emails.length).toBeGreaterThan(50)
    expect(emails.filter((email) => !email.endsWith('@example.com'))).toEqual([])
    const sold = messages.flatMap(({ properties }) =>
      typeof properties.product_id === 'string' ? [properties.product_id] : [],
    )
    expect(new Set(sold).size).toBe(PRODUCTS.length)
    expect(PRODUCTS.every(({ id }) => sold.includes(id))).toBe(true)
  })

  test('has unique message ids, messages in order of time, and each on its day', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const { days } = makeShop({ seed, lastDay })
        const all = days.flatMap((day) => day.messages)
        expect(new Set(all.map(({ messageId }) => messageId)).size).toBe(all.length)
        expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).toSorted((a, b) => a - b))
        for (const { day, messages: own, choices } of days) {
          expect([...own, ...choices].filter(({ at }) => !new Date(at).toISOString().startsWith(day))).toEqual([])
        }
      }),
      { numRuns: 20 },
    )
  })

  test('has two people on one tablet, and one person on two devices whose account joins them before the order', () => {
    const owners = Map.groupBy(
      shop.people.flatMap(({ devices, number }) => devices.map((device) => [device, number])),
      ([device]) => device,
    )
    const shared = [...owners.values()].filter((each) => each.length > 1)
    expect(shared).toHaveLength(1)
    const [first, second] = shared[0]!.map(([, number]) => of(Number(number)))
    expect(Math.max(...first!.map(({ at }) => at))).toBeLessThan(Math.min(...second!.map(({ at }) => at)))
    const [both] = shop.people.filter(({ devices }) => devices.length === 2)
    const own = of(both!.number)
    const order = own.findIndex(({ event }) => event === 'Order Completed')
    for (const device of both!.devices) {
      const joined = own.findIndex(({ anonymousId, userId }) => anonymousId === device && userId === both!.userId)
      expect(joined).toBeGreaterThanOrEqual(0)
      expect(joined).toBeLessThan(order)
    }
  })

  test('asks everybody before anything is sent but those who never answer, and late ones at their second visit', () => {
    const early = (person: number): number => {
      const asked = shop.days.flatMap(({ choices }) => choices).filter((choice) => choice.person === person)
      return of(person).filter(({ at }) => asked.length === 0 || at < asked[0]!.at).length
    }
    for (const { number, stance } of shop.people) {
      if (stance === 'undecided' || stance === 'late') expect(early(number)).toBeGreaterThan(0)
      else expect(early(number)).toBe(0)
    }
  })

  test('has people who withdraw, on a day of their own, and come back to be refused', () => {
    const leaving = shop.people.filter(({ withdrawsOn }) => withdrawsOn !== undefined)
    expect(leaving).toHaveLength(10)
    for (const { number, userId, withdrawsOn } of leaving) {
      const { day, choices, messages: then } = shop.days[withdrawsOn!]!
      expect(choices.filter((choice) => choice.userId === userId).map((choice) => choice.choices)).toEqual([
        { analytics: false, attribution: false, personalisation: false },
      ])
      expect(then.filter(({ person }) => person === number)).toEqual([])
      const days = of(number).map(({ at }) => new Date(at).toISOString().slice(0, 10))
      expect(days.some((one) => one < day) && days.some((one) => one > day)).toBe(true)
    }
  })
})

describe('the planted story', () => {
  test('is there for any seed: creators open far more orders than they close, search ads the other way round', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const { first, last } = credited(makeShop({ seed, lastDay }))
        expect(first.xiaohongshu).toBeGreaterThan((last.xiaohongshu ?? 0) * 1.5)
        expect(last.baidu).toBeGreaterThan(first.baidu! * 1.5)
      }),
      { numRuns: 50 },
    )
  })

  test('is there for any seed: somebody who may leave, and orders that are refused and partly permitted', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const given = makeShop({ seed, lastDay })
        expect(whoLeaves(given).stance).toBe('all')
        expect([partlyPermitted(given).event, refusedOrder(given).event]).toEqual([
          'Order Completed',
          'Order Completed',
        ])
      }),
      { numRuns: 50 },
    )
  })

  test('is there for any seed: what goes together is bought together, often enough to be shown', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const baskets = ordersOf(makeShop({ seed, lastDay })).map(itemsOf)
        for (const [[main, companion]] of KITS.slice(0, 2)) {
          const both = baskets.filter((items) => items.includes(main.id) && items.includes(companion!.id))
          expect(both.length).toBeGreaterThanOrEqual(5)
        }
      }),
      { numRuns: 50 },
    )
  })
})

test('the report asks for whole years, also where the days reach over New Year', () => {
  expect(reportRange(shop)).toEqual({ from: '2026-01-01', to: '2026-12-31' })
  expect(reportRange(makeShop({ seed: SEED, lastDay: '2027-01-05' }))).toEqual({ from: '2026-01-01', to: '2027-12-31' })
})

function of(person: number): Message[] {
  return messages.filter((message) => message.person === person)
}

/** Orders of people who permit both purposes, so that no doubt is left about what the gateway may count. */
function ordersOf({ people, days }: Shop): Message[] {
  const permitting = new Set(people.flatMap(({ stance, number }) => (stance === 'all' ? [number] : [])))
  const all = days.flatMap((day) => day.messages)
  return all.filter(({ event, person }) => event === 'Order Completed' && permitting.has(person))
}

/** Orders by the source of the first and of the last tagged landing before them. */
function credited(given: Shop): Record<'first' | 'last', Record<string, number>> {
  const counts: Record<'first' | 'last', Record<string, number>> = { first: {}, last: {} }
  const all = given.days.flatMap((day) => day.messages)
  for (const { person, at } of ordersOf(given)) {
    const sources = all.flatMap((one) => {
      const { source } = (one.context.campaign ?? {}) as { source?: string }
      return one.person === person && one.at <= at && source !== undefined ? [source] : []
    })
    for (const [model, source] of [
      ['first', sources[0]],
      ['last', sources.at(-1)],
    ] as const) {
      counts[model][source ?? 'direct'] = (counts[model][source ?? 'direct'] ?? 0) + 1
    }
  }
  return counts
}

function itemsOf({ properties }: Message): string[] {
  return (properties.products as { product_id: string }[]).map((product) => product.product_id)
}
