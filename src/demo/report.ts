import type { Credit, CreditRow, Decision } from './api.ts'
import type { DemoDocument } from './document.ts'
import type { Answered } from './sdk.ts'
import { type Align, table } from './table.ts'
import type { Withdrawal } from './withdraw.ts'
import { type Lang, WORDS, type Words } from './words.ts'

const right: Align = 'right'

/** The document in words and tables. */
export function report(document: DemoDocument, lang: Lang): string {
  const words = WORDS[lang]
  const sections = [
    [words.heads.events, events(document, words)],
    [words.heads.refused, refused(document, words)],
    [words.heads.delivered, delivered(document, words)],
    [words.heads.credit, credit(document, words)],
    [words.heads.also, alsoBought(document, words, lang)],
    [words.heads.decision, decision(document.decision, words)],
    [words.heads.leave, withdrawal(document, words)],
  ]
  const end = [words.synthetic(document.shop.seed), words.details.readyIn(document.seconds.total.toFixed(1))].join(
    words.betweenSentences,
  )
  return `\n${sections.map(([head, body]) => `${head}\n${body}`).join('\n\n')}\n\n${end}\n`
}

const line = (text: string): string => `  ${text}`
const number = (value: number, words: Words): string => value.toLocaleString(words.locale)
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

function events({ events: { received, outcomes } }: DemoDocument, words: Words): string {
  const { columns } = words
  const names = Object.entries(words.outcomes) as [string, string][]
  const rows = names.flatMap(([name, text]) => {
    const count = name === 'received' ? received : (outcomes[name] ?? 0)
    return count === 0 ? [] : [[text, number(count, words), percent(count / received)]]
  })
  return table(
    [{ head: columns.outcome }, { head: columns.events, align: right }, { head: columns.share, align: right }],
    rows,
  )
}

function refused({ refused: reasons }: DemoDocument, words: Words): string {
  const { columns } = words
  const rows = reasons.slice(0, 3).map(({ reason, events: count }) => {
    return [words.reasons[reason] ?? reason, reason, number(count, words)]
  })
  const heads = [{ head: columns.reason }, { head: columns.code }, { head: columns.events, align: right }]
  return `${table(heads, rows)}\n${line(words.refusalNote)}`
}

function delivered({ delivered: modules }: DemoDocument, words: Words): string {
  const { columns } = words
  const rows = modules.map(({ module, events: count, withheld }) => {
    return [words.modules[module] ?? module, number(count, words), number(withheld, words)]
  })
  return table(
    [{ head: columns.module }, { head: columns.events, align: right }, { head: columns.withheld, align: right }],
    rows,
  )
}

function credit(document: DemoDocument, words: Words): string {
  const { first, last } = document.credit
  const { columns } = words
  const heads = [
    { head: columns.channel },
    ...[columns.ordersFirst, columns.ordersLast, columns.revenueFirst, columns.revenueLast].map((head) => ({
      head,
      align: right,
    })),
    ...[columns.cost, columns.roiFirst, columns.roiLast].map((head) => ({ head, align: right })),
  ]
  const names = [...new Set([...first.channels, ...last.channels].map(({ channel }) => channel))]
  const rows = names.map((name) => creditRow(name, rowOf(first, name), rowOf(last, name), words))
  return [table(heads, rows), line(story(document, words)), line(unattributed(last, words))].join('\n')
}

function rowOf({ channels }: Credit, name: string): CreditRow | undefined {
  return channels.find(({ channel }) => channel === name)
}

function creditRow(name: string, first: CreditRow | undefined, last: CreditRow | undefined, words: Words): string[] {
  const orders = (row: CreditRow | undefined): string => number(row?.conversions ?? 0, words)
  const roi = (row: CreditRow | undefined): string => (row?.roi == null ? '–' : row.roi.toFixed(2))
  return [
    channelName(name, words),
    orders(first),
    orders(last),
    money(first?.value, words),
    money(last?.value, words),
    money(first?.cost ?? last?.cost, words),
    roi(first),
    roi(last),
  ]
}

function channelName(name: string, words: Words): string {
  return words.channels[name] ?? name
}

/** Decimal text as it is read in that language; the amounts of a sample are exact as numbers. */
function money(value: string | null | undefined, words: Words): string {
  if (value == null || Number(value) === 0) return '–'
  return Number(value).toLocaleString(words.locale, {
    style: 'currency',
    currency: 'CNY',
    currencyDisplay: 'narrowSymbol',
    maximumFractionDigits: 0,
  })
}

function story({ story: { opens, closes } }: DemoDocument, words: Words): string {
  const n = { oFirst: opens.first, oLast: opens.last, cFirst: closes.first, cLast: closes.last }
  const shown = Object.fromEntries(Object.entries(n).map(([name, value]) => [name, number(value, words)]))
  return words.story(
    channelName(opens.channel, words),
    channelName(closes.channel, words),
    shown as Record<keyof typeof n, string>,
  )
}

function unattributed({ unattributed: { conversions, value } }: Credit, words: Words): string {
  if (conversions === null) return words.unattributedUnknown
  return words.unattributed(number(conversions, words), money(value, words))
}

function alsoBought({ alsoBought: lists }: DemoDocument, words: Words, lang: Lang): string {
  const { columns } = words
  const rows = lists.flatMap((list) =>
    list.items.map((item, i) => {
      return [i === 0 ? list[lang] : '', item[lang], `${number(item.together, words)} / ${number(item.of, words)}`]
    }),
  )
  return table([{ head: columns.with }, { head: columns.product }, { head: columns.together, align: right }], rows)
}

function decision({ event, messageId, policy, destinations, fields }: Decision, words: Words): string {
  const say = words.decision
  const lines = destinations.map((one) => {
    const module = words.modules[one.destination] ?? one.destination
    // The strongest clause comes first: that there is no consent follows from a refusal.
    const why = one.clauses.slice(0, 1).map(({ clause, line: at }) => {
      return say.because(words.purposes[one.purpose] ?? one.purpose, clause, at)
    })
    const what = one.permitted ? say.permitted(module) : say.notPermitted(module)
    return `${one.permitted ? '✓' : '✗'} ${what}${words.colon}${why.join('; ')}`
  })
  const wanted = destinations.flatMap(({ wouldPermit }) => wouldPermit?.choices.map(({ purpose }) => purpose) ?? [])
  const purposes = [...new Set(wanted)].map((purpose) => words.purposes[purpose] ?? purpose)
  return [
    say.of(event, messageId, policy.version),
    ...lines,
    ...(fields.removed.length === 0 ? [] : [say.removed(fields.removed.join(', '))]),
    ...(purposes.length === 0 ? [] : [say.change(purposes.join(', '))]),
  ]
    .map(line)
    .join('\n')
}

function withdrawal({ withdrawal: found, story: { opens, closes } }: DemoDocument, words: Words): string {
  const { leave, columns } = words
  const { before, after } = found.credit
  const figures = [
    [leave.orders, before.orders, after.orders],
    [leave.opened(channelName(opens.channel, words)), before.opened, after.opened],
    [leave.closed(channelName(closes.channel, words)), before.closed, after.closed],
  ] as const
  const rows = [
    ...figures.map(([name, was, is]) => [name, number(was, words), number(is, words)]),
    [leave.mode, ...modes(found, words)],
    [leave.next, answered(found.lastEvent, words), answered(found.nextEvent, words)],
  ]
  const heads = [{ head: columns.what }, { head: columns.before, align: right }, { head: columns.after, align: right }]
  return [
    line(leave.who(found.person)),
    line(leave.answered(found.answeredMs.toLocaleString(words.locale))),
    table(heads, rows),
    line(leave.forgotten(number(found.forgottenMs, words))),
  ].join('\n')
}

function modes({ recommendations: { before, after } }: Withdrawal, words: Words): string[] {
  return [before, after].map((mode) => words.modes[mode] ?? mode)
}

function answered({ outcome, reason }: Answered, words: Words): string {
  const text = (words.outcomes as Record<string, string>)[outcome] ?? outcome
  return reason === undefined ? text : `${text} (${reason})`
}
