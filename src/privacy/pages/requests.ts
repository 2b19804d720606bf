import type { Request } from '../../rights/request.ts'
import { stateWords } from '../../rights/status-words.ts'
import { recordOwnLook } from '../data/look.ts'
import { personOf } from '../data/person.ts'
import { requestsAbout, requestsFollowed } from '../data/requests.ts'
import { moment } from '../format.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { PageReply, Told, Turn } from '../turn.ts'
import { RIGHT_WORDS } from './right-words.ts'

const WORDS: Told<Readonly<Record<'title' | 'none' | 'ask' | 'follow' | 'open' | 'made', string>>> = {
  'zh-CN': {
    title: '我的请求',
    none: '还没有请求。',
    ask: '提出请求',
    follow: '按编号查看其他请求',
    open: '查看',
    made: '提出时间',
  },
  en: {
    title: 'My requests',
    none: 'There are none yet.',
    ask: 'Make a request',
    follow: 'Follow another by its number',
    open: 'See',
    made: 'Asked on',
  },
}

/** GET /privacy/requests: those that are about who is signed in, and those that are followed here. */
export async function requestsPage(turn: Turn): Promise<PageReply> {
  const { deps, visit, locale } = turn
  const words = WORDS[locale.language]
  const found = new Map((await requestsFollowed(turn)).map((one) => [one.id, one]))
  const person = visit.who === undefined ? undefined : await personOf(deps, visit.who)
  if (person !== undefined) {
    await recordOwnLook(deps, 'requests', person.subjects)
    for (const one of await requestsAbout(deps, person.subjects)) found.set(one.id, one)
  }
  const requests = [...found.values()].sort((a, b) => (a.number < b.number ? 1 : -1))
  return {
    title: words.title,
    body: html`<h1>${words.title}</h1>${requests.length === 0 ? html`<p>${words.none}</p>` : html`<ul class="plain card">${requests.map((one) => item(turn, one))}</ul>`}
<p class="actions"><a class="button main" href="${ROOT}/ask">${words.ask}</a> <a class="button" href="${ROOT}/follow">${words.follow}</a></p>`,
  }
}

function item({ locale }: Turn, request: Request): Html {
  const words = WORDS[locale.language]
  const { name } = RIGHT_WORDS[locale.language][request.right]
  return html`<li class="row"><span><strong>${name}</strong> · ${inWords(request, locale.language)}
<span class="hint">${words.made} ${moment(request.receivedAt, locale)}</span></span>
<a class="button" href="${ROOT}/requests/${request.id}">${words.open}<span class="unseen"> ${name}</span></a></li>`
}

/** Where a request is, in a sentence of the reader's language, whatever language it was made in. */
export function inWords(request: Request, language: keyof typeof WORDS, lifted = false): string {
  const { state, right, needsOfficer, officerDecision, verifiedBy } = request
  const waitsForOfficer = needsOfficer && officerDecision === undefined && verifiedBy !== undefined
  return stateWords({ state, right, waitsForOfficer, lifted }, language)
}
