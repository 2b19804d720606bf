import type { Language } from '../rights/request.ts'
import type { Told } from './turn.ts'

/** What a page says of the act before it, by a code that stands in the visit. */
const SAID: Readonly<Record<string, Told<string>>> = {
  'choice-recorded': {
    'zh-CN': '已记录您的选择，立即生效。',
    en: 'Your choice is recorded. It is in force now.',
  },
  'item-struck': {
    'zh-CN': '已划去。推荐不再依据它，也不再展示它。',
    en: 'Struck out. It is neither used nor shown any more.',
  },
  'too-many-struck': {
    'zh-CN': '划去的商品太多，没有再划。如不需要个性化推荐，可以直接关闭。',
    en: 'Very many items are struck out already; this one is not. You can turn personalisation off instead.',
  },
  'item-back': { 'zh-CN': '已恢复。', en: 'It is used again.' },
  'request-made': { 'zh-CN': '已收到您的请求。', en: 'We have your request.' },
  'request-cancelled': { 'zh-CN': '请求已撤回。', en: 'The request was taken back.' },
  'request-proved': { 'zh-CN': '已确认是您本人。', en: 'It is confirmed that this is you.' },
  'code-sent': {
    'zh-CN': '验证码已发送到商店留存的您的联系方式。',
    en: 'A code was sent to the address or number that the shop has of you.',
  },
  'sent-again': {
    'zh-CN': '如果商店留有您的联系方式，已重新发送。',
    en: 'If the shop has an address or number of yours, it was sent again.',
  },
  'restriction-lifted': { 'zh-CN': '已恢复使用您的信息。', en: 'Your data is used again, as you chose before.' },
  'signed-out': { 'zh-CN': '您已退出。', en: 'You are signed out.' },
  'signed-in': {
    'zh-CN': '您已登录。30 分钟无操作将自动退出。',
    en: 'You are signed in. After 30 idle minutes it ends by itself.',
  },
  'session-ended': {
    'zh-CN': '30 分钟无操作，您已自动退出。请重新登录。',
    en: 'After 30 idle minutes you were signed out. Please sign in again.',
  },
}

export function saidWords(code: string, language: Language): string | undefined {
  return Object.hasOwn(SAID, code) ? SAID[code]![language] : undefined
}
