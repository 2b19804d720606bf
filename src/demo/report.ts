import type { Decision } from './api.ts'
import type { DemoDocument } from './document.ts'
import { channelName, grid, line, number, openPage, type Page, percent } from './page.ts'
import { creditReport } from './report-credit.ts'
import type { Answered } from './sdk.ts'
import type { Align } from './table.ts'
import type { Withdrawal } from './withdraw.ts'
import type { Lang } from './words.ts'
import { wrap } from './wrap.ts'

const right: Align = 'right'
const COMMONEST = 3

/** The document in words and tables, for so many columns. */
export function report(document: DemoDocument, lang: Lang, width: number): string {
  const page = openPage(lang, width)
  const { words } = page
  const sections = [
    [words.heads.events, events(document, page)],
    [words.heads.refused, refused(document, page)],
    [words.heads.delivered, delivered(document, page)],
    [words.heads.credit, creditReport(document, page)],
    [words.heads.also, alsoBought(document, page)],
    [words.heads.decision, decision(document.decision, page)],
    [words.heads.leave, withdrawal(document, page)],
  ]
  const end = [words.synthetic(document.shop.seed), words.details.readyIn(document.seconds.total.toFixed(1))]
  const body = sections.map(([head, text]) => `${head}\n${text}`).join('\n\n')
  return `\n${body}\n\n${wrap(end.join(words.betweenSentences), { width })}\n`
}

function events({ events: { received, outcomes } }: DemoDocument, page: Page): string {
  const { columns, outcomes: named } = page.words
  const rows = Object.entries(named).flatMap(([name, text]) => {
    const count = name === 'received' ? received : (outcomes[name] ?? 0)
    return count === 0 ? [] : [[text, number(count, page), percent(count / received, page, 1)]]
  })
  return grid(
    [{ head: columns.outcome }, { head: columns.events, align: right }, { head: columns.share, align: right }],
    rows,
    page,
  )
}

function refused({ refused: reasons }: DemoDocument, page: Page): string {
  const { columns, reasons: named, otherReason, refusalNote } = page.words
  const why = (reason: string): string => named[reason] ?? reason
  const rows = reasons.slice(0, COMMONEST).map(({ reason, events: count }) => {
    return [why(reason), reason, number(count, page)]
  })
  const others = reasons.slice(COMMONEST).map(({ reason, events: count }) => {
    return line(otherReason(number(count, page), reason, why(reason)), page)
  })
  const heads = [
    { head: columns.reason },
    { head: columns.code, optional: true },
    { head: columns.events, align: right },
  ]
  return [grid(heads, rows, page), ...others, line(refusalNote, page)].join('\n')
}

/** With what was kept back at the last moment where there was any: as a rule a withdrawal has erased it before. */
function delivered({ delivered: modules }: DemoDocument, page: Page): string {
  const { columns, modules: named, deliveredNote } = page.words
  const anyWithheld = modules.some(({ withheld }) => withheld > 0)
  const rows = modules.map(({ module, events: count, withheld }) => {
    return [named[module] ?? module, number(count, page), ...(anyWithheld ? [number(withheld, page)] : [])]
  })
  const heads = [
    { head: columns.module },
    { head: columns.events, align: right },
    ...(anyWithheld ? [{ head: columns.withheld, align: right }] : []),
  ]
  return [grid(heads, rows, page), line(deliveredNote, page)].join('\n')
}

function alsoBought({ alsoBought: lists }: DemoDocument, page: Page): string {
  const { columns } = page.words
  const rows = lists.flatMap((list) =>
    list.items.map((item, i) => {
      const orders = `${number(item.together, page)} / ${number(item.of, page)}`
      return [i === 0 ? list[page.lang] : '', item[page.lang], orders]
    }),
  )
  return grid([{ head: columns.with }, { head: columns.product }, { head: columns.together, align: right }], rows, page)
}

function decision({ event, messageId, policy, destinations, fields }: Decision, page: Page): string {
  const { words } = page
  const say = words.decision
  const lines = destinations.map((one) => {
    const module = words.modules[one.destination] ?? one.destination
    const what = one.permitted ? say.permitted(module) : say.notPermitted(module)
    // The strongest clause comes first: that there is no consent follows from a refusal.
    const [strongest] = one.clauses
    const purpose = words.purposes[one.purpose] ?? one.purpose
    const why = strongest === undefined ? '' : say.because(purpose, strongest.clause, strongest.line)
    return line(`${one.permitted ? '✓' : '✗'} ${what}${words.colon}${why}`, page, 2)
  })
  const wanted = destinations.flatMap(({ wouldPermit }) => wouldPermit?.choices.map(({ purpose }) => purpose) ?? [])
  const purposes = [...new Set(wanted)].map((purpose) => words.purposes[purpose] ?? purpose)
  return [
    line(say.of(event, messageId, policy.version), page),
    ...lines,
    ...(fields.removed.length === 0 ? [] : [line(say.removed(fields.removed.join(words.comma)), page)]),
    ...(purposes.length === 0 ? [] : [line(say.change(purposes.join(words.comma)), page)]),
  ].join('\n')
}

function withdrawal({ withdrawal: found, story: { opens, closes } }: DemoDocument, page: Page): string {
  const { leave, columns } = page.words
  const { before, after } = found.credit
  const figures = [
    [leave.orders, before.orders, after.orders],
    [leave.opened(channelName(opens.channel, page)), before.opened, after.opened],
    [leave.closed(channelName(closes.channel, page)), before.closed, after.closed],
  ] as const
  const rows = [
    ...figures.map(([name, was, is]) => [name, number(was, page), number(is, page)]),
    [leave.mode, ...modes(found, page)],
    [leave.next, answered(found.lastEvent, page), answered(found.nextEvent, page)],
  ]
  const heads = [{ head: columns.what }, { head: columns.before, align: right }, { head: columns.after, align: right }]
  return [
    line(leave.who(found.person), page),
    line(leave.answered(number(found.answeredMs, page)), page),
    grid(heads, rows, page),
    line(leave.forgotten(number(found.forgottenMs, page)), page),
  ].join('\n')
}

function modes({ recommendations: { before, after } }: Withdrawal, { words }: Page): string[] {
  return [before, after].map((mode) => words.modes[mode] ?? mode)
}

function answered({ outcome, reason }: Answered, { words }: Page): string {
  const text = (words.outcomes as Record<string, string>)[outcome] ?? outcome
  return reason === undefined ? text : text + words.brackets(reason)
}
