import { refusalText } from '../../rights/reasons.ts'
import type { Change } from '../../rights/request.ts'
import { RECIPIENT_WORDS } from '../../rights/status-words.ts'
import type { Followed } from '../data/requests.ts'
import { day, number } from '../format.ts'
import { type Html, html } from '../html.ts'
import type { Turn } from '../turn.ts'
import { classWords, lawWords } from '../words.ts'
import { fieldWords } from './ask-words.ts'
import { REQUEST_WORDS as WORDS } from './request-words.ts'

/** Why it was refused, what that rests on, and what can be done about it. */
export function refusalOf({ locale: { language } }: Turn, { request, status }: Followed): Html | undefined {
  const { state, reason: code, right, regime } = request
  if (state !== 'denied' || code === undefined || status.proven !== true) return undefined
  const words = WORDS[language]
  const { reason, article, remedy } = refusalText({ code, right, regime }, language)
  const said = textIn(status.refusal, 'words')
  return html`<section class="card"><h2>${words.refusal}</h2><p>${reason}</p>${said !== '' && html`<p>${said}</p>`}
${article !== '' && html`<p>${words.article(article)}</p>`}<p>${remedy}</p></section>`
}

/** What stays, by which law, until when. */
export function retainedOf({ locale }: Turn, { status }: Followed): Html | undefined {
  const retained = listIn(status.retained)
  if (retained.length === 0) return undefined
  const words = WORDS[locale.language]
  const items = retained.map((one) => {
    const { name } = classWords(textIn(one, 'class'), locale.language)
    return html`<li><strong>${name}</strong><span class="hint">${words.until(day(textIn(one, 'until'), locale), lawWords(textIn(one, 'ground'), locale.language))}</span></li>`
  })
  return html`<section class="card"><h2>${words.retained}</h2><p>${words.retainedHow}</p><ul class="plain">${items}</ul></section>`
}

/** Of a correction: how many values it changed, and what was asked, for as long as the request remembers it. */
export function correctedOf({ locale }: Turn, { status }: Followed, changes: readonly Change[]): Html | undefined {
  const words = WORDS[locale.language]
  const count = typeof status.corrected === 'number' ? status.corrected : undefined
  if (count === undefined && changes.length === 0) return undefined
  const asked = changes.map(
    ({ path, to }) =>
      html`<li>${fieldWords(path, locale.language)}<span class="hint">${words.changeTo(String(to))}</span></li>`,
  )
  return html`<section class="card"><h2>${words.changes}</h2>${asked.length > 0 && html`<ul class="plain">${asked}</ul>`}
${count !== undefined && html`<p>${count === 0 ? words.correctedNone : words.corrected(number(count, locale))}</p>`}</section>`
}

/** Who was told, and what each of them answered. */
export function recipientsOf(
  { locale: { language } }: Turn,
  { request: { right, state }, status }: Followed,
): Html | undefined {
  const recipients = listIn(status.recipients)
  const words = WORDS[language]
  const tells = right !== 'access' && right !== 'portability'
  if (recipients.length === 0) {
    const isDone = tells && (state === 'completed' || state === 'completed_partial') && status.proven === true
    return isDone
      ? html`<section class="card"><h2>${words.recipients}</h2><p>${words.noRecipients}</p></section>`
      : undefined
  }
  const items = recipients.map((one) => {
    const state = textIn(one, 'state')
    const said = Object.hasOwn(RECIPIENT_WORDS, state)
      ? RECIPIENT_WORDS[state as keyof typeof RECIPIENT_WORDS][language]
      : ''
    return html`<li class="row"><strong>${textIn(one, 'recipient')}</strong><span class="tag">${said}</span></li>`
  })
  return html`<section class="card"><h2>${words.recipients}</h2><ul class="plain">${items}</ul></section>`
}

function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** A member of a part of the status, which is JSON. */
function textIn(value: unknown, name: string): string {
  if (typeof value !== 'object' || value === null) return ''
  const found: unknown = Reflect.get(value, name)
  return typeof found === 'string' ? found : ''
}
