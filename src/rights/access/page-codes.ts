import type { Json } from '../../event/event.ts'
import { isPurpose } from '../../event/purpose.ts'
import { isRefusalCode, refusalText } from '../reasons.ts'
import type { Language } from '../request.ts'
import { stateWords } from '../status-words.ts'
import { classWords, PURPOSE_WORDS } from '../words.ts'
import type { AccessHead } from './schema.ts'

/** What codes of closed lists are called; one that has no words is a word, or the shop's own. */
const CODES: Readonly<Record<Language, Readonly<Record<string, string>>>> = {
  'zh-CN': {
    consent: '同意',
    contract: '履行合同',
    'legal-duty': '法定义务',
    granted: '同意',
    refused: '拒绝',
    none: '未作选择',
    user: '用户',
    device: '设备',
    user_id: '用户编号',
    anonymous_id: '设备编号',
    email: '邮箱',
    phone: '电话',
    officer: '工作人员',
    token: '系统令牌',
    service: '系统服务',
    source: '数据来源',
    cli: '运维命令',
    weir: '本系统',
    released: '已提供',
    done: '已完成',
    permitted: '允许',
    approved: '批准',
    access: '查阅、复制',
    portability: '转移',
    correction: '更正',
    erasure: '删除',
    restriction: '停止使用',
    objection: '反对',
    claimed: '声称',
    confirmed: '已确认',
    delivery: '待重新提供',
    'granted-clause': '已同意',
    'needs-no-consent': '无需同意',
    'no-consent': '没有同意',
    'refused-by-person': '您已拒绝或撤回同意',
    'refused-by-signal': '随请求的信号表示拒绝',
    'no-separate-consent': '需要单独同意，而没有取得',
    expired: '已超过保存期限',
    'unknown-event': '规则中没有此事件',
    'no-route': '不提供给任何接收方',
    'closed-then': '到达时即已关闭',
    restricted: '已应您要求停用',
    erased: '发生于删除之前',
    'server-key': '由商店确认',
    'session-token': '商店登录',
    'subject-token': '商店登录',
    'device-secret': '设备密钥',
    request: '您的权利请求',
    itself: '自身',
    'another of yours': '您的另一项',
    'put in': '放入',
    'taken out': '取出',
    'the whole order': '整笔订单',
    day: '日期',
    item: '商品',
    step: '变动',
    at: '时间',
    medium: '渠道类型',
    campaign: '活动',
    creative: '素材',
    tag: '标签',
    referrer: '来源页面',
    currency: '货币',
    value_minor_units: '金额（最小货币单位，如分）',
    told: '来源方式',
    shop: '商店',
    counts_as: '归入',
    items: '商品',
    orders: '订单数',
    views: '浏览数',
    touch: '来访',
    conversion: '成交',
    link: '关联',
    view: '浏览',
    cart_change: '购物车变动',
    order_line: '购买',
    order_return: '退货',
    basket: '一同购买',
    interest: '兴趣',
    view_count: '浏览数',
  },
  en: {
    'legal-duty': 'a legal duty',
    consent: 'your consent',
    contract: 'your contract',
    user_id: 'account',
    anonymous_id: 'device number',
    email: 'e-mail address',
    phone: 'phone number',
    none: 'none made',
    'granted-clause': 'you allowed it',
    'needs-no-consent': 'needs no consent',
    'no-consent': 'you had not allowed it',
    'refused-by-person': 'you refused it, or took your consent back',
    'refused-by-signal': 'a signal that came with it refused',
    'no-separate-consent': 'needs a separate consent, which was not there',
    expired: 'kept too long already',
    'unknown-event': 'no rule knows this event',
    'no-route': 'nobody is to have it',
    'closed-then': 'was closed when it came',
    restricted: 'kept and not used, as you asked',
    erased: 'happened before an erasure',
    access: 'see what is held',
    portability: 'take it elsewhere',
    erasure: 'erasure',
    restriction: 'keep, but do not use',
    delivery: 'to be handed over again',
    'server-key': 'the shop vouched',
    'session-token': 'signed in at the shop',
    'subject-token': 'signed in at the shop',
    'device-secret': 'the device’s secret',
    request: 'your request',
    counts_as: 'counts as',
    value_minor_units: 'value (smallest unit of the currency)',
    told: 'told by',
    touch: 'visits',
    conversion: 'purchases',
    link: 'links',
    view: 'viewed',
    cart_change: 'cart',
    order_line: 'bought',
    order_return: 'returned',
    basket: 'bought together',
    interest: 'interests',
  },
}

export function codeIn(language: Language, code: string): string {
  const words = CODES[language]
  if (Object.hasOwn(words, code)) return words[code]!
  if (isPurpose(code)) return PURPOSE_WORDS[language][code].name
  return classWords(code, language).name
}

type OwnRequest = AccessHead['requests'][number]

/** Where a request is, and why it was refused if it was, in sentences. */
export function requestWords(
  { right, state, reason, regime }: OwnRequest,
  language: Language,
): { readonly state: string; readonly reason: string } {
  const asked = { right: right as 'access', state: state as 'received', waitsForOfficer: false } // both of closed lists
  const isKnown = reason !== null && isRefusalCode(reason)
  return {
    state: stateWords(asked, language),
    reason: isKnown ? refusalText({ code: reason, right: asked.right, regime }, language).reason : (reason ?? ''),
  }
}

/** `Orders · order_id`: the kind of field, and the name that the event has for it. */
export function fieldWords(path: string, language: Language): string {
  const [name, ...rest] = path.split('.')
  const inner = rest.join('.').replace(/^(properties|traits|context)\./, '')
  return inner === '' ? codeIn(language, name!) : `${classWords(name!, language).name} · ${inner}`
}

/** A value of a module's table: what Weir itself wrote there is in words, what came from outside stays as it is. */
export function moduleValue(column: string, own: Json | undefined, language: Language): string {
  if (typeof own !== 'string') return own === undefined || own === null ? '' : JSON.stringify(own)
  if (column === 'counts_as' || column === 'step' || own === 'the whole order') return codeIn(language, own)
  return own
}
