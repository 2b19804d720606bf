import type { Way } from './channels.ts'
import type { Random } from './random.ts'

/** How somebody answers the shop's consent banner. */
export type Stance =
  | 'all'
  | 'attribution-only'
  | 'personalisation-only'
  | 'refuses'
  /** Never answers. */
  | 'undecided'
  /** Answers at the second visit only: the first one is refused. */
  | 'late'
  /** Permits everything, withdraws some days later, and comes back. */
  | 'withdraws'

export interface Visit {
  /** 0 for the sample's first day. */
  readonly day: number
  readonly way: Way
  /** Which of the person's devices. */
  readonly device: number
  readonly orders: boolean
  /** With the account from the first page on, rather than from the order on. */
  readonly signedIn: boolean
}

/** A person as planned, before any of it is an event. */
export interface Person {
  readonly number: number
  readonly userId: string
  readonly stance: Stance
  /** Anonymous ids, one a device. */
  readonly devices: readonly string[]
  /** In order, each on a day of its own. */
  readonly visits: readonly Visit[]
  /** Of a person who withdraws: a day without a visit, with visits before and after it. */
  readonly withdrawsOn?: number
}

/** Shares of all people; who is left permits everything. */
const STANCES: readonly (readonly [Stance, share: number])[] = [
  ['refuses', 0.15],
  ['undecided', 0.08],
  ['withdraws', 0.05],
  ['attribution-only', 0.06],
  ['personalisation-only', 0.04],
  ['late', 0.03],
]

// The story: the creators open (first in most journeys, last in few), search ads close, the newsletter brings back.
const BUYERS: readonly (readonly [ways: readonly Way[], weight: number])[] = [
  [['kol', 'search-ad'], 30],
  [['kol', 'newsletter'], 5],
  [['kol', 'weixin'], 3],
  [['kol'], 4],
  [['search-ad'], 10],
  [['douyin', 'search-ad'], 12],
  [['douyin'], 5],
  [['newsletter'], 7],
  [['weixin'], 5],
  [['direct'], 9],
  [['organic'], 5],
  [['direct', 'search-ad'], 5],
]
const RETURNS: readonly (readonly [way: Way, weight: number])[] = [
  ['newsletter', 3],
  ['direct', 1],
]
const LOOKERS: readonly (readonly [ways: readonly Way[], weight: number])[] = [
  [['kol'], 34],
  [['kol', 'kol'], 10],
  [['douyin'], 16],
  [['search-ad'], 8],
  [['direct'], 12],
  [['weixin'], 6],
  [['organic', 'direct'], 8],
]

/** Plans `count` people over `days` days, among them one with two devices and two who share one. */
export function planPeople(random: Random, count: number, days: number): Person[] {
  const special = [twoDevices, sharedFirst, sharedSecond]
  const stances = stancesFor(random, count - special.length)
  const shared = random.uuid()
  const people = stances.map((stance, i) => planPerson(random, { number: i + 1, stance, days }))
  return [...people, ...special.map((make, i) => make(random, stances.length + i + 1, shared))]
}

function stancesFor(random: Random, count: number): Stance[] {
  const some = STANCES.flatMap(([stance, share]) => Array<Stance>(Math.round(share * count)).fill(stance))
  return random.shuffled([...some, ...Array<Stance>(count - some.length).fill('all')])
}

function planPerson(random: Random, about: { number: number; stance: Stance; days: number }): Person {
  const { number, stance, days } = about
  const ways = waysOf(random, stance)
  const orderAt = ways.orders ? ways.list.length - 1 : -1
  // Somebody who withdraws comes back afterwards, to be refused; of the others some order again, mostly by newsletter.
  const returns = stance === 'withdraws' || (ways.orders && random.chance(0.3)) ? [random.weighted(RETURNS)] : []
  const list = [...ways.list, ...returns]
  const gaps = list.map((_, i) => (i === 0 ? 0 : random.between(2, 6)))
  const start = random.between(0, days - 1 - gaps.reduce((sum, gap) => sum + gap, 0))
  let day = start
  const visits = list.map((way, i): Visit => {
    day += gaps[i]!
    const again = i > orderAt && ways.orders
    return { day, way, device: 0, orders: i === orderAt || again, signedIn: again }
  })
  const last = visits.at(-1)!.day
  return {
    number,
    userId: userIdOf(number),
    stance,
    devices: [random.uuid()],
    visits,
    ...(stance === 'withdraws' ? { withdrawsOn: last - 1 } : {}),
  }
}

function waysOf(random: Random, stance: Stance): { list: readonly Way[]; orders: boolean } {
  if (stance === 'late') return { list: ['kol', 'search-ad'], orders: true }
  const orders = stance === 'withdraws' || stance === 'attribution-only' || random.chance(0.66)
  return { list: random.weighted(orders ? BUYERS : LOOKERS), orders }
}

const visit = (day: number, way: Way, device: number, more: Partial<Visit> = {}): Visit => {
  return { day, way, device, orders: false, signedIn: false, ...more }
}

/** Finds the shop on the phone, comes back on a laptop with the account, signs in on the phone too, orders. */
function twoDevices(random: Random, number: number): Person {
  const visits = [
    visit(5, 'kol', 0),
    visit(9, 'search-ad', 1, { signedIn: true }),
    visit(11, 'direct', 0, { signedIn: true }),
    visit(14, 'direct', 1, { orders: true, signedIn: true }),
  ]
  return { number, userId: userIdOf(number), stance: 'all', devices: [random.uuid(), random.uuid()], visits }
}

/** A tablet in a household: the first of the two permits everything… */
function sharedFirst(_: Random, number: number, tablet: string): Person {
  const visits = [visit(4, 'kol', 0, { signedIn: true }), visit(8, 'search-ad', 0, { signedIn: true, orders: true })]
  return { number, userId: userIdOf(number), stance: 'all', devices: [tablet], visits }
}

/** …the second, later, refuses. */
function sharedSecond(_: Random, number: number, tablet: string): Person {
  const visits = [visit(15, 'douyin', 0, { signedIn: true }), visit(19, 'direct', 0, { signedIn: true, orders: true })]
  return { number, userId: userIdOf(number), stance: 'refuses', devices: [tablet], visits }
}

function userIdOf(number: number): string {
  return `customer-${String(number).padStart(3, '0')}`
}
