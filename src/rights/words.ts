import type { Purpose } from '../event/purpose.ts'
import type { Language } from './request.ts'

// What people are told, whichever way: the privacy centre, the receipt, the copy of their data and mail call a thing alike.

type Told<T> = Readonly<Record<Language, T>>

export interface Named {
  readonly name: string
  readonly means: string
}

/** A purpose in our words; a shop's policy may have its own. */
export const PURPOSE_WORDS: Told<Readonly<Record<Purpose, Named>>> = {
  'zh-CN': {
    essential: { name: '购物必需', means: '完成订单、记账、保障商店安全。' },
    analytics: { name: '访问统计', means: '统计访问量，了解哪些页面好用。' },
    attribution: { name: '广告效果', means: '了解哪一则广告带来了订单。' },
    personalisation: { name: '个性化推荐', means: '根据您看过、买过的商品，向您推荐相配的商品。' },
    advertising: { name: '个性化广告', means: '在其他地方向您展示广告。' },
  },
  en: {
    essential: { name: 'Needed to shop', means: 'Fulfil your orders, keep the books, keep the shop safe.' },
    analytics: { name: 'Statistics', means: 'Count visits and see which pages work.' },
    attribution: { name: 'Which advert worked', means: 'See which advertisement brought an order.' },
    personalisation: {
      name: 'Recommendations for you',
      means: 'Show products that go with what you looked at or bought.',
    },
    advertising: { name: 'Advertising for you', means: 'Show you advertising elsewhere.' },
  },
}

const CLASS_WORDS: Told<Readonly<Record<string, Named>>> = {
  'zh-CN': {
    identity: { name: '身份', means: '您的账号、用户名。' },
    contact: { name: '联系方式', means: '姓名、邮箱、电话、地址。' },
    behaviour: { name: '浏览行为', means: '您看过什么、点过什么、加过购物车的商品。' },
    order: { name: '订单', means: '您买了什么、金额、优惠。' },
    technical: { name: '设备与网络', means: '浏览器、语言、截短后的网络地址。' },
    text: { name: '您写的文字', means: '搜索词、评价等。' },
    sensitive: { name: '敏感个人信息', means: '例如生日、性别。仅在您单独同意后使用。' },
    unclassified: { name: '未分类', means: '尚未分类的内容。加密封存，不提供给任何人。' },
  },
  en: {
    identity: { name: 'Who you are', means: 'Your account and user name.' },
    contact: { name: 'How to reach you', means: 'Name, e-mail address, phone number, address.' },
    behaviour: { name: 'What you did', means: 'What you looked at, clicked and put into the cart.' },
    order: { name: 'Orders', means: 'What you bought, amounts, discounts.' },
    technical: { name: 'Device and network', means: 'Browser, language, a shortened network address.' },
    text: { name: 'What you wrote', means: 'Searches, reviews and the like.' },
    sensitive: { name: 'Sensitive data', means: 'Such as birthday or gender. Used only with your separate consent.' },
    unclassified: { name: 'Not classified', means: 'What nobody has classified yet. Sealed, and given to nobody.' },
  },
}

/** A class of the policy's own that we have no words for is called what the policy calls it. */
export function classWords(name: string, language: Language): Named {
  const words = CLASS_WORDS[language]
  return Object.hasOwn(words, name) ? words[name]! : { name, means: '' }
}

const MODULE_WORDS: Told<Readonly<Record<string, string>>> = {
  'zh-CN': { attribution: '广告效果模块', recommendation: '商品推荐模块' },
  en: { attribution: 'Advert statistics', recommendation: 'Product recommendations' },
}

/** A module of ours by what it does; anybody else by the name that the policy has. */
export function destinationWords(name: string, language: Language): string {
  const words = MODULE_WORDS[language]
  return Object.hasOwn(words, name) ? words[name]! : name
}

const LAWS_ZH: Readonly<Record<string, string>> = {
  'E-commerce Law 31': '《电子商务法》第三十一条',
}

/** A law as a policy names it, in the reader's language where we know it. */
export function lawWords(law: string, language: Language): string {
  return language === 'zh-CN' && Object.hasOwn(LAWS_ZH, law) ? LAWS_ZH[law]! : law
}

/** A time to the minute with its zone: Beijing's for who reads Chinese, UTC for the others. ISO 8601 or milliseconds since 1970. */
export function timeWords(at: string | number, language: Language): string {
  const isZh = language === 'zh-CN'
  const shifted = new Date(new Date(at).getTime() + (isZh ? BEIJING : 0)).toISOString()
  return `${shifted.slice(0, 10)} ${shifted.slice(11, 16)}${isZh ? '（北京时间）' : ' UTC'}`
}

const BEIJING = 8 * 3_600_000 // without summer time since 1991
