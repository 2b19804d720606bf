import { refusalText } from '../../rights/reasons.ts'
import { RECIPIENT_WORDS } from '../../rights/status-words.ts'
import type { Followed } from '../data/requests.ts'
import { day } from '../format.ts'
import { type Html, html } from '../html.ts'
import type { Turn } from '../turn.ts'
import { classWords, lawWords } from '../words.ts'
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

/** Who was told, and what each of them answered. */
export function recipientsOf({ locale: { language } }: Turn, { status }: Followed): Html | undefined {
  const recipients = listIn(status.recipients)
  if (recipients.length === 0) return undefined
  const words = WORDS[language]
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
