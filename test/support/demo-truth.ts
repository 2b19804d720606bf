import type { Shop } from '../../src/demo/shop.ts'
import type { Message } from '../../src/demo/visit.ts'

/** Orders by channel, as the sample's own days tell it and nobody who asked the gateway. */
export interface Truth {
  readonly first: Readonly<Record<string, number>>
  readonly last: Readonly<Record<string, number>>
  readonly orders: number
  /** Orders of people who do not permit attribution, or have withdrawn. */
  readonly unattributed: number
}

const CHANNELS: Readonly<Record<string, string>> = {
  xiaohongshu: 'Influencer',
  baidu: 'Paid Search',
  douyin: 'Paid Social',
  newsletter: 'Email',
  weixin: 'Organic Social',
}

/** What comes before somebody's first choice is not known to have happened; who withdrew is not known at all. */
export function truthOf({ people, days }: Shop): Truth {
  const messages = days.flatMap((day) => day.messages)
  const choices = days.flatMap((day) => day.choices)
  const counts = { first: {} as Record<string, number>, last: {} as Record<string, number>, orders: 0 }
  for (const { number, stance } of people) {
    if (!['all', 'late', 'attribution-only'].includes(stance)) continue
    const since = choices.find(({ person }) => person === number)!.at
    const own = messages.filter(({ person, at }) => person === number && at >= since)
    for (const order of own.filter(isOrder)) {
      const touches = own.filter(({ at }) => at <= order.at).flatMap(channelOf)
      counts.orders++
      for (const [model, channel] of [['first', touches[0]] as const, ['last', touches.at(-1)] as const]) {
        counts[model][channel ?? 'Direct'] = (counts[model][channel ?? 'Direct'] ?? 0) + 1
      }
    }
  }
  return { ...counts, unattributed: messages.filter(isOrder).length - counts.orders }
}

function isOrder({ event }: Message): boolean {
  return event === 'Order Completed'
}

function channelOf({ context }: Message): string[] {
  const { campaign, page } = context as { campaign?: { source: string }; page: { referrer?: string } }
  if (campaign !== undefined) return [CHANNELS[campaign.source]!]
  return page.referrer === undefined ? [] : ['Organic Search']
}
