import { AppError } from '../../errors.ts'
import { cancelRequest, lateRight } from '../../rights/cancel.ts'
import type { Right } from '../../rights/request.ts'
import { proveRequest } from '../../rights/verify/prove.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { PageReply, Reply, Told, Turn } from '../turn.ts'
import { follow, secretOf } from '../visit.ts'

const WORDS: Told<
  Readonly<
    Record<
      | 'confirm'
      | 'confirmHow'
      | 'confirmPress'
      | 'confirmed'
      | 'confirmedHow'
      | 'cancel'
      | 'cancelHow'
      | 'cancelPress'
      | 'cancelled'
      | 'cancelledHow'
      | 'home',
      string
    >
  >
> = {
  'zh-CN': {
    confirm: '确认您的请求',
    confirmHow: '仅打开本页不会有任何效果。如果是您本人提出的请求，请点击下面的按钮。',
    confirmPress: '是我，确认',
    confirmed: '已确认',
    confirmedHow: '已确认是您本人，请求即将处理。',
    cancel: '撤回请求',
    cancelHow: '仅打开本页不会有任何效果。点击按钮即撤回请求，一切照旧。',
    cancelPress: '撤回请求',
    cancelled: '已撤回',
    cancelledHow: '请求已撤回，未做任何处理。您的信息恢复按您此前的选择使用。',
    home: '回到首页',
  },
  en: {
    confirm: 'Confirm your request',
    confirmHow: 'Opening this page does nothing. If it was you who asked, press the button.',
    confirmPress: 'It was me: confirm',
    confirmed: 'Confirmed',
    confirmedHow: 'It is confirmed that this is you. The request begins soon.',
    cancel: 'Take the request back',
    cancelHow:
      'Opening this page does nothing. Press the button, and the request is taken back: everything stays as it was.',
    cancelPress: 'Take it back',
    cancelled: 'Taken back',
    cancelledHow: 'The request was taken back. Nothing was done, and your data is used again as you chose before.',
    home: 'To the front page',
  },
}

/** GET /privacy/requests/:id/confirm/:token: mail scanners open links, so that opening one does nothing. */
export function confirmPage(turn: Turn): PageReply {
  const { confirm, confirmHow, confirmPress } = WORDS[turn.locale.language]
  return { title: confirm, body: oneButton(turn, 'confirm', { title: confirm, how: confirmHow, press: confirmPress }) }
}

/** POST of the same. The request passes to whoever opened the link, where nobody is bound to it. */
export async function confirm(turn: Turn): Promise<Reply> {
  const { deps, params, visit, ask, locale } = turn
  const id = params.id ?? ''
  const own = secretOf(visit, id)
  const shown = { token: params.token ?? '' }
  const { secret } = await proveRequest(deps, {
    id,
    shown,
    addressPrefix: ask.addressPrefix,
    ...(own === undefined ? {} : { secret: own }),
  })
  const known = secret ?? own
  if (known !== undefined)
    return { go: `/requests/${id}`, visit: { ...follow(visit, id, known), said: 'request-proved' } }
  const words = WORDS[locale.language]
  return { title: words.confirmed, body: done(words.confirmed, words.confirmedHow, words.home) }
}

/** GET /privacy/requests/:id/cancel/:token */
export async function cancelPage(turn: Turn): Promise<PageReply> {
  const late = await tooLate(turn)
  if (late !== undefined) return late
  const { cancel, cancelHow, cancelPress } = WORDS[turn.locale.language]
  return { title: cancel, body: oneButton(turn, 'cancel', { title: cancel, how: cancelHow, press: cancelPress }) }
}

/** POST of the same. */
export async function cancelByLink(turn: Turn): Promise<PageReply> {
  const { deps, params, locale } = turn
  try {
    await cancelRequest(deps, { id: params.id ?? '', by: { token: params.token ?? '' } })
  } catch (error) {
    const late = error instanceof AppError && error.code === 'request-state' ? await tooLate(turn) : undefined
    if (late === undefined) throw error
    return { ...late, status: 409 }
  }
  const words = WORDS[locale.language]
  return { title: words.cancelled, body: done(words.cancelled, words.cancelledHow, words.home) }
}

const LATE: Told<Readonly<Record<Right | 'title' | 'open', string>>> = {
  'zh-CN': {
    title: '已经不能撤回',
    open: '打开请求',
    access:
      '请求已处理，但文件没有提供给任何人：下载前还须输入再次发送给您的验证码，请勿告诉任何人。7 天后不能再下载。',
    portability:
      '请求已处理，但文件没有提供给任何人：下载前还须输入再次发送给您的验证码，请勿告诉任何人。7 天后不能再下载。',
    correction: '更正已经完成。如内容有误，请再提出一次更正。',
    erasure: '删除已经开始，不能恢复。',
    restriction: '您的信息已停用。如要恢复使用，请打开请求，点击“恢复使用”。',
    objection: '已停止用于所选目的。如要恢复，请在“我的选择”中重新同意。',
  },
  en: {
    title: 'It can no longer be taken back',
    open: 'Open the request',
    access:
      'It is done, but nothing is handed out without another code that is sent to you alone: tell it to nobody. After 7 days it cannot be downloaded any more.',
    portability:
      'It is done, but nothing is handed out without another code that is sent to you alone: tell it to nobody. After 7 days it cannot be downloaded any more.',
    correction: 'It is corrected. If it is wrong now, ask for correction once more.',
    erasure: 'The erasure has begun: it cannot be undone.',
    restriction:
      'Your data is kept and used for nothing. To have it used again open the request, and press “Use it again”.',
    objection: 'Your data is no longer used for this. To allow it again go to “My choices”.',
  },
}

/** What can be done instead, for who has the link of a request that is past being taken back. */
async function tooLate({ deps, params, locale: { language } }: Turn): Promise<PageReply | undefined> {
  const right = await lateRight(deps, params.id ?? '', params.token ?? '')
  if (right === undefined) return undefined
  const words = LATE[language]
  return {
    title: words.title,
    body: html`<h1>${words.title}</h1><div class="note"><p>${words[right]}</p></div>
<p><a class="button" href="${ROOT}/requests/${params.id}">${words.open}</a></p>`,
  }
}

interface Asked {
  readonly title: string
  readonly how: string
  readonly press: string
}

function oneButton({ csrf, params }: Turn, act: 'confirm' | 'cancel', { title, how, press }: Asked): Html {
  return html`<h1>${title}</h1><p>${how}</p>
<form method="post" action="${ROOT}/requests/${params.id}/${act}/${params.token}">${csrf}<button class="main">${press}</button></form>`
}

function done(title: string, how: string, home: string): Html {
  return html`<h1>${title}</h1><div class="note" role="status"><p>${how}</p></div><p><a class="button" href="${ROOT}">${home}</a></p>`
}
