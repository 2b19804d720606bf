import type { Json, JsonObject } from '../../event/event.ts'
import type { AccessSource } from './collect.ts'
import { type Pieces, providedEvents } from './json.ts'
import type { AccessEvent, AccessHead } from './schema.ts'

/** A table as a file: UTF-8 with a byte order mark (Excel reads it as ANSI without), RFC 4180. */
export interface CsvFile {
  readonly name: string
  readonly content: () => Pieces
}

type Cell = Json | undefined
type Rows = AsyncIterable<readonly (readonly Cell[])[]>

const BOM = '\ufeff'

/** One file a store. */
export function accessCsv(source: AccessSource): CsvFile[] {
  const { head } = source
  return [
    ...smallFiles(head),
    file('events.csv', EVENT_COLUMNS, () => pages(source.events(), (event, n) => [eventRow(event, n)])),
    file('event-fields.csv', FIELD_COLUMNS, () => pages(source.events(), fieldRows)),
    file('decisions.csv', DECISION_COLUMNS, () => pages(source.events(), decisionRows)),
    ...source.tables.map((of) => moduleFile(source, of)),
    file('accesses.csv', ['at', 'by', 'action', 'purpose', 'outcome'], () =>
      pages(source.accesses(), ({ at, by, action, purpose, outcome }) => [[at, by, action, purpose, outcome]]),
    ),
  ]
}

/** What the person provided alone. */
export function portabilityCsv(source: AccessSource): CsvFile[] {
  const { you, consent } = source.head
  return [
    table(
      'identifiers.csv',
      ['type', 'value'],
      you.identifiers.map(({ type, value }) => [type, value]),
    ),
    table(
      'consent.csv',
      ['at', 'granted', 'refused'],
      consent
        .filter(({ evidence }) => evidence !== 'carried')
        .map(({ at, askedGranted, askedRefused }) => [at, askedGranted.join(' '), askedRefused.join(' ')]),
    ),
    file('event-fields.csv', ['event_number', 'at', 'event', 'source', 'class', 'path', 'value'], () =>
      pages(providedEvents(source), ({ at, event, source: from, fields }, n) =>
        leavesOf(fields as JsonObject).map(({ className, path, value }) => [
          n,
          at,
          event,
          from,
          className,
          path,
          value,
        ]),
      ),
    ),
  ]
}

/** Small members of the document, each as a table of its own columns. */
function smallFiles(head: AccessHead): CsvFile[] {
  const { you, completeness } = head
  const lists: readonly (readonly [name: string, rows: readonly object[], columns: readonly string[]])[] = [
    ['identifiers', you.identifiers, ['of', 'type', 'value']],
    ['records', you.records, ['ref', 'kind', 'since', 'seen', 'restrictedSince']],
    ['purposes', head.purposes, ['purpose', 'basis', 'choice']],
    [
      'classes',
      completeness.classes,
      ['class', 'records', 'restricted', 'keptDays', 'statutoryDays', 'law', 'firstEnds', 'lastEnds'],
    ],
    ['stores', completeness.stores, ['store', 'rows', 'en', 'zh-CN', 'listedIn']],
    ['links', head.links, ['device', 'user', 'state', 'since', 'source', 'confirmedAt', 'endedAt']],
    [
      'consent',
      head.consent,
      [
        'of',
        'at',
        'claimedAt',
        'recordId',
        'consentEpoch',
        'askedGranted',
        'askedRefused',
        'granted',
        'refused',
        'evidence',
        'proof',
        'source',
        'policyVersion',
        'notice',
      ],
    ],
    [
      'recipients',
      head.recipients,
      ['of', 'recipient', 'identifierForm', 'identifier', 'fields', 'first', 'last', 'consentRecords'],
    ],
    ['disclosures', head.disclosures, ['askedAt', 'kind', 'purpose', 'wanted', 'emergency', 'decision', 'reads']],
    [
      'requests',
      head.requests,
      [
        'id',
        'right',
        'door',
        'regime',
        'state',
        'receivedAt',
        'legalDueAt',
        'verifiedBy',
        'reason',
        'closedAt',
        'history',
        'said',
      ],
    ],
    ['holds', head.holds, ['authority', 'classes', 'placedAt', 'until']],
    ['struck-tags', head.struckTags, ['of', 'tag', 'at']],
    ['waiting', head.waiting, ['of', 'destination', 'what', 'since']],
  ]
  return lists.map(([name, rows, columns]) =>
    table(
      `${name}.csv`,
      columns,
      (rows as readonly JsonObject[]).map((row) => columns.map((column) => row[column])),
    ),
  )
}

const EVENT_COLUMNS = [
  'number',
  'of',
  'kind',
  'at',
  'received_at',
  'event',
  'source',
  'outcome',
  'reason',
  'kept_until',
]

function eventRow(event: AccessEvent, n: number): Cell[] {
  const { of, kind, at, receivedAt, event: name, source, decision, kept } = event
  const until = kept.map((one) => `${one.class} ${one.until}`).join('; ')
  return [n, of, kind, at, receivedAt, name, source, decision?.outcome, decision?.reason, until]
}

const FIELD_COLUMNS = ['event_number', 'event', 'class', 'path', 'value', 'kept_until', 'restricted']

function fieldRows({ event, fields, kept }: AccessEvent, n: number): Cell[][] {
  const endOf = new Map(kept.map((one) => [one.class, one]))
  return leavesOf(fields as JsonObject).map(({ className, path, value }) => {
    const end = endOf.get(className)
    return [n, event, className, path, value, end?.until, end?.restricted]
  })
}

const DECISION_COLUMNS = [
  'event_number',
  'event',
  'destination',
  'purpose',
  'basis',
  'permitted',
  'erased_since',
  'why',
]

function decisionRows({ event, decision }: AccessEvent, n: number): Cell[][] {
  return (decision?.routes ?? []).map(({ destination, purpose, basis, permitted, erasedSince, clauses }) => {
    const why = clauses.map(({ says }) => says).join('; ')
    return [n, event, destination, purpose, basis, permitted, erasedSince, why]
  })
}

function moduleFile(source: AccessSource, of: { readonly module: string; readonly table: string }): CsvFile {
  const name = `${of.module}-${of.table.replaceAll('_', '-')}.csv`
  return {
    name,
    async *content() {
      let columns: string[] | undefined
      for await (const page of source.moduleRows(of)) {
        if (columns === undefined) {
          columns = Object.keys(page[0]?.values ?? {})
          yield BOM + line(columns)
        }
        yield page.map(({ values }) => line(columns!.map((column) => values[column] as Cell))).join('')
      }
    },
  }
}

/** Values inside of an event's fields, each with its class and its path; entries of lists by number from 0. */
function leavesOf(byClass: JsonObject): { className: string; path: string; value: Cell }[] {
  const found: { className: string; path: string; value: Cell }[] = []
  const walk = (className: string, path: string, value: Json): void => {
    if (value === null || typeof value !== 'object') {
      found.push({ className, path, value })
      return
    }
    const entries: readonly (readonly [string, Json])[] = Array.isArray(value)
      ? value.map((item: Json, i) => [`${path}[${i}]`, item] as const)
      : Object.entries(value as JsonObject).map(([key, item]) => [path === '' ? key : `${path}.${key}`, item] as const)
    for (const [inner, item] of entries) walk(className, inner, item)
  }
  for (const [className, fields] of Object.entries(byClass)) walk(className, '', fields)
  return found
}

/** Rows of each entry, which are numbered through from 1. */
async function* pages<T>(
  source: AsyncIterable<readonly T[]>,
  rowsOf: (one: T, n: number) => readonly (readonly Cell[])[],
): Rows {
  let n = 0
  for await (const page of source) yield page.flatMap((one) => rowsOf(one, ++n))
}

function file(name: string, columns: readonly string[], rows: () => Rows): CsvFile {
  return {
    name,
    async *content() {
      yield BOM + line(columns)
      for await (const page of rows()) if (page.length > 0) yield page.map(line).join('')
    },
  }
}

function table(name: string, columns: readonly string[], rows: readonly (readonly Cell[])[]): CsvFile {
  return {
    name,
    async *content() {
      yield BOM + line(columns) + rows.map(line).join('')
    },
  }
}

function line(cells: readonly Cell[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`
}

/**
 * A cell by RFC 4180. A text that a spreadsheet could take for a formula, which could then send the sheet away or start
 * programs (OWASP, CSV injection), gets an apostrophe before it; numbers are numbers. README of the archive says so.
 */
export function cellOf(value: Cell): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text =
    typeof value === 'string' ? value : Array.isArray(value) && isFlat(value) ? value.join(' ') : JSON.stringify(value)
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n']/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe
}

// With the full-width forms, which some spreadsheets take for the same, and what stands before them unseen.
const FORMULA = /^[\s\p{Cf}\p{Cc}]*[=+\-@＝＋－＠]|^[\t\r\n]/u

function isFlat(value: readonly Json[]): boolean {
  return value.every((item) => typeof item === 'string' || typeof item === 'number')
}
