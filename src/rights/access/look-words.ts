import type { SeenBy } from '../../audit/about-people.ts'
import type { Language } from '../request.ts'

// Who looked, at what and why, in the privacy centre and in the copy of one's data.

type Told<T> = Readonly<Record<Language, T>>

const WHO: Told<Readonly<Record<string, string>>> = {
  'zh-CN': {
    person: '您本人',
    officer: '工作人员',
    token: '工作人员的程序',
    service: '工作人员的程序',
    source: '商店网站',
    weir: '系统自动',
    cli: '系统管理员',
  },
  en: {
    person: 'You',
    officer: 'An employee',
    token: 'An employee’s program',
    service: 'An employee’s program',
    source: 'The shop’s website',
    weir: 'The system by itself',
    cli: 'The system’s operator',
  },
}

/** Who it was, by kind (CJEU C-579/21: that an employee looked and why, not which one). */
export function whoWords({ by, own }: Pick<SeenBy, 'by' | 'own'>, language: Language): string {
  const words = WHO[language]
  if (own) return words.person!
  return Object.hasOwn(words, by) ? words[by]! : by
}

const ACTIONS: Readonly<Record<string, Told<string>>> = {
  'privacy.read': { 'zh-CN': '在隐私中心查看', en: 'Looked in the privacy centre' },
  'accesses.read': { 'zh-CN': '查看“谁看过我的信息”', en: 'Looked who had looked' },
  'access.read': { 'zh-CN': '获取信息副本', en: 'Took a copy of the data' },
  'access.export': { 'zh-CN': '获取信息副本', en: 'Took a copy of the data' },
  'consent.read': { 'zh-CN': '读取同意状态', en: 'Read the choices' },
  'recommendation.read': { 'zh-CN': '生成商品推荐', en: 'Made recommendations' },
  'recommendation.strike': { 'zh-CN': '划去推荐依据', en: 'Struck out an item' },
  'recommendation.unstrike': { 'zh-CN': '恢复推荐依据', en: 'Took a strike back' },
  'decision.read': { 'zh-CN': '查看某次判定的原因', en: 'Looked why something was decided' },
  'audit.search': { 'zh-CN': '检索与您有关的日志', en: 'Searched the log for this person' },
  'contacts.set': { 'zh-CN': '更新联系方式', en: 'Changed the contacts on file' },
  'request.read': { 'zh-CN': '查看请求进度', en: 'Looked how far a request is' },
  'request.verify': { 'zh-CN': '确认身份', en: 'Showed who asks' },
  'request.cancel': { 'zh-CN': '撤回请求', en: 'Took a request back' },
  'request.show': { 'zh-CN': '处理请求', en: 'Worked on a request' },
  'request.open': { 'zh-CN': '查看请求内容', en: 'Read what a request says' },
  'request.object': { 'zh-CN': '停止用于某些目的', en: 'Stopped using data for some purposes' },
  'request.restrict': { 'zh-CN': '停用信息', en: 'Stopped using the data' },
  'request.lift': { 'zh-CN': '恢复使用信息', en: 'Used the data again' },
  'request.correct': { 'zh-CN': '更正信息', en: 'Corrected data' },
  'request.erase': { 'zh-CN': '删除信息', en: 'Erased the data' },
  'recipient.tell': { 'zh-CN': '通知接收方', en: 'Told a recipient' },
}

const FAMILIES: readonly (readonly [prefix: string, words: Told<string>])[] = [
  ['disclosure.', { 'zh-CN': '申请查看或查看了信息内容', en: 'Asked to see data, or saw it' }],
  ['request.', { 'zh-CN': '处理请求', en: 'Worked on a request' }],
  ['hold.', { 'zh-CN': '依法保留', en: 'Kept data because a law says so' }],
  ['incident.', { 'zh-CN': '处理安全事件', en: 'Worked on an incident' }],
  ['keys.', { 'zh-CN': '更换密钥', en: 'Changed keys' }],
  ['erase', { 'zh-CN': '删除信息', en: 'Erased data' }],
  ['access', { 'zh-CN': '获取信息副本', en: 'Took a copy of the data' }],
]

/** What was done; an action that has no words yet is named as the log names it. */
export function actionWords(action: string, language: Language): string {
  if (Object.hasOwn(ACTIONS, action)) return ACTIONS[action]![language]
  return FAMILIES.find(([prefix]) => action.startsWith(prefix))?.[1][language] ?? action
}

const WHY: Readonly<Record<string, Told<string>>> = {
  'own-state': { 'zh-CN': '本人查看', en: 'For the person themselves' },
  rights: { 'zh-CN': '处理权利请求', en: 'To answer a request' },
  personalisation: { 'zh-CN': '个性化推荐', en: 'Recommendations' },
  explanation: { 'zh-CN': '解释判定', en: 'To explain a decision' },
  audit: { 'zh-CN': '审计', en: 'Audit' },
  access: { 'zh-CN': '访问', en: 'Access' },
  administration: { 'zh-CN': '系统管理', en: 'Administration' },
  'customer-service': { 'zh-CN': '客户服务', en: 'Customer service' },
  fraud: { 'zh-CN': '防范欺诈', en: 'Against fraud' },
  security: { 'zh-CN': '安全', en: 'Security' },
  law: { 'zh-CN': '法律要求', en: 'A law asks for it' },
}

export function whyWords(purpose: string, language: Language): string {
  return Object.hasOwn(WHY, purpose) ? WHY[purpose]![language] : purpose
}
