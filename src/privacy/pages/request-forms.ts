import { asksForProof } from '../../rights/status.ts'
import type { Followed } from '../data/requests.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { Turn } from '../turn.ts'
import { REQUEST_WORDS as WORDS } from './request-words.ts'
import { fieldMarks, fieldWrong } from './wrong.ts'

/** Where the code goes that was sent, for as long as proof is asked for. */
export function codeForms(turn: Turn, { request, secret }: Followed): Html | undefined {
  const { locale, csrf } = turn
  if (!asksForProof(request) || secret === undefined) return undefined
  const words = WORDS[locale.language]
  return html`<section class="card"><h2>${words.code}</h2><p>${words.codeHow}</p>
<form method="post" action="${ROOT}/requests/${request.id}/code">${csrf}
<div class="field"><label for="code">${words.codeLabel}</label><input class="code" type="text" id="code" name="code" required maxlength="32" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"${fieldMarks(turn, 'code')}>${fieldWrong(turn, 'code')}</div>
<p><button class="main">${words.codePress}</button></p></form>
<form method="post" action="${ROOT}/requests/${request.id}/resend">${csrf}<button>${words.resend}</button></form></section>`
}

export function cancelForm({ locale: { language }, csrf }: Turn, { request, status }: Followed): Html | undefined {
  if (status.canCancel !== true) return undefined
  const words = WORDS[language]
  return html`<section class="card"><h2>${words.cancel}</h2><p>${words.cancelHow}</p>
<form method="post" action="${ROOT}/requests/${request.id}/cancel">${csrf}<button>${words.cancelPress}</button></form></section>`
}

/** Who has the secret proves themselves once more: by a code, or by the device that it is about. */
export function downloadForm(turn: Turn, { request, secret, status }: Followed): Html | undefined {
  if (status.next !== 'download') return undefined
  const { locale, csrf, form } = turn
  const words = WORDS[locale.language]
  if (secret === undefined) {
    return html`<section class="card"><h2>${words.download}</h2><p>${words.needSecret}</p><p><a class="button" href="${ROOT}/follow">${words.download}</a></p></section>`
  }
  const byDevice = request.verifiedBy === 'device-secret'
  const ask = html`<form method="post" action="${ROOT}/requests/${request.id}/download-code">${csrf}<button>${words.askCode}</button></form>`
  const field = (name: string, label: string): Html =>
    html`<div class="field"><label for="${name}">${label}</label><input type="text" id="${name}" name="${name}" required maxlength="256" value="${form.text(name, 256)}" autocomplete="off" spellcheck="false"${fieldMarks(turn, name)}>${fieldWrong(turn, name)}</div>`
  const code = html`<div class="field"><label for="code">${words.codeLabel}</label><input class="code" type="text" id="code" name="code" required maxlength="32" value="${form.text('code', 32)}" autocomplete="one-time-code" spellcheck="false"${fieldMarks(turn, 'code')}>${fieldWrong(turn, 'code')}</div>`
  return html`<section class="card"><h2>${words.download}</h2><p>${words.downloadHow}</p>${!byDevice && ask}
<form method="post" action="${ROOT}/requests/${request.id}/download">${csrf}
${byDevice ? html`${field('anonymousId', words.deviceId)}${field('anonymousSecret', words.deviceSecret)}` : code}
<div class="field"><label for="passphrase">${words.passphrase}<span class="hint" id="passphrase-hint">${words.passphraseHint}</span></label>
<input type="password" id="passphrase" name="passphrase" required minlength="12" maxlength="128" autocomplete="new-password"${fieldMarks(turn, 'passphrase', 'passphrase-hint')}>${fieldWrong(turn, 'passphrase')}</div>
<p><button class="main">${words.downloadPress}</button></p></form></section>`
}

/** The end of a restriction, which the person may say at any time. */
export function liftForm(
  { locale: { language }, csrf }: Turn,
  { request, secret, status }: Followed,
): Html | undefined {
  const holds = request.state === 'awaiting_destinations' || request.state === 'completed'
  if (request.right !== 'restriction' || !holds || secret === undefined || typeof status.liftedAt === 'string')
    return undefined
  const words = WORDS[language]
  return html`<section class="card"><h2>${words.lift}</h2><p>${words.liftHow}</p>
<form method="post" action="${ROOT}/requests/${request.id}/lift">${csrf}<button>${words.liftPress}</button></form></section>`
}
