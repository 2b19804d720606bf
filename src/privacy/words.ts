import type { Purpose } from '../event/purpose.ts'
import type { CompiledPolicy, Destination } from '../policy/compiled.ts'
import type { Language } from '../rights/request.ts'
import type { Told } from './turn.ts'

interface Named {
  readonly name: string
  readonly means: string
}

const PURPOSE_WORDS: Told<Readonly<Record<Purpose, Named>>> = {
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

/** A purpose in the shop's own words where its policy has them in this language, else in ours. */
export function purposeWords(purpose: Purpose, language: Language, policy: Pick<CompiledPolicy, 'meansOf'>): Named {
  const ours = PURPOSE_WORDS[language][purpose]
  return { name: ours.name, means: policy.meansOf[purpose]?.[language] ?? ours.means }
}

const BASIS_WORDS: Told<Readonly<Record<CompiledPolicy['basisOf'][Purpose], string>>> = {
  'zh-CN': { consent: '您的同意', contract: '履行与您的合同', 'legal-duty': '法定义务' },
  en: { consent: 'Your consent', contract: 'Your contract with the shop', 'legal-duty': 'A legal duty' },
}

export function basisWords(basis: CompiledPolicy['basisOf'][Purpose], language: Language): string {
  return BASIS_WORDS[language][basis]
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

const ROLE_WORDS: Told<Readonly<Record<Destination['role'], string>>> = {
  'zh-CN': { self: '商店自用', entrusted: '受商店委托处理', joint: '与商店共同处理', 'third-party': '对外提供' },
  en: {
    self: 'the shop itself',
    entrusted: 'on behalf of the shop',
    joint: 'together with the shop',
    'third-party': 'for itself',
  },
}

export function roleWords(role: Destination['role'], language: Language): string {
  return ROLE_WORDS[language][role]
}

const MODULE_WORDS: Told<Readonly<Record<string, string>>> = {
  'zh-CN': { attribution: '广告效果模块', recommendation: '商品推荐模块' },
  en: { attribution: 'Advert statistics', recommendation: 'Product recommendations' },
}

export function destinationWords(name: string, language: Language): string {
  const words = MODULE_WORDS[language]
  return Object.hasOwn(words, name) ? words[name]! : name
}

/** A region by its ISO 3166 code, in words. */
export function regionWords(code: string, language: Language): string {
  return new Intl.DisplayNames([language], { type: 'region' }).of(code.slice(0, 2)) ?? code
}

const LAWS_ZH: Readonly<Record<string, string>> = {
  'E-commerce Law 31': '《电子商务法》第三十一条',
}

/** A law as a policy names it, in the reader's language where we know it. */
export function lawWords(law: string, language: Language): string {
  return language === 'zh-CN' && Object.hasOwn(LAWS_ZH, law) ? LAWS_ZH[law]! : law
}
