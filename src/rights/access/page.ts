import type { Json, JsonObject } from '../../event/event.ts'
import type { Language } from '../request.ts'
import { destinationWords, lawWords, timeWords } from '../words.ts'
import type { AccessSource } from './collect.ts'
import type { Pieces } from './json.ts'
import { actionWords, whoWords, whyWords } from './look-words.ts'
import { codeIn, fieldWords, moduleValue, requestWords } from './page-codes.ts'
import { POLICY, STYLE } from './page-style.ts'
import { WORDS, type Words } from './page-words.ts'
import type { AccessEvent, AccessHead, OwnAccess } from './schema.ts'

const NEWEST_EVENTS = 1_000
const NEWEST_ACCESSES = 500
const FIRST_ROWS = 500

interface Page {
  readonly t: Words
  readonly language: Language
  readonly code: (code: string) => string
  readonly time: (at: string) => string
}

/**
 * The readable page, in one language: static, with nothing of it loaded from anywhere, and everything that came from
 * outside escaped. Of what is long the newest is shown and the rest is counted.
 */
export async function* accessPage(source: AccessSource, language: Language): Pieces {
  const { head, lengths } = source
  const page: Page = {
    t: WORDS[language],
    language,
    code: (code) => codeIn(language, code),
    time: (at) => timeWords(at, language),
  }
  const { t } = page
  yield top(page, head)
  yield aboutYou(page, head) + choicesNow(page, head) + counted(page, head) + standing(page, head)
  yield section('accesses', t.accesses) + soft(t.accessesSoft)
  if (lengths.accesses > NEWEST_ACCESSES) yield soft(t.more(NEWEST_ACCESSES, lengths.accesses))
  const accesses: string[][] = []
  for await (const some of source.accesses({ newest: NEWEST_ACCESSES })) {
    for (const one of some) accesses.push(lookOf(page, one))
  }
  yield tableOf(page, [t.at, t.by, t.action, t.purpose, t.outcome], accesses.toReversed())
  yield '</section>'
  yield* modules(page, source)
  yield consentHistory(page, head)
  yield* events(page, source)
  yield '</main></body></html>\n'
}

function lookOf({ code, time, language }: Page, { at, by, action, purpose, outcome }: OwnAccess): string[] {
  const who = whoWords({ by, own: false }, language)
  return [time(at), who, actionWords(action, language), whyWords(purpose, language), code(outcome)]
}

function top({ t, language, time }: Page, head: AccessHead): string {
  const parts = [
    ...(['you', 'purposes', 'complete', 'recipients', 'disclosures', 'requests', 'accesses', 'modules'] as const),
    ...(['consent', 'events'] as const),
  ]
  const entries = parts.map((part) => `<li><a href="#${part}">${html(t[part])}</a></li>`).join('')
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${html(POLICY)}">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer">
<title>${html(t.title)}</title><style>${STYLE}</style></head><body><main>
<h1>${html(t.title)}</h1><p>${html(t.madeBy)} ${value(head.from)} ${html(t.madeAt)} ${html(time(head.madeAt))}</p>
<p>${html(t.intro)}</p><nav aria-label="${html(t.contents)}"><ul>${entries}</ul></nav>`
}

function aboutYou(page: Page, { you, earlierErasures, links }: AccessHead): string {
  const { t, code, time } = page
  const none = you.records.length === 0 ? `<p>${html(t.noIdentifiers)}</p>` : ''
  const identifiers = you.identifiers.map(({ of, type, value: own }) => [of, code(type), own ?? t.unreadable])
  const records = you.records.map(({ ref, kind, since, seen, restrictedSince }) => {
    return [ref, code(kind), since, seen, restrictedSince === null ? t.notRestricted : time(restrictedSince)]
  })
  const joined = links.map((one) => [
    one.device ?? '',
    one.user ?? '',
    code(one.state),
    time(one.since),
    one.endedAt === null ? '' : time(one.endedAt),
  ])
  return `${section('you', t.you)}${none}${tableOf(page, [t.called, t.type, t.value], identifiers)}
<h3>${html(t.records)}</h3>${tableOf(page, [t.called, t.type, t.since, t.seen, t.restricted], records)}
${earlierErasures > 0 ? `<p>${earlierErasures} ${html(t.earlierErasures)}</p>` : ''}
<h3>${html(t.links)}</h3>${tableOf(page, [code('device'), code('user'), t.state, t.since, t.until], joined)}</section>`
}

function choicesNow(page: Page, { purposes }: AccessHead): string {
  const { t, code } = page
  const rows = purposes.map(({ purpose, basis, choice }) => [code(purpose), code(basis), code(choice)])
  return `${section('purposes', t.purposes)}${tableOf(page, [t.purpose, t.basis, t.choice], rows)}</section>`
}

function counted(page: Page, { completeness }: AccessHead): string {
  const { t, code, language } = page
  const classes = completeness.classes.map((one) => [
    code(one.class),
    one.restricted > 0 ? `${one.records} (${one.restricted} ${t.apart})` : one.records,
    one.keptDays ?? '',
    one.law === null ? '' : `${lawWords(one.law, language)}${language === 'zh-CN' ? '：' : ': '}${one.statutoryDays}`,
    one.firstEnds === null ? '' : `${one.firstEnds} – ${one.lastEnds}`,
  ])
  const stores = completeness.stores.map((one) => [{ text: one[language], small: one.store }, one.rows])
  return `${section('complete', t.complete)}<p>${html(completeness[language])}</p><h3>${html(t.classes)}</h3>
${tableOf(page, [t.class, t.rows, t.keptDays, t.law, t.ends], classes)}<h3>${html(t.stores)}</h3>
${tableOf(page, [t.store, t.rows], stores)}</section>`
}

function standing(page: Page, head: AccessHead): string {
  const { t, code, time, language } = page
  const fields = (paths: readonly string[]): string => paths.map((one) => fieldWords(one, language)).join(', ')
  const recipients = head.recipients.map((one) => {
    return [
      destinationWords(one.recipient, language),
      one.identifier,
      fields(one.fields),
      time(one.first),
      time(one.last),
    ]
  })
  const disclosures = head.disclosures.map((one) => {
    const decided = one.decision === null ? '' : code(one.decision)
    return [
      time(one.askedAt),
      whyWords(one.purpose, language),
      fields(one.wanted),
      one.emergency ? t.yes : t.no,
      decided,
      one.reads,
    ]
  })
  const requests = head.requests.map((one) => {
    const { state, reason } = requestWords(one, language)
    return [time(one.receivedAt), code(one.right), state, reason, one.id]
  })
  const holds = head.holds.map((one) => [one.authority, one.classes.map(code).join(', '), one.until])
  const struck = head.struckTags.map(({ tag, at }) => [tag ?? t.unreadable, time(at)])
  const waiting = head.waiting.map((one) => [
    destinationWords(one.destination, language),
    code(one.what),
    time(one.since),
  ])
  return `${section('recipients', t.recipients)}${recipients.length === 0 ? `<p>${html(t.noRecipients)}</p>` : tableOf(page, [t.recipient, t.identifier, t.fields, t.first, t.last], recipients)}</section>
${section('disclosures', t.disclosures)}${tableOf(page, [t.at, t.purpose, t.fields, t.emergency, t.decision, t.reads], disclosures)}</section>
${section('requests', t.requests)}${tableOf(page, [t.at, t.right, t.state, t.reason, '#'], requests)}
<h3>${html(t.holds)}</h3>${tableOf(page, [t.authority, t.class, t.until], holds)}
<h3>${html(t.struck)}</h3>${tableOf(page, [t.value, t.at], struck)}
<h3>${html(t.waiting)}</h3>${tableOf(page, [t.recipient, t.action, t.since], waiting)}</section>`
}

async function* modules(page: Page, source: AccessSource): Pieces {
  const { t, code, language } = page
  const rows = source.head.modules.flatMap(({ module, purpose, rows: counts }) =>
    Object.entries(counts).map(([table, n]) => [
      destinationWords(module, language),
      code(purpose),
      { text: code(table), small: `${module}.${table}` },
      n,
    ]),
  )
  yield section('modules', t.modules) + soft(t.modulesSoft)
  yield tableOf(page, [t.recipient, t.purpose, t.table, t.rows], rows)
  for (const of of source.tables) {
    const shown: JsonObject[] = []
    for await (const some of source.moduleRows(of)) {
      for (const { values } of some) shown.push(values as JsonObject)
      if (shown.length >= FIRST_ROWS) break
    }
    const columns = Object.keys(shown[0] ?? {})
    const cells = shown
      .slice(0, FIRST_ROWS)
      .map((one) => columns.map((column) => moduleCell(page, column, one[column])))
    yield `<details><summary>${html(`${destinationWords(of.module, language)} – ${code(of.table)}`)}</summary>${tableOf(page, columns.map(code), cells)}</details>`
  }
  yield '</section>'
}

function moduleCell({ time, language }: Page, column: string, own: Json | undefined): string {
  return column === 'at' && typeof own === 'string' ? time(own) : moduleValue(column, own, language)
}

function consentHistory(page: Page, { consent }: AccessHead): string {
  const { t, code, time } = page
  const rows = consent.map((one) => {
    return [
      time(one.at),
      one.of,
      one.granted.map(code).join(', '),
      one.refused.map(code).join(', '),
      code(one.proof),
      code(one.source),
    ]
  })
  return `${section('consent', t.consent)}${tableOf(page, [t.at, t.called, t.granted, t.refused, t.proof, t.source], rows)}</section>`
}

async function* events(page: Page, source: AccessSource): Pieces {
  const { t } = page
  const { lengths } = source
  yield section('events', t.events)
  if (lengths.events > NEWEST_EVENTS) yield soft(t.more(NEWEST_EVENTS, lengths.events))
  const newest: AccessEvent[] = []
  for await (const some of source.events({ newest: NEWEST_EVENTS })) newest.push(...some)
  if (newest.length === 0) yield soft(t.none)
  for (const event of newest.toReversed()) yield oneEvent(page, event)
  yield '</section>'
}

function oneEvent({ t, code, time, language }: Page, event: AccessEvent): string {
  const name = event.kind === 'link' ? t.linked : event.kind === 'unlink' ? t.unlinked : event.event
  const pairs: (readonly [string, string])[] = [
    [t.received, `${value(time(event.receivedAt))} ${value(event.source)} ${value(event.of)}`],
    ...leaves('', event.fields as JsonObject).map(([path, own]) => [fieldWords(path, language), value(own)] as const),
    ...event.kept.map((one) => {
      const law = one.restricted ? ` (${html(t.keptByLaw)})` : ''
      return [`${t.keptUntil}: ${code(one.class)}`, html(one.until) + law] as const
    }),
    ...(event.decision?.routes ?? []).map((one) => {
      const said = one.erasedSince ? t.takenBack : one.permitted ? t.permitted : t.notPermitted
      const why = one.clauses.map(({ clause }) => code(clause === 'granted' ? 'granted-clause' : clause)).join('; ')
      return [
        `${t.decided}: ${code(one.purpose)}`,
        html(`${said} ${destinationWords(one.destination, language)} – ${why}`),
      ] as const
    }),
    ...listed(t.removed, event.decision?.removed ?? []),
    ...listed(t.withheld, event.withheld),
    ...(event.kind === 'event' && event.kept.length === 0 ? [['', html(t.nothingLeft)] as const] : []),
  ]
  const rows = pairs.map(([term, said]) => `<dt>${html(term)}</dt><dd>${said}</dd>`).join('')
  return `<details><summary><time datetime="${html(event.at)}">${html(time(event.at))}</time> ${value(name)}</summary><dl>${rows}</dl></details>`
}

function listed(term: string, values: readonly string[]): (readonly [string, string])[] {
  return values.length === 0 ? [] : [[term, value(values.join(', '))]]
}

function leaves(path: string, own: Json): [string, string][] {
  if (own === null || typeof own !== 'object') return [[path, plain(own)]]
  const entries = Array.isArray(own)
    ? own.map((item: Json, i) => [`${path}[${i}]`, item] as const)
    : Object.entries(own as JsonObject).map(([key, item]) => [path === '' ? key : `${path}.${key}`, item] as const)
  return entries.flatMap(([inner, item]) => leaves(inner, item))
}

function plain(own: Json | undefined): string {
  return typeof own === 'string' ? own : own === undefined || own === null ? '' : JSON.stringify(own)
}

function section(id: string, heading: string): string {
  return `<section aria-labelledby="${id}"><h2 id="${id}">${html(heading)}</h2>`
}

function soft(text: string): string {
  return `<p class="soft">${html(text)}</p>`
}

/** With the name that a program has for it in small. */
type Cell = string | number | { readonly text: string; readonly small: string }

function tableOf({ t }: Page, heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return soft(t.none)
  const head = heads.map((one) => `<th scope="col">${html(one)}</th>`).join('')
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')
  return `<div class="wide" tabindex="0" role="group" aria-label="${html(heads.join(', '))}"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`
}

function cell(own: Cell): string {
  if (typeof own === 'object') return `<td>${value(own.text)} <small class="soft">${value(own.small)}</small></td>`
  return typeof own === 'number' ? `<td class="n">${own}</td>` : `<td>${value(own)}</td>`
}

/** Set apart from what stands around it, whichever way it is written: signs that turn the direction end with it. */
function value(text: string): string {
  return `<bdi>${html(text)}</bdi>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function html(text: string): string {
  return text
    .replace(/[&<>"']/g, (sign) => ENTITIES[sign]!)
    .replace(/\p{Cc}/gu, (sign) => (/\s/.test(sign) ? sign : '\ufffd'))
}
