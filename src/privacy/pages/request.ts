import { AppError } from '../../errors.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { readContent } from '../../rights/content.ts'
import type { Change } from '../../rights/request.ts'
import { type Next, nextWords } from '../../rights/status-words.ts'
import { type Followed, followed } from '../data/requests.ts'
import { dayOf, moment } from '../format.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { PageReply, Turn } from '../turn.ts'
import { followForm } from './follow.ts'
import { cancelForm, codeForms, downloadForm, liftForm } from './request-forms.ts'
import { correctedOf, recipientsOf, refusalOf, retainedOf } from './request-parts.ts'
import { stepsOf } from './request-steps.ts'
import { REQUEST_WORDS as WORDS } from './request-words.ts'
import { inWords } from './requests.ts'
import { RIGHT_WORDS } from './right-words.ts'

/** GET /privacy/requests/:id: for who has its secret, or is signed in as whom it is about; else the secret is asked for. */
export async function requestPage(turn: Turn): Promise<PageReply> {
  const found = await followed(turn).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'request-unknown') return undefined
    throw error
  })
  const words = WORDS[turn.locale.language]
  if (found === undefined) return { title: words.title, body: followForm(turn, turn.params.id) }
  const { right } = found.request
  const changes = right === 'correction' && found.status.proven === true ? await changesOf(turn, found.request.id) : []
  const { name } = RIGHT_WORDS[turn.locale.language][right]
  return {
    title: words.title,
    body: html`<h1>${name}</h1>
<div class="note"><p><strong>${inWords(found.request, turn.locale.language, typeof found.status.liftedAt === 'string')}</strong></p><p>${nextWords(nextOf(found), turn.locale.language)}</p></div>
${stepsOf(turn, found.request)}
${codeForms(turn, found)}${downloadForm(turn, found)}${refusalOf(turn, found)}${correctedOf(turn, found, changes)}${retainedOf(turn, found)}${recipientsOf(turn, found)}
${receiptCard(turn, found)}${liftForm(turn, found)}${cancelForm(turn, found)}
<h2>${words.about}</h2>${facts(turn, found)}`,
  }
}

async function changesOf({ deps: { db, keyring } }: Turn, id: string): Promise<readonly Change[]> {
  return withActiveEpoch(keyring, async () => (await readContent(db, keyring, id, 'changes')) ?? [])
}

function nextOf({ status }: Followed): Next {
  const { next } = status
  return next === 'prove' || next === 'download' || next === 'lift' || next === 'cancel' ? next : 'nothing'
}

function facts({ locale }: Turn, { request, secret, status }: Followed): Html {
  const words = WORDS[locale.language]
  const row = (name: string, at: number | undefined, how: typeof moment): Html | false =>
    at !== undefined && html`<dt>${name}</dt><dd>${how(at, locale)}</dd>`
  const { receivedAt, targetAt, legalDueAt, extendedUntil, coolingUntil, closedAt, state } = request
  return html`<dl class="facts card">${row(words.received, receivedAt, moment)}
${closedAt === undefined && row(words.promised, targetAt, dayOf)}${closedAt === undefined && row(words.due, legalDueAt, dayOf)}${row(words.extended, extendedUntil, dayOf)}
${state === 'cooling_off' && row(words.cooling, coolingUntil, moment)}${row(words.closed, closedAt, moment)}${typeof status.liftedAt === 'string' && html`<dt>${words.lifted}</dt><dd>${moment(status.liftedAt, locale)}</dd>`}
<dt>${words.number}</dt><dd><span class="secret mono">${request.id}</span></dd>
${secret !== undefined && html`<dt>${words.secret}</dt><dd><details><summary>${words.secretShow}</summary><span class="secret mono">${secret}</span></details><span class="hint">${words.secretHow}</span></dd>`}</dl>`
}

function receiptCard({ locale: { language } }: Turn, { request, status }: Followed): Html | undefined {
  if (request.receipt === undefined) return undefined
  const words = WORDS[language]
  const salt = status.receiptSalt
  return html`<section class="card"><h2>${words.receipt}</h2><p>${words.receiptHow}</p>
<p class="actions"><a class="button main" href="${ROOT}/requests/${request.id}/receipt.html">${words.receiptSave}</a> <a class="button" href="${ROOT}/requests/${request.id}/receipt">${words.receiptRead}</a></p>
${typeof salt === 'string' && html`<p>${words.salt}</p><p><span class="secret mono">${salt}</span></p>`}</section>`
}
