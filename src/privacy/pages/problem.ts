import { AppError, isAway } from '../../errors.ts'
import type { Language } from '../../rights/request.ts'
import { html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { PageReply, Told, Turn } from '../turn.ts'

const TITLE: Told<string> = { 'zh-CN': '这一步没有成功', en: 'That did not work' }
const AGAIN: Told<string> = { 'zh-CN': '回到刚才的页面', en: 'Back to where you were' }
const BACK: Told<string> = { 'zh-CN': '回到隐私中心首页', en: 'Back to the privacy centre' }

/** By code of the error, in words; what has no words of its own is told by its kind. */
const WORDS: Readonly<Record<string, Told<string>>> = {
  'form-foreign': {
    'zh-CN': '这个表单已过期，或来自其他页面。请返回上一页，重新打开后再试。未做任何处理。',
    en: 'This form is out of date, or was sent from another page. Go back, open the page anew and try again. Nothing was done.',
  },
  'no-such-page': { 'zh-CN': '没有这个页面。', en: 'There is no such page.' },
  'method-not-allowed': { 'zh-CN': '没有这个页面。', en: 'There is no such page.' },
  'form-unreadable': { 'zh-CN': '无法读取所提交的内容。', en: 'What was sent cannot be read.' },
  'request-unknown': {
    'zh-CN': '没有与此编号和密码相符的请求。请核对后再试。',
    en: 'No request has this number and this secret. Please check both.',
  },
  'request-state': {
    'zh-CN': '请求已进入其他阶段，现在不能这样做。请查看最新进度。',
    en: 'The request has moved on: this cannot be done any more. See where it is now.',
  },
  'code-wrong': {
    'zh-CN': '验证码或链接不正确、已使用或已过期。请重新获取。',
    en: 'The code or link is wrong, used or too old. Please ask for a new one.',
  },
  'other-browser': {
    'zh-CN': '请在提出请求的浏览器中打开此链接，或改用验证码。',
    en: 'Open the link in the browser in which you asked, or ask for a code instead.',
  },
  'too-many-tries': {
    'zh-CN': '尝试次数过多。请稍后再试，或重新提出请求。',
    en: 'Too many tries. Please wait, or ask anew.',
  },
  'asked-too-often': {
    'zh-CN': '该网络近期请求过多，请一小时后再试。',
    en: 'Too many requests came from this network lately. Please try again in an hour.',
  },
  'sent-too-often': {
    'zh-CN': '今天已发送多次，请明天再试。',
    en: 'It was sent several times today. Please try again tomorrow.',
  },
  'passphrase-weak': {
    'zh-CN': '口令须为 12 至 128 个英文字母、数字或符号，首尾不能是空格。请重新设定。',
    en: 'A passphrase has 12 to 128 letters, digits and signs, and no blank at either end. Please choose another.',
  },
  'prove-again': {
    'zh-CN': '请再确认一次是您本人：先获取验证码，再下载。',
    en: 'Please confirm once more that it is you: have a code sent first.',
  },
  'download-over': {
    'zh-CN': '下载期限已过或次数已满，请重新提出请求。',
    en: 'The time to download is over, or it was downloaded often enough. Please ask anew.',
  },
  'person-erased': { 'zh-CN': '这里已没有关于您的任何信息。', en: 'Nothing is held about you any more.' },
  'exports-busy': {
    'zh-CN': '正在为其他人准备文件，请稍后再试。',
    en: 'Other files are being made just now. Please try again in a moment.',
  },
  'nothing-to-lift': {
    'zh-CN': '您的信息没有停用，或已恢复使用。',
    en: 'Your data is not restricted, or not any more.',
  },
  'change-missing': {
    'zh-CN': '请选择要更正的项目，并填写正确的内容。',
    en: 'Please choose the field, and say what is right.',
  },
  'purpose-missing': { 'zh-CN': '请至少选择一项目的。', en: 'Please choose at least one purpose.' },
  'bad-identifier': {
    'zh-CN': '填写的邮箱、号码或编号格式不正确。',
    en: 'The address, number or name does not look right.',
  },
  'bad-session-token': {
    'zh-CN': '商店传来的登录信息无效或已过期。请回到商店页面重新进入。',
    en: 'What the shop sent to sign you in does not hold, or is too old. Please come from the shop’s page once more.',
  },
  'used-already': {
    'zh-CN': '商店传来的登录信息已使用过。请回到商店页面重新进入。',
    en: 'What the shop sent to sign you in was used already. Please come from the shop’s page once more.',
  },
  'not-yours': {
    'zh-CN': '在这里没有找到属于此设备的信息，或无法确认设备。',
    en: 'Nothing is held here for this device, or it could not be shown to be yours.',
  },
  'origin-not-listed': {
    'zh-CN': '此页面不在商店登记的网址之列。',
    en: 'The page that you came from is not one of the shop’s registered pages.',
  },
  'choice-outdated': { 'zh-CN': '此选择早于最近一次删除。', en: 'The choice is older than the last erasure.' },
  'erased-meanwhile': { 'zh-CN': '您的信息刚刚被删除。', en: 'Your data was erased just now.' },
}

const BY_KIND: Readonly<Record<AppError['kind'] | 'internal', Told<string>>> = {
  invalid: {
    'zh-CN': '提交的内容有误，请检查后再试。',
    en: 'Something in what you sent is not right. Please check it.',
  },
  unauthenticated: { 'zh-CN': '请先登录。', en: 'Please sign in first.' },
  forbidden: { 'zh-CN': '无法为您执行此操作。', en: 'This cannot be done for you.' },
  'not-found': { 'zh-CN': '没有找到。', en: 'It was not found.' },
  conflict: { 'zh-CN': '现在不能这样做，请查看最新进度。', en: 'This cannot be done now. See where things stand.' },
  overloaded: { 'zh-CN': '系统繁忙，请稍后再试。', en: 'We are busy just now. Please try again in a moment.' },
  internal: {
    'zh-CN': '我们这边出了问题，已记录。请稍后再试。',
    en: 'Something went wrong on our side, and is on record. Please try again later.',
  },
}

/** What an error of this code means, for the person. */
export function problemWords(code: string, language: Language): string {
  return (WORDS[code] ?? BY_KIND.invalid)[language]
}

/** When it may be tried again, where the error says so. */
export function problemHeaders({ retryAfter }: AppError): Readonly<Record<string, string>> {
  return retryAfter === undefined ? {} : { 'Retry-After': String(Math.max(1, retryAfter)) }
}

/** What went wrong, in words: never the error's own. */
export function problemPage({ locale: { language } }: Turn, error: unknown, path: string): PageReply {
  const known = error instanceof AppError ? error : undefined
  const kind = isAway(error) ? 'overloaded' : (known?.kind ?? 'internal')
  const words = (known && Object.hasOwn(WORDS, known.code) ? WORDS[known.code] : undefined) ?? BY_KIND[kind]
  const before = pageBefore(path)
  const status = known?.status ?? (kind === 'overloaded' ? 503 : 500)
  return {
    title: TITLE[language],
    status,
    ...(known === undefined ? {} : { headers: problemHeaders(known) }),
    body: html`<h1>${TITLE[language]}</h1>
<div class="alert" role="alert"><p>${words![language]}</p></div>
<p class="actions">${before !== undefined && html`<a class="button main" href="${ROOT}${before}">${AGAIN[language]}</a> `}<a class="button" href="${ROOT}">${BACK[language]}</a></p>`,
  }
}

/** The page that has the form, where the path is one that forms are sent to. */
function pageBefore(path: string): string | undefined {
  const request = /^\/requests\/[0-9a-f-]{36}(?=\/)/.exec(path)?.[0]
  if (request !== undefined) return request
  return /^\/(ask\/[a-z]+|follow|sign-in(\/code)?|choices|tags(?=\/|$)|receipt|accesses|me)/.exec(path)?.[0]
}
