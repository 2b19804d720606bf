import { AppError } from '../errors.ts'
import { KITS, type Product } from './catalogue.ts'
import type { Person } from './people.ts'
import type { Shop } from './shop.ts'
import type { Message } from './visit.ts'

/** The channels of the planted story, by the names that policies/channels.yaml gives them. */
export const OPENS = 'Influencer'
export const CLOSES = 'Paid Search'

/** What is shown at the end: the "also bought" lists of two products. */
export const SHOWN_PRODUCTS: readonly Product[] = KITS.slice(0, 2).map(([kit]) => kit[0])

/** An order of somebody who permits attribution and not personalisation: one module has it, the other does not. */
export function partlyPermitted(shop: Shop): Message {
  return firstOrder(shop, ({ stance }) => stance === 'attribution-only')
}

/** An order of somebody who was asked and said no. */
export function refusedOrder(shop: Shop): Message {
  return firstOrder(shop, ({ stance }) => stance === 'refuses')
}

/** Somebody who permits everything, came by a creator's post and then by a search ad, and ordered once. */
export function whoLeaves(shop: Shop): Person {
  const found = shop.people.find(
    ({ stance, devices, visits }) =>
      stance === 'all' && devices.length === 1 && visits.map(({ way }) => way).join() === 'kol,search-ad',
  )
  if (found === undefined) throw notInThisShop(shop)
  return found
}

function firstOrder(shop: Shop, wanted: (person: Person) => boolean): Message {
  const people = new Set(shop.people.filter(wanted).map(({ number }) => number))
  const orders = shop.days.flatMap(({ messages }) => messages).filter(({ event }) => event === 'Order Completed')
  const found = orders.find(({ person }) => people.has(person))
  if (found === undefined) throw notInThisShop(shop)
  return found
}

/** The years that the shop's days lie in: sums that know nobody come in blocks of ten orders or more, up to a year. */
export function reportRange({ days }: Shop): { from: string; to: string } {
  return { from: `${days[0]!.day.slice(0, 4)}-01-01`, to: `${days.at(-1)!.day.slice(0, 4)}-12-31` }
}

function notInThisShop({ seed }: Shop): AppError {
  return new AppError('invalid', `the shop of seed ${seed} lacks a part of the story: take another --seed`)
}
