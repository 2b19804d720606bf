import { revoke } from '../data/revoked.ts'
import { askForCode, proveCode } from '../data/sign-in.ts'
import { html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { GoReply, PageReply, Reply, Told, Turn } from '../turn.ts'
import { newVisit } from '../visit.ts'
import { fieldMarks, fieldWrong, orAgain } from './wrong.ts'

const WORDS: Told<
  Readonly<
    Record<
      | 'title'
      | 'lead'
      | 'address'
      | 'addressHint'
      | 'press'
      | 'shop'
      | 'shopHow'
      | 'codeTitle'
      | 'codeLead'
      | 'code'
      | 'codeHint'
      | 'codePress'
      | 'again'
      | 'none'
      | 'noneHow',
      string
    >
  >
> = {
  'zh-CN': {
    title: '登录隐私中心',
    lead: '请输入您在商店留存的邮箱或手机号，我们会发送一个验证码。',
    address: '邮箱或手机号',
    addressHint: '手机号请带国家代码，例如 +86 138 0000 0000',
    press: '发送验证码',
    shop: '已在商店登录？',
    shopHow: '从商店的“隐私”页面进入，无需验证码。没有账号的访客也可以从那里查看本设备的信息。',
    codeTitle: '输入验证码',
    codeLead: '如果商店留有这个邮箱或号码，验证码已发送到那里，15 分钟内有效。为保护隐私，我们不说明是否留有。',
    code: '验证码',
    codeHint: '大小写和空格不影响',
    codePress: '登录',
    again: '换一个邮箱或号码，或重新发送',
    none: '没有收到？',
    noneHow: '请检查垃圾邮件。商店可能没有留存您的这个联系方式，也可能短时间内发送次数过多。',
  },
  en: {
    title: 'Sign in to the privacy centre',
    lead: 'Give the e-mail address or phone number that the shop has of you. We send a code there.',
    address: 'E-mail address or phone number',
    addressHint: 'A number with its country, such as +44 20 7946 0000',
    press: 'Send me a code',
    shop: 'Signed in at the shop?',
    shopHow:
      'Come from the shop’s privacy page: no code is needed. Visitors without an account see from there what this device has sent.',
    codeTitle: 'Type the code',
    codeLead:
      'If the shop has this address or number, a code was sent there. It is good for 15 minutes. To protect people we do not say whether it has.',
    code: 'Code',
    codeHint: 'Capitals and blanks do not matter',
    codePress: 'Sign in',
    again: 'Another address or number, or send it again',
    none: 'Nothing came?',
    noneHow: 'Look into your spam folder. The shop may not have this address of you, or it was sent too often lately.',
  },
}

/** GET /privacy/sign-in */
export function signInPage(turn: Turn): PageReply {
  const { locale, csrf, form } = turn
  const words = WORDS[locale.language]
  return {
    title: words.title,
    body: html`<h1>${words.title}</h1><p>${words.lead}</p>
<form method="post" action="${ROOT}/sign-in" class="card">${csrf}
<div class="field"><label for="address">${words.address}<span class="hint" id="address-hint">${words.addressHint}</span></label>
<input type="text" id="address" name="address" required maxlength="320" value="${form.text('address')}" autocomplete="username" autocapitalize="none" spellcheck="false"${fieldMarks(turn, 'address', 'address-hint')}>${fieldWrong(turn, 'address')}</div>
<p><button class="main">${words.press}</button></p></form>
<h2>${words.shop}</h2><p>${words.shopHow}</p>`,
  }
}

/** POST /privacy/sign-in: one answer, whoever is known. */
export async function askCode(turn: Turn): Promise<Reply> {
  const { deps, form, ask, visit, now, locale } = turn
  const { language } = locale
  return orAgain(turn, { fields: { 'bad-identifier': 'address' }, form: signInPage }, async () => {
    const address = form.text('address') ?? ''
    const asked = await askForCode(deps, { address, language, addressPrefix: ask.addressPrefix })
    return { go: '/sign-in/code', visit: { ...newVisit(now, visit), asked, follows: visit.follows } }
  })
}

/** GET /privacy/sign-in/code */
export function codePage(turn: Turn): PageReply | GoReply {
  return turn.visit.asked === undefined ? { go: '/sign-in' } : codeForm(turn)
}

function codeForm(turn: Turn): PageReply {
  const { locale, csrf } = turn
  const words = WORDS[locale.language]
  return {
    title: words.codeTitle,
    body: html`<h1>${words.codeTitle}</h1><p>${words.codeLead}</p>
<form method="post" action="${ROOT}/sign-in/code" class="card">${csrf}
<div class="field"><label for="code">${words.code}<span class="hint" id="code-hint">${words.codeHint}</span></label>
<input class="code" type="text" id="code" name="code" required maxlength="32" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"${fieldMarks(turn, 'code', 'code-hint')}>${fieldWrong(turn, 'code')}</div>
<p><button class="main">${words.codePress}</button></p></form>
<p><a href="${ROOT}/sign-in">${words.again}</a></p>
<h2>${words.none}</h2><p>${words.noneHow}</p>`,
  }
}

/** POST /privacy/sign-in/code: a session of its own; nothing of the visit before is taken over but requests followed there. */
export async function enterCode(turn: Turn): Promise<Reply> {
  const { deps, form, ask, visit, now } = turn
  const { asked } = visit
  if (asked === undefined) return { go: '/sign-in' }
  return orAgain(turn, { fields: { 'code-wrong': 'code', 'too-many-tries': 'code' }, form: codeForm }, async () => {
    const who = await proveCode(deps, asked, { code: form.text('code', 32) ?? '', addressPrefix: ask.addressPrefix })
    return { go: '/me', visit: { ...newVisit(now, visit), who, follows: visit.follows, said: 'signed-in' } }
  })
}

/** POST /privacy/sign-out: for every copy of the cookie. */
export async function signOut({ deps, visit, now }: Turn): Promise<GoReply> {
  await revoke(deps.db, visit.id, now)
  return { go: '', visit: { ...newVisit(now, visit), said: 'signed-out' } }
}
