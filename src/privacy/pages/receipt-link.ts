import { receiptJwks } from '../../rights/receipt-jwks.ts'
import { byReceiptLink, takeCheckCode } from '../../rights/receipt-link.ts'
import { RECEIPT_PAGE_NAME, receiptPage } from '../../rights/receipt-page.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { FileReply, PageReply, Told, Turn } from '../turn.ts'
import { receiptShown } from './receipt.ts'
import { RECEIPT_WORDS } from './receipt-words.ts'
import { REQUEST_WORDS } from './request-words.ts'

const WORDS: Told<Readonly<Record<'code' | 'codeHow' | 'press' | 'gone', string>>> = {
  'zh-CN': {
    code: '核验码',
    codeHow: '凭核验码可以证明这份回执是您的。它在此只显示一次：请先准备好保存，再点击按钮。',
    press: '显示核验码',
    gone: '核验码已显示过，或已超过 30 天。回执仍可随时核验。',
  },
  en: {
    code: 'The check code',
    codeHow: 'With it you can show that the receipt is yours. It is shown here once: be ready to keep it.',
    press: 'Show the check code',
    gone: 'The check code was shown before, or 30 days are over. The receipt can be checked at any time.',
  },
}

const linkOf = ({ params }: Turn): readonly [id: string, token: string] => [params.id ?? '', params.token ?? '']

/** GET /privacy/requests/:id/receipt/:token: what the mail after an erasure leads to. Opening it changes nothing. */
export async function linkedReceipt(turn: Turn): Promise<PageReply> {
  const { request, codeLeft } = await byReceiptLink(turn.deps, ...linkOf(turn))
  const words = WORDS[turn.locale.language]
  const card = codeLeft
    ? html`<p>${words.codeHow}</p><form method="post" action="${pathOf(turn)}">${turn.csrf}<button>${words.press}</button></form>`
    : html`<p>${words.gone}</p>`
  return pageOf(turn, request.receipt, card)
}

/** POST of the same: the check code, once. */
export async function linkedCode(turn: Turn): Promise<PageReply> {
  const { receipt, salt } = await takeCheckCode(turn.deps, ...linkOf(turn))
  const { language } = turn.locale
  const card =
    salt === undefined
      ? html`<p>${WORDS[language].gone}</p>`
      : html`<p>${REQUEST_WORDS[language].salt}</p><p><span class="secret mono">${salt}</span></p>`
  return pageOf(turn, receipt, card)
}

/** GET /privacy/requests/:id/receipt/:token/receipt.html */
export async function saveLinked(turn: Turn): Promise<FileReply> {
  const { deps, locale, now } = turn
  const { request } = await byReceiptLink(deps, ...linkOf(turn))
  const file = await receiptPage(request.receipt, { jwks: receiptJwks(deps.keyring), language: locale.language, now })
  return { file, type: 'text/html; charset=utf-8', name: RECEIPT_PAGE_NAME }
}

async function pageOf(turn: Turn, receipt: string, code: Html): Promise<PageReply> {
  const { language } = turn.locale
  const words = RECEIPT_WORDS[language]
  return {
    title: words.own,
    body: html`<h1>${words.own}</h1><p>${REQUEST_WORDS[language].receiptHow}</p>
<section class="card"><h2>${WORDS[language].code}</h2>${code}</section>
${await receiptShown(turn, receipt, html`<a class="button main" href="${pathOf(turn)}/receipt.html">${words.save}</a>`)}`,
  }
}

function pathOf({ params }: Turn): string {
  return `${ROOT}/requests/${params.id}/receipt/${params.token}`
}
