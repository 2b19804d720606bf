import { bySecret } from '../../rights/present-secret.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { PageReply, Reply, Told, Turn } from '../turn.ts'
import { follow } from '../visit.ts'
import { fieldMarks, fieldWrong, orAgain } from './wrong.ts'

const WORDS: Told<
  Readonly<Record<'title' | 'lead' | 'number' | 'secret' | 'secretHint' | 'press' | 'signIn' | 'or', string>>
> = {
  'zh-CN': {
    title: '按编号查看请求',
    lead: '请输入提出请求时得到的编号和密码。无需登录。',
    number: '请求编号',
    secret: '请求密码',
    secretHint: '提出请求后显示在页面上的一串字符',
    press: '查看进度',
    or: '没有密码？',
    signIn: '登录后可查看您的全部请求',
  },
  en: {
    title: 'Follow a request',
    lead: 'Type the number and the secret that you were given when you asked. You need not sign in.',
    number: 'Number of the request',
    secret: 'Secret of the request',
    secretHint: 'The characters that were shown to you after you had asked',
    press: 'Show it',
    or: 'No secret?',
    signIn: 'Sign in to see all of your requests',
  },
}

/** GET /privacy/follow */
export function followPage(turn: Turn): PageReply {
  return { title: WORDS[turn.locale.language].title, body: followForm(turn, turn.form.text('number', 64)) }
}

/** The same where a link named the number, whether there is such a request or not. */
export function followForm(turn: Turn, id: string | undefined): Html {
  const { locale, csrf, visit } = turn
  const words = WORDS[locale.language]
  return html`<h1>${words.title}</h1><p>${words.lead}</p>
<form method="post" action="${ROOT}/follow" class="card">${csrf}
<div class="field"><label for="number">${words.number}</label><input class="mono" type="text" id="number" name="number" required maxlength="64" value="${id}" autocomplete="off" autocapitalize="none" spellcheck="false"></div>
<div class="field"><label for="secret">${words.secret}<span class="hint" id="secret-hint">${words.secretHint}</span></label><input type="password" id="secret" name="secret" required maxlength="128" autocomplete="off"${fieldMarks(turn, 'secret', 'secret-hint')}>${fieldWrong(turn, 'secret')}</div>
<p><button class="main">${words.press}</button></p></form>
${visit.who === undefined && html`<p>${words.or} <a href="${ROOT}/sign-in">${words.signIn}</a></p>`}`
}

/** POST /privacy/follow: from then on it is followed in this browser, until the visit ends. */
export async function openFollowed(turn: Turn): Promise<Reply> {
  const { deps, form, visit } = turn
  return orAgain(turn, { fields: { 'request-unknown': 'secret' }, form: followPage }, async () => {
    const secret = form.text('secret', 128) ?? ''
    const { id } = await bySecret(deps.db, form.text('number', 64)?.toLowerCase() ?? '', secret)
    return { go: `/requests/${id}`, visit: follow(visit, id, secret) }
  })
}
