import { isPurpose, PURPOSES } from '../../event/purpose.ts'
import { choicesOf } from '../data/choose.ts'
import { identifiersOf, masked, type OnFile } from '../data/identifiers.ts'
import { type Known, readKnown } from '../data/known.ts'
import { recordOwnLook } from '../data/look.ts'
import type { Person } from '../data/person.ts'
import { day, dayOf, number } from '../format.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { OwnTurn, PageReply, Turn } from '../turn.ts'
import { classWords, destinationWords, lawWords, purposeWords } from '../words.ts'
import { nobodyNote, stoppedNote } from './nobody.ts'
import { OVERVIEW_WORDS as WORDS } from './overview-words.ts'
import { choiceTag } from './purpose-list.ts'

/** GET /privacy/me: what is held, why, until when, and who has it. The look is entered first. */
export async function overviewPage(turn: OwnTurn): Promise<PageReply> {
  const { deps, person, locale } = turn
  const words = WORDS[locale.language]
  if (person === undefined) return { title: words.title, body: html`<h1>${words.title}</h1>${nobodyNote(turn)}` }
  await recordOwnLook(deps, 'overview', person.subjects)
  const known = await readKnown(deps, person)
  const onFile = await identifiersOf(deps, person.subjects)
  return {
    title: words.title,
    body: html`<h1>${words.title}</h1><p class="lead">${words.lead}</p>
${person.node.restricted && stoppedNote(turn)}
<h2>${words.who}</h2>${whoList(turn, onFile)}
<h2>${words.why}</h2>${whyTable(turn, person)}
<h2>${words.what}</h2><p>${words.whatHow}</p>${classTable(turn, known, onFile)}
<h2>${words.recipients}</h2>${recipientList(turn, known)}
<h2>${words.next}</h2><p class="actions"><a class="button main" href="${ROOT}/choices">${words.choices}</a>
<a class="button" href="${ROOT}/ask/access">${words.copy}</a> <a class="button" href="${ROOT}/accesses">${words.accesses}</a></p>`,
  }
}

function whoList({ locale }: Turn, onFile: readonly OnFile[]): Html {
  const words = WORDS[locale.language]
  const devices = onFile.filter(({ type }) => type === 'anonymous_id').length
  const others = onFile.filter(({ type }) => type !== 'anonymous_id')
  const rows = others.map(
    (one) => html`<dt>${words.types[one.type]}</dt><dd><span class="mono">${masked(one)}</span></dd>`,
  )
  const device = devices > 0 && html`<dt>${words.types.anonymous_id}</dt><dd>${number(devices, locale)}</dd>`
  return html`<dl class="facts card">${rows}${device}</dl><p class="quiet">${words.maskedHow}</p>`
}

function whyTable({ deps, locale }: Turn, person: Person): Html {
  const words = WORDS[locale.language]
  const { compiled } = deps.active()
  const choices = choicesOf(person)
  const rows = PURPOSES.map((purpose) => {
    const { name, means } = purposeWords(purpose, locale.language, compiled)
    return html`<tr><th scope="row">${name}</th><td data-label="${words.meaning}">${means}</td>
<td data-label="${words.state}">${choiceTag(purpose, { compiled, choices, language: locale.language })}</td></tr>`
  })
  return html`<table><thead><tr><th scope="col">${words.purpose}</th><th scope="col">${words.meaning}</th>
<th scope="col">${words.state}</th></tr></thead><tbody>${rows}</tbody></table>`
}

/** By how many identifiers each class is on file: they lie beside the records, and are of it all the same. */
function heldAbove(name: string, onFile: readonly OnFile[]): number {
  const types = name === 'identity' ? ['user_id', 'anonymous_id'] : name === 'contact' ? ['email', 'phone'] : []
  return onFile.filter(({ type }) => types.includes(type)).length
}

function classTable(turn: Turn, { classes }: Known, onFile: readonly OnFile[]): Html {
  const { locale } = turn
  const words = WORDS[locale.language]
  const rows = classes.map((one) => {
    const { name, means } = classWords(one.class, locale.language)
    const used = usedFor(turn, one.class)
    const above = heldAbove(one.class, onFile)
    const isNone = one.records + above === 0
    const none = isNone && html` class="nothing"`
    return html`<tr><th scope="row">${name}<span class="hint">${means}</span></th>
<td class="count" data-label="${words.records}">${number(one.records + above, locale)}${above > 0 && html`<span class="hint">${words.above(number(above, locale))}</span>`}</td>
<td${none} data-label="${words.usedFor}">${isNone ? '–' : used}</td>
<td${none} data-label="${words.ends}">${above > 0 && one.records === 0 ? words.withRest : ends(turn, one)}</td></tr>`
  })
  return html`<table><thead><tr><th scope="col">${words.kind}</th><th scope="col">${words.records}</th>
<th scope="col">${words.usedFor}</th><th scope="col">${words.ends}</th></tr></thead><tbody>${rows}</tbody></table>`
}

/** Purposes whose recipients may get a field of the class; what goes to nobody is kept for the shop's own sake. */
function usedFor({ deps, locale: { language } }: Turn, name: string): string {
  const { compiled } = deps.active()
  const found = new Set<string>()
  for (const rule of compiled.eventList) {
    for (const route of rule.routes) {
      if (route.fields.some((path) => rule.classOf.get(path) === name)) found.add(route.purpose)
    }
  }
  const purposes = PURPOSES.filter((purpose) => found.has(purpose) || purpose === 'essential')
  const separator = language === 'zh-CN' ? '、' : ', '
  return purposes.map((purpose) => purposeWords(purpose, language, compiled).name).join(separator)
}

function ends({ locale }: Turn, one: Known['classes'][number]): Html | string {
  const words = WORDS[locale.language]
  if (one.firstEnds === null || one.lastEnds === null) return '–'
  const first = day(one.firstEnds, locale)
  const last = day(one.lastEnds, locale)
  const law =
    one.restricted > 0 &&
    html`<span class="hint">${words.byLaw(number(one.restricted, locale), one.law === null ? null : lawWords(one.law, locale.language))}</span>`
  return html`${one.firstEnds === one.lastEnds ? first : words.between(first, last)}${law}`
}

function recipientList({ deps, locale }: Turn, { modules, recipients }: Known): Html {
  const words = WORDS[locale.language]
  const { compiled } = deps.active()
  const inside = modules.map(({ module, purpose, records }) => {
    const name = isPurpose(purpose) ? purposeWords(purpose, locale.language, compiled).name : purpose
    return html`<li><strong>${destinationWords(module, locale.language)}</strong> · ${name} · ${words.count(number(records, locale))}
<span class="hint">${words.moduleHow}</span></li>`
  })
  const outside = recipients.map(
    ({ name, first, last }) =>
      html`<li><strong>${name}</strong><span class="hint">${words.received(dayOf(first, locale), dayOf(last, locale))}</span></li>`,
  )
  return html`<ul class="plain card">${inside}${outside}</ul>${outside.length === 0 && html`<p>${words.noneOutside}</p>`}`
}
