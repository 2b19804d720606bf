import { receiptJwks } from '../../rights/receipt-jwks.ts'
import { PAGE_WORDS } from '../../rights/receipt-page/words.ts'
import type { ReceiptCheck } from '../../rights/verify-receipt.ts'
import { verifyReceipt } from '../../rights/verify-receipt.ts'
import { followed } from '../data/requests.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { PageReply, Turn } from '../turn.ts'
import { receiptParts } from './receipt-parts.ts'
import { PROBLEM_WORDS, RECEIPT_WORDS as WORDS } from './receipt-words.ts'

/** GET /privacy/receipt: anybody may check anybody's: it names nobody. */
export function checkPage(turn: Turn): PageReply {
  const words = WORDS[turn.locale.language]
  return {
    title: words.title,
    body: html`<h1>${words.title}</h1><p>${words.lead}</p>${checkForm(turn)}<p class="quiet">${words.elsewhere}</p>`,
  }
}

function checkForm({ locale: { language }, csrf }: Turn): Html {
  const words = WORDS[language]
  return html`<form method="post" action="${ROOT}/receipt">${csrf}
<div class="field"><label for="receipt">${words.receipt}<span class="hint" id="receipt-hint">${words.receiptHint}</span></label>
<textarea id="receipt" name="receipt" required maxlength="40000" autocomplete="off" spellcheck="false" aria-describedby="receipt-hint"></textarea></div>
<details><summary>${words.yours}</summary><p>${words.yoursHow}</p>
<div class="field"><label for="salt">${PAGE_WORDS[language].salt}</label><input type="text" id="salt" name="salt" maxlength="128" autocomplete="off" spellcheck="false"></div>
<div class="field"><label for="identifier">${PAGE_WORDS[language].identifier}</label><input type="text" id="identifier" name="identifier" maxlength="320" autocomplete="off" spellcheck="false"></div></details>
<p><button class="main">${words.press}</button></p></form>`
}

/** POST /privacy/receipt: nothing of what was pasted is kept. */
export async function checkReceipt(turn: Turn): Promise<PageReply> {
  const { deps, form, now, locale } = turn
  const words = WORDS[locale.language]
  const salt = form.text('salt', 128)
  const identifier = form.text('identifier')
  const person = salt === undefined || identifier === undefined ? undefined : { salt, identifiers: [identifier] }
  const jws = jwsIn(form.text('receipt', 40_000) ?? '')
  const found = await verifyReceipt(jws, {
    jwks: receiptJwks(deps.keyring),
    now,
    ...(person === undefined ? {} : { person }),
  })
  return {
    title: words.title,
    body: html`<h1>${words.title}</h1>${verdict(turn, found)}${shownOf(turn, found)}<h2>${words.another}</h2>${checkForm(turn)}`,
  }
}

/** GET /privacy/requests/:id/receipt: one's own, read and checked. */
export async function ownReceipt(turn: Turn): Promise<PageReply> {
  const words = WORDS[turn.locale.language]
  const { request } = await followed(turn)
  const at = `${ROOT}/requests/${request.id}`
  const actions = html`<a class="button main" href="${at}/receipt.html">${words.save}</a> <a class="button" href="${at}">${words.back}</a>`
  return {
    title: words.own,
    body: html`<h1>${words.own}</h1>${await receiptShown(turn, request.receipt ?? '', actions)}`,
  }
}

/** A receipt read and checked, with what can be done with it, and its own text. */
export async function receiptShown(turn: Turn, receipt: string, actions: Html): Promise<Html> {
  const { deps, now, locale } = turn
  const words = WORDS[locale.language]
  const found = await verifyReceipt(receipt, { jwks: receiptJwks(deps.keyring), now })
  return html`${verdict(turn, found)}${shownOf(turn, found)}<p class="actions">${actions}</p>
<details><summary>${words.text}</summary><p>${words.textHow}</p><p><span class="secret mono">${receipt}</span></p></details>`
}

/** A receipt, or the file that it was saved as: the first compact JWS in it (RFC 7515 §7.1). */
function jwsIn(text: string): string {
  return /eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/.exec(text)?.[0] ?? ''
}

function verdict({ locale: { language } }: Turn, { ok, problems, log, yours }: ReceiptCheck): Html {
  const words = WORDS[language]
  if (!ok) {
    const lines = problems.map((one) => html`<p>${PROBLEM_WORDS[language][one]}</p>`)
    return html`<div class="alert" role="alert"><p><strong>${words.bad}</strong></p>${lines}</div>`
  }
  return html`<div class="note" role="status"><p><strong>${words.good}</strong></p><p>${words.signed}</p>${log === 'proved' && html`<p>${words.logged}</p>`}${yours === true && html`<p>${words.isYours}</p>`}</div>`
}

function shownOf({ locale: { language } }: Turn, found: ReceiptCheck): Html | undefined {
  return found.ok && found.claims !== undefined ? receiptParts(found.claims, found, language) : undefined
}
