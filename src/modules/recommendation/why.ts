/** Where an item of an answer comes from. */
export type Stage = 'also_bought' | 'popular' | 'personal'

/** Why an item stands in an answer: counts, and the sentence that says them. Never about fewer than five people. */
export interface Why {
  readonly code: 'bought_together' | 'bought_with_yours' | 'most_bought' | 'most_viewed'
  /** Orders that hold both items; orders that hold it (most_bought); people who looked (most_viewed). */
  readonly together: number
  /** Out of how many orders; null for most_viewed. */
  readonly of: number | null
  readonly en: string
  readonly 'zh-CN': string
}

export interface Recommended {
  readonly product_id: string
  /**
   * also_bought: shrunk cosine, 0 to 1. personal: the sum of those over the person's recent items. popular: the share
   * of all orders, 0 where only views stand behind it. Scores of two stages do not compare.
   */
  readonly score: number
  readonly stage: Stage
  readonly why: Why
}

const english = new Intl.NumberFormat('en')
const chinese = new Intl.NumberFormat('zh-CN')

export function boughtTogether(together: number, of: number): Why {
  return {
    code: 'bought_together',
    together,
    of,
    en: `bought together in ${english.format(together)} of ${english.format(of)} orders`,
    'zh-CN': `${chinese.format(of)} 笔订单中有 ${chinese.format(together)} 笔同时购买`,
  }
}

/** `of` counts the orders that hold the person's own item which speaks loudest for this one. */
export function boughtWithYours(together: number, of: number): Why {
  return {
    code: 'bought_with_yours',
    together,
    of,
    en: `bought together with an item of yours in ${english.format(together)} of ${english.format(of)} orders`,
    'zh-CN': `含您近期商品的 ${chinese.format(of)} 笔订单中有 ${chinese.format(together)} 笔同时购买`,
  }
}

export function mostBought(orders: number, of: number): Why {
  return {
    code: 'most_bought',
    together: orders,
    of,
    en: `in ${english.format(orders)} of ${english.format(of)} orders`,
    'zh-CN': `${chinese.format(of)} 笔订单中有 ${chinese.format(orders)} 笔购买`,
  }
}

export function mostViewed(viewers: number): Why {
  return {
    code: 'most_viewed',
    together: viewers,
    of: null,
    en: `viewed by ${english.format(viewers)} people`,
    'zh-CN': `${chinese.format(viewers)} 人浏览过`,
  }
}
