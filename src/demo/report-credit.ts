import type { Credit, CreditRow } from './api.ts'
import type { DemoDocument } from './document.ts'
import { channelName, grid, line, money, number, type Page, percent } from './page.ts'
import type { Column } from './table.ts'

/** Orders, revenue and return by channel under two models, and what the two say together. */
export function creditReport(document: DemoDocument, page: Page): string {
  const { first, last } = document.credit
  const names = [...new Set([...first.channels, ...last.channels].map(({ channel }) => channel))]
  const rows = names.map((name) => creditRow(name, rowOf(first, name), rowOf(last, name), page))
  return [
    grid(columnsOf(page), rows, page),
    line(story(document, page), page),
    line(unattributed(last, page), page),
  ].join('\n')
}

function columnsOf({ words: { columns } }: Page): Column[] {
  const pair = (group: string, more: Partial<Column> = {}): Column[] =>
    [columns.first, columns.last].map((head) => ({ group, head, align: 'right', ...more }))
  return [
    { head: columns.channel },
    ...pair(columns.orders),
    ...pair(columns.revenue, { optional: true }),
    { head: columns.cost, align: 'right', optional: true },
    ...pair(columns.roi),
  ]
}

function rowOf({ channels }: Credit, name: string): CreditRow | undefined {
  return channels.find(({ channel }) => channel === name)
}

function creditRow(name: string, first: CreditRow | undefined, last: CreditRow | undefined, page: Page): string[] {
  const orders = (row: CreditRow | undefined): string => number(row?.conversions ?? 0, page)
  const roi = (row: CreditRow | undefined): string => (row?.roi == null ? '–' : percent(row.roi, page, 0))
  return [
    channelName(name, page),
    orders(first),
    orders(last),
    money(first?.value, page),
    money(last?.value, page),
    money(first?.cost ?? last?.cost, page),
    roi(first),
    roi(last),
  ]
}

function story({ story: { opens, closes } }: DemoDocument, page: Page): string {
  return page.words.story(channelName(opens.channel, page), channelName(closes.channel, page), {
    oFirst: number(opens.first, page),
    oLast: number(opens.last, page),
    cFirst: number(closes.first, page),
    cLast: number(closes.last, page),
  })
}

function unattributed({ unattributed: { conversions, value } }: Credit, page: Page): string {
  if (conversions === null) return page.words.unattributedUnknown
  return page.words.unattributed(number(conversions, page), money(value, page))
}
