import type { Random } from './random.ts'

/** Ways into the shop, as the sample's people take them. `direct` leaves nothing that would tell. */
export type Way = 'kol' | 'search-ad' | 'douyin' | 'newsletter' | 'weixin' | 'organic' | 'direct'

/** What a landing shows of the way it came: campaign tags, or only the page before, or nothing. */
export interface Landing {
  readonly campaign?: Readonly<Record<'source' | 'medium' | 'name' | 'content' | 'term', string | undefined>>
  readonly referrer?: string
}

const campaign = (
  source: string,
  medium: string,
  name: string,
  more: { content?: string; term?: string } = {},
): NonNullable<Landing['campaign']> => ({ source, medium, name, content: more.content, term: more.term })

export function landingOf(way: Way, random: Random): Landing {
  switch (way) {
    case 'kol': {
      const content = random.pick(['a-cup-a-day', 'tea-table-diary', 'office-brewing'])
      return {
        campaign: campaign('xiaohongshu', 'kol', 'autumn-tea', { content }),
        referrer: 'https://www.xiaohongshu.com/',
      }
    }
    case 'search-ad': {
      const term = random.pick(['龙井茶', '普洱茶饼', '茶具套装'])
      return { campaign: campaign('baidu', 'cpc', 'brand-search', { term }), referrer: 'https://www.baidu.com/' }
    }
    case 'douyin':
      return { campaign: campaign('douyin', 'cpc', 'autumn-clips'), referrer: 'https://www.douyin.com/' }
    case 'newsletter':
      return { campaign: campaign('newsletter', 'email', 'tea-friends') }
    case 'weixin':
      return { campaign: campaign('weixin', 'social', 'official-account') }
    case 'organic':
      return { referrer: 'https://www.baidu.com/' }
    case 'direct':
      return {}
    default:
      return way satisfies never
  }
}

/**
 * What each paid way cost over the 30 days, in yuan, under the channel that policies/channels.yaml gives it. Spread
 * evenly over the days.
 */
export const MONTHLY_COSTS: readonly { channel: string; source: string; campaign: string; yuan: number }[] = [
  { channel: 'Influencer', source: 'xiaohongshu', campaign: 'autumn-tea', yuan: 6_600 },
  { channel: 'Paid Search', source: 'baidu', campaign: 'brand-search', yuan: 4_200 },
  { channel: 'Paid Social', source: 'douyin', campaign: 'autumn-clips', yuan: 2_400 },
  { channel: 'Email', source: 'newsletter', campaign: 'tea-friends', yuan: 300 },
]
