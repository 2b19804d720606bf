import { textArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import type { JsonObject } from '../../event/event.ts'
import type { Pseudonym } from '../../event/ids.ts'
import type { Module, Rows } from '../../modules/module.ts'
import { asModule } from '../../pipeline/as-module.ts'

/** How a person's rows of a module's table are found and shown. */
interface Table {
  /** Columns that hold a pseudonym; a row is the person's where one of them does. */
  readonly whose: readonly string[]
  /** What is shown, as SQL under the name that it is shown by. Pseudonyms and tokens stay inside: they would join. */
  readonly shows: Readonly<Record<string, string>>
  /** Columns that order the rows, all of them text: the primary key. */
  readonly key: readonly string[]
}

const utc = (column: string): string => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`
const link: Table = {
  whose: ['subject', 'target'],
  shows: { counts_as: `case when target = subject then 'itself' else 'another of yours' end` },
  key: ['subject'],
}

/** Tables of the modules that are hosted here. A module that is not listed is counted by its own holds(). */
const TABLES: Readonly<Record<string, Readonly<Record<string, Table>>>> = {
  attribution: {
    touch: {
      whose: ['subject'],
      shows: {
        at: utc('at'),
        source: 'source',
        medium: 'medium',
        campaign: 'campaign',
        creative: 'creative',
        tag: 'tag',
        referrer: 'referrer',
      },
      key: ['subject', 'event_key'],
    },
    conversion: {
      whose: ['subject'],
      shows: { at: utc('at'), currency: 'currency', value_minor_units: 'value::text', told: 'told', shop: 'shop' },
      key: ['subject', 'event_key'],
    },
    link,
  },
  recommendation: {
    view: {
      whose: ['subject'],
      shows: { day: 'day::text', item: 'item' },
      key: ['subject', 'event_key', 'item'],
    },
    cart_change: {
      whose: ['subject'],
      shows: { day: 'day::text', item: 'item', step: `case when step > 0 then 'put in' else 'taken out' end` },
      key: ['subject', 'event_key', 'item'],
    },
    order_line: {
      whose: ['subject'],
      shows: { day: 'day::text', item: 'item' },
      key: ['subject', 'event_key', 'item'],
    },
    order_return: {
      whose: ['subject'],
      shows: { day: 'day::text', item: `case when item = '' then 'the whole order' else item end` },
      key: ['subject', 'event_key', 'item'],
    },
    link,
    basket: { whose: ['root'], shows: { items: `array_to_string(items, ', ')` }, key: ['root', 'order_token'] },
    interest: {
      whose: ['root'],
      shows: { item: 'item', orders: 'orders::integer', views: 'views::integer' },
      key: ['root', 'item'],
    },
  },
}

function isMine({ whose }: Table): string {
  return `(${whose.map((column) => `${column} = any((select $1::text[])::text[])`).join(' or ')})`
}

/** Rows of the person's by table, each once however many of the pseudonyms it names. */
export async function countModule(tx: Tx, module: Module, pseudonyms: readonly Pseudonym[]): Promise<Rows> {
  return asModule(tx, module, async () => {
    const rows: Record<string, number> = {}
    for (const pseudonym of pseudonyms) {
      for (const [table, n] of Object.entries(await module.holds(tx, pseudonym))) rows[table] = (rows[table] ?? 0) + n
    }
    for (const [name, table] of Object.entries(TABLES[module.name] ?? {})) {
      const { rows: found } = await tx.$client.query<{ n: bigint }>(
        `select count(*) as n from ${module.name}.${name} where ${isMine(table)}`,
        [textArray(pseudonyms)],
      )
      rows[name] = Number(found[0]!.n)
    }
    return rows
  })
}

/** Tables whose rows can be shown. */
export function shownTables(module: Pick<Module, 'name'>): string[] {
  return Object.keys(TABLES[module.name] ?? {})
}

/** Where a page ended: at which of the pseudonyms, and after which of its rows. */
export interface RowsCursor {
  readonly at: number
  readonly key: readonly string[] | undefined
}

export interface RowsPage {
  readonly rows: readonly JsonObject[]
  /** Where the next page begins; undefined after the last. */
  readonly next: RowsCursor | undefined
}

/** So many rows of a table, after where the last page ended: in the order of the index, so that a page costs a page. */
export async function readModuleRows(
  tx: Tx,
  module: Pick<Module, 'name'>,
  ask: {
    readonly table: string
    readonly pseudonyms: readonly Pseudonym[]
    readonly after: RowsCursor | undefined
    readonly limit: number
  },
): Promise<RowsPage> {
  const { pseudonyms, limit } = ask
  const rows: JsonObject[] = []
  let { at, key } = ask.after ?? { at: 0, key: undefined }
  await asModule(tx, module, async () => {
    while (at < pseudonyms.length && rows.length < limit) {
      const wanted = limit - rows.length
      const found = await readOf(tx, module, { ...ask, whose: pseudonyms[at]!, key, limit: wanted })
      rows.push(...found.map(({ _key: _, ...shown }) => shown as JsonObject))
      key = found.at(-1)?._key
      if (found.length < wanted) {
        at += 1
        key = undefined
      }
    }
  })
  return { rows, next: at < pseudonyms.length ? { at, key } : undefined }
}

/** A link of two of the person's pseudonyms is told with the one that it begins at. */
async function readOf(
  tx: Tx,
  module: Pick<Module, 'name'>,
  of: {
    readonly table: string
    readonly pseudonyms: readonly Pseudonym[]
    readonly whose: Pseudonym
    readonly key: readonly string[] | undefined
    readonly limit: number
  },
): Promise<(JsonObject & { readonly _key: readonly string[] })[]> {
  const { whose, shows, key } = TABLES[module.name]![of.table]!
  const [first, second] = whose
  const keys = key.join(', ')
  const mine =
    second === undefined ? `${first} = $1` : `(${first} = $1 or ${second} = $1 and ${first} <> all($3::text[]))`
  const from = second === undefined ? 3 : 4
  const past = of.key === undefined ? 'true' : `(${keys}) > (${key.map((_, i) => `$${i + from}`).join(', ')})`
  const columns = Object.entries(shows).map(([name, sql]) => `${sql} as "${name}"`)
  const { rows } = await tx.$client.query<JsonObject & { readonly _key: readonly string[] }>(
    `select ${columns.join(', ')}, array[${keys}]::text[] as "_key"
     from ${module.name}.${of.table} where ${mine} and ${past} order by ${keys} limit $2`,
    [of.whose, of.limit, ...(second === undefined ? [] : [textArray(of.pseudonyms)]), ...(of.key ?? [])],
  )
  return rows
}
