import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../errors.ts'
import type { Api, Credit } from './api.ts'
import type { Person } from './people.ts'
import type { Answered, ShopSdk } from './sdk.ts'
import { choicesFor, type Shop } from './shop.ts'
import { CLOSES, OPENS, whoLeaves } from './story.ts'

/** What is erased later than this breaks the promise (law 3). */
const ERASED_WITHIN_MS = 60_000

/** Orders that the reports count: in all, those that the creators opened, those that search ads closed. */
export interface Counted {
  readonly orders: number
  readonly opened: number
  readonly closed: number
}

/** One person takes everything back, and what that changes. */
export interface Withdrawal {
  readonly person: string
  /** From the request to its answer: from then on nothing of theirs is handed to a module. */
  readonly answeredMs: number
  /** From the request until the reports have forgotten them. */
  readonly forgottenMs: number
  readonly credit: { readonly before: Counted; readonly after: Counted }
  readonly recommendations: { readonly before: string; readonly after: string }
  /** What their last message of the sample was answered, and their first after the withdrawal. */
  readonly lastEvent: Answered
  readonly nextEvent: Answered
}

const UNANSWERED: Answered = { outcome: 'unanswered' }

interface Means {
  readonly api: Api
  readonly sdk: ShopSdk
  readonly signal: AbortSignal
}

export async function withdraw(shop: Shop, means: Means): Promise<Withdrawal> {
  const { api, sdk } = means
  const person = whoLeaves(shop)
  const lastOf = shop.days.flatMap(({ messages }) => messages).findLast((one) => one.person === person.number)
  const { userId } = person
  const mode = async (): Promise<string> => (await api.recommend({ placement: 'for_you', userId })).mode
  const before = { credit: await counted(api), mode: await mode() }
  const startedAt = performance.now()
  await api.choose({ userId, choices: choicesFor([]) })
  const answeredMs = performance.now() - startedAt
  const after = { mode: await mode(), nextEvent: await nextEvent(person, means) }
  const { credit, at } = await untilForgotten(before.credit, means)
  return {
    person: userId,
    answeredMs: Math.round(answeredMs * 10) / 10,
    forgottenMs: Math.round(at - startedAt),
    credit: { before: before.credit, after: credit },
    recommendations: { before: before.mode, after: after.mode },
    lastEvent: sdk.answers.get(lastOf?.messageId ?? '') ?? UNANSWERED,
    nextEvent: after.nextEvent,
  }
}

async function counted(api: Api): Promise<Counted> {
  const [first, last] = await Promise.all([api.credit('first'), api.credit('last')])
  const orders = last.channels.reduce((sum, { conversions }) => sum + conversions, 0)
  return { orders, opened: conversionsOf(first, OPENS), closed: conversionsOf(last, CLOSES) }
}

/** Orders that this channel is given; 0 where it has no row. */
export function conversionsOf(credit: Credit, channel: string): number {
  return credit.channels.find((row) => row.channel === channel)?.conversions ?? 0
}

async function nextEvent({ number, userId, devices }: Person, { sdk }: Means): Promise<Answered> {
  const messageId = 'demo-after-withdrawal'
  sdk.send({
    type: 'track',
    event: 'Product Viewed',
    messageId,
    at: Date.now(),
    person: number,
    userId,
    anonymousId: devices[0]!,
    properties: { product_id: 'longjing' },
    context: {},
  })
  await sdk.flush()
  return sdk.answers.get(messageId) ?? UNANSWERED
}

async function untilForgotten(before: Counted, { api, signal }: Means): Promise<{ credit: Counted; at: number }> {
  for (const startedAt = performance.now(); performance.now() - startedAt < ERASED_WITHIN_MS; ) {
    const credit = await counted(api)
    if (credit.orders < before.orders) return { credit, at: performance.now() }
    await delay(100, undefined, { signal })
  }
  throw new AppError('conflict', 'a minute after the withdrawal the reports still count the person')
}
