import { newestAccesses, type SeenBy } from '../../audit/about-people.ts'
import { moment } from '../format.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { OwnTurn, PageReply, Told, Turn } from '../turn.ts'
import { actionWords, whoWords, whyWords } from './access-words.ts'
import { nobodyNote } from './nobody.ts'

const WORDS: Told<
  Readonly<Record<'title' | 'lead' | 'when' | 'who' | 'what' | 'why' | 'refused' | 'older' | 'none', string>>
> = {
  'zh-CN': {
    title: '谁看过我的信息',
    lead: '每一次查看都先记入防篡改日志，然后才能看到内容，包括您自己的查看。列出的是查看者的身份类别，不是姓名。最近的在前。',
    when: '时间',
    who: '谁',
    what: '做了什么',
    why: '为什么',
    refused: '被拒绝',
    older: '更早的',
    none: '还没有人看过。',
  },
  en: {
    title: 'Who looked at my data',
    lead: 'Every look is entered in a tamper-evident log before anything is shown, your own too. It says what kind of person or system it was, not its name. The newest is first.',
    when: 'When',
    who: 'Who',
    what: 'What',
    why: 'Why',
    refused: 'refused',
    older: 'Older ones',
    none: 'Nobody looked yet.',
  },
}

const AT_ONCE = 40

/** GET /privacy/accesses: this look is entered too, and is the first line of the page. */
export async function accessesPage(turn: OwnTurn): Promise<PageReply> {
  const { deps, person, locale, query } = turn
  const words = WORDS[locale.language]
  if (person === undefined) return { title: words.title, body: html`<h1>${words.title}</h1>${nobodyNote(turn)}` }
  const before = /^\d{1,18}$/.exec(query.get('before') ?? '')?.[0]
  const { accesses, next } = await newestAccesses(deps, {
    subjects: person.subjects,
    limit: AT_ONCE,
    ...(before === undefined ? {} : { before }),
  })
  return {
    title: words.title,
    body: html`<h1>${words.title}</h1><p>${words.lead}</p>${accesses.length === 0 ? html`<p>${words.none}</p>` : accessTable(turn, accesses)}
${next !== undefined && html`<p><a class="button" href="${ROOT}/accesses?before=${next}">${words.older}</a></p>`}`,
  }
}

/** A correction is done when an employee accepted it, however it was asked for. */
function actorOf(one: SeenBy): Pick<SeenBy, 'by' | 'own'> {
  return one.action === 'request.correct' ? { by: 'officer', own: false } : one
}

function accessTable({ locale }: Turn, accesses: readonly SeenBy[]): Html {
  const words = WORDS[locale.language]
  const rows = accesses.map(
    (one) => html`<tr><th scope="row">${moment(one.at.getTime(), locale)}</th>
<td data-label="${words.who}">${whoWords(actorOf(one), locale.language)}</td>
<td data-label="${words.what}">${actionWords(one.action, locale.language)}${one.outcome === 'refused' && html` <span class="tag no">${words.refused}</span>`}</td>
<td data-label="${words.why}">${whyWords(one.purpose, locale.language)}</td></tr>`,
  )
  return html`<table><thead><tr><th scope="col">${words.when}</th><th scope="col">${words.who}</th><th scope="col">${words.what}</th>
<th scope="col">${words.why}</th></tr></thead><tbody>${rows}</tbody></table>`
}
