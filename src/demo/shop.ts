import { MONTHLY_COSTS } from './channels.ts'
import { type Person, planPeople, type Stance } from './people.ts'
import { type Random, randomFrom } from './random.ts'
import { draftVisit, type Message } from './visit.ts'

const DAY_MS = 86_400_000
const PURPOSES = ['analytics', 'attribution', 'personalisation'] as const

/** What somebody says to the shop's banner, or takes back. */
export interface Choice {
  readonly at: number
  readonly person: number
  readonly anonymousId?: string
  readonly userId?: string
  readonly choices: Readonly<Record<(typeof PURPOSES)[number], boolean>>
}

/** One day: its choices come before its messages. */
export interface ShopDay {
  /** YYYY-MM-DD, UTC. */
  readonly day: string
  readonly choices: readonly Choice[]
  /** In order of time. */
  readonly messages: readonly Message[]
}

/** As POST /api/attribution/costs takes them. */
export interface CostRow {
  readonly day: string
  readonly channel: string
  readonly source: string
  readonly campaign: string
  readonly currency: 'CNY'
  readonly cost: string
}

/** The sample shop: nobody in it is real. */
export interface Shop {
  readonly seed: number
  readonly people: readonly Person[]
  readonly days: readonly ShopDay[]
  readonly costs: readonly CostRow[]
}

export interface ShopInput {
  readonly seed: number
  /** The last day, YYYY-MM-DD. */
  readonly lastDay: string
  readonly people?: number
  readonly days?: number
}

/** Makes the shop. Pure: the same input gives the same shop, to the last message id. */
export function makeShop({ seed, lastDay, people: count = 200, days: length = 30 }: ShopInput): Shop {
  const random = randomFrom(seed)
  const firstDay = Date.parse(`${lastDay}T00:00:00Z`) - (length - 1) * DAY_MS
  const people = planPeople(random, count, length)
  const messages = people.flatMap((person) => draftsOf(random, person, firstDay))
  const ordered = messages.sort((a, b) => a.at - b.at || a.person - b.person)
  const named = ordered.map((draft, i): Message => ({ ...draft, messageId: `demo-${String(i + 1).padStart(5, '0')}` }))
  const choices = people
    .flatMap((person) => choicesOf(person, firstDay))
    .sort((a, b) => a.at - b.at || a.person - b.person)
  const dates = Array.from({ length }, (_, i) => dayOf(firstDay + i * DAY_MS))
  const messagesOn = Map.groupBy(named, ({ at }) => dayOf(at))
  const choicesOn = Map.groupBy(choices, ({ at }) => dayOf(at))
  return {
    seed,
    people,
    days: dates.map((day) => ({ day, choices: choicesOn.get(day) ?? [], messages: messagesOn.get(day) ?? [] })),
    costs: costsOf(dates),
  }
}

function draftsOf(random: Random, person: Person, firstDay: number): Omit<Message, 'messageId'>[] {
  let hasOrdered = false
  return person.visits.flatMap((visit) => {
    const drafts = draftVisit(random, { person, visit, firstDay, hasOrdered })
    hasOrdered ||= visit.orders
    return drafts
  })
}

const GRANTS: Readonly<Record<Stance, readonly string[]>> = {
  all: PURPOSES,
  late: PURPOSES,
  withdraws: PURPOSES,
  'attribution-only': ['analytics', 'attribution'],
  'personalisation-only': ['personalisation'],
  refuses: [],
  undecided: [],
}

/** Before the first page of each device, and once more where the account comes in: from then on the account has it too. */
function choicesOf(person: Person, firstDay: number): Choice[] {
  if (person.stance === 'undecided') return []
  const choices = choicesFor(GRANTS[person.stance])
  const given: Choice[] = []
  const asked = new Set<number>()
  let accountAsked = false
  const visits = person.stance === 'late' ? person.visits.slice(1) : person.visits
  for (const { day, device, signedIn, orders } of visits) {
    const withAccount: boolean = (signedIn || orders) && !accountAsked
    if (asked.has(device) && !withAccount) continue
    asked.add(device)
    accountAsked ||= withAccount
    const at = firstDay + day * DAY_MS + 3_600_000 - 60_000 // the first visit of a day begins an hour after midnight
    const anonymousId = person.devices[device]!
    given.push({ at, person: person.number, anonymousId, ...(withAccount ? { userId: person.userId } : {}), choices })
  }
  if (person.withdrawsOn === undefined) return given
  const at = firstDay + person.withdrawsOn * DAY_MS + 12 * 3_600_000
  return [...given, { at, person: person.number, userId: person.userId, choices: choicesFor([]) }]
}

export function choicesFor(granted: readonly string[]): Choice['choices'] {
  const [analytics, attribution, personalisation] = PURPOSES.map((purpose) => granted.includes(purpose))
  return { analytics: analytics!, attribution: attribution!, personalisation: personalisation! }
}

function costsOf(days: readonly string[]): CostRow[] {
  return MONTHLY_COSTS.flatMap(({ channel, source, campaign, yuan }) =>
    days.map((day) => ({ day, channel, source, campaign, currency: 'CNY', cost: (yuan / days.length).toFixed(2) })),
  )
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}
