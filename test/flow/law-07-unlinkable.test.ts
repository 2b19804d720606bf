import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { policyWith, recordingModule, threeModules } from '../support/recording-module.ts'
import { createTestApp, type TestApp, track } from '../support/test-app.ts'

const PEOPLE = 60
const second = recordingModule('second', 'attribution')
let weir: TestApp
let policyDir: string
beforeAll(async () => {
  policyDir = await policyWith(threeModules)
  weir = await createTestApp({
    policyDir,
    modules: [attribution, recommendation, second.module],
    prepare: second.prepare,
  })
  for (let i = 0; i < PEOPLE; i++) await weir.grant(`person-${i}`, 'personalisation', 'attribution')
  await weir.send(...Array.from({ length: PEOPLE }, (_, i) => eventsOf(i)).flat())
  await weir.settle()
})
afterAll(async () => {
  await weir.stop()
  await rm(policyDir, { recursive: true })
})

/** A day in the shop of one person, most of them on two devices. */
function eventsOf(i: number): JsonObject[] {
  const userId = `person-${i}`
  const at = (minutes: number): string =>
    new Date(Date.UTC(2026, 10, 20, 8) + i * 7 * 60_000 + minutes * 60_000).toISOString()
  const device = (n: number): JsonObject =>
    (i + n) % 3 === 0 ? {} : { anonymousId: `00000000-0000-4000-8${n}00-${String(i).padStart(12, '0')}` }
  const context = { sessionId: 9_000_000_000 + i, campaign: { source: i % 4 === 0 ? 'mail' : 'search' } }
  const product = (n: number): string => `item-${(i * 7 + n) % 23}`
  return [
    track(userId, 'Product Viewed', { product_id: product(0), price: 5 }, { timestamp: at(0), context, ...device(0) }),
    track(userId, 'Product Viewed', { product_id: product(1), price: 9 }, { timestamp: at(4), context, ...device(1) }),
    track(
      userId,
      'Order Completed',
      {
        order_id: `ORDER-${1_000 + i}`,
        total: 14 + (i % 5),
        products: [
          { product_id: product(0), quantity: 1, price: 5 },
          { product_id: product(1), quantity: 1, price: 9 },
        ],
      },
      { timestamp: at(9), context, ...device(0) },
    ),
  ]
}

interface Table {
  readonly name: string
  readonly rows: JsonObject[]
}

/** Everything that a destination holds, row by row: its whole schema, and for the recorder also what it was handed. */
async function dataOf(schema: string): Promise<Table[]> {
  const { rows } = await weir.owner.$client.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = $1 and table_type = 'BASE TABLE' order by 1`,
    [schema],
  )
  const tables: Table[] = []
  for (const { name } of rows) {
    const { rows: content } = await weir.owner.$client.query<{ row: JsonObject }>(
      `select to_jsonb(t) as row from ${schema}.${name} t`,
    )
    tables.push({ name, rows: content.map((each) => each.row) })
  }
  return tables
}

/** Every text in a row, by its path: columns, and what lies inside JSON and arrays. */
function textsIn(value: unknown, path: string): [string, string][] {
  if (typeof value === 'string') return [[path, value]]
  if (Array.isArray(value)) return value.flatMap((item) => textsIn(item, `${path}[]`))
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, item]) => textsIn(item, `${path}.${key}`))
  }
  return []
}

function columnsOf(tables: readonly Table[]): Map<string, Set<string>> {
  const columns = new Map<string, Set<string>>()
  for (const { name, rows } of tables) {
    for (const row of rows) {
      for (const [path, text] of textsIn(row, name)) {
        if (text === '') continue // names nobody
        const values = columns.get(path) ?? new Set()
        columns.set(path, values.add(text))
      }
    }
  }
  return columns
}

/** What both are meant to know in the same words: goods, days, names of campaigns. */
const SHARED = /\.(item|items\[\]|product_id|day|at|source)$/

test('all destinations hold the whole of everybody’s day', async () => {
  expect(second.handed).toHaveLength(3 * PEOPLE)
  const { rows: held } = await weir.owner.$client.query(
    `select (select count(*)::int from attribution.touch) as touches,
       (select count(*)::int from attribution.conversion) as conversions`,
  )
  expect(held[0]).toEqual({ touches: 3 * PEOPLE, conversions: PEOPLE })
  const { rows } = await weir.owner.$client.query('select count(*)::int as lines from recommendation.order_line')
  expect(rows[0].lines).toBe(2 * PEOPLE)
})

const SCHEMAS = ['recommendation', 'second', 'attribution'] as const
async function everyColumn(): Promise<[string, Set<string>][]> {
  const all = await Promise.all(SCHEMAS.map(async (schema) => [...columnsOf(await dataOf(schema))]))
  return all.flat()
}

const IDS = {
  recommendation: ['order_line.subject', 'order_line.event_key', 'order_line.order_token'],
  attribution: ['touch.subject', 'touch.event_key', 'conversion.subject', 'conversion.order_token'],
  second: ['taken.subject', 'taken.event_key', 'taken.fields.properties.order_id', 'taken.fields.context.visitId'],
}
const PAIRS = [
  ['recommendation', 'second'],
  ['recommendation', 'attribution'],
  ['attribution', 'second'],
] as const

test.each(PAIRS)(
  'no identifier-like column of %s joins any column of %s: no match over all pairs of text columns',
  async (one, other) => {
    const [ours, theirs] = [columnsOf(await dataOf(one)), columnsOf(await dataOf(other))]
    const matches: string[] = []
    let pairs = 0
    for (const [a, left] of ours) {
      for (const [b, right] of theirs) {
        if (SHARED.test(a) && SHARED.test(b)) continue
        pairs++
        for (const value of left) if (right.has(value)) matches.push(`${a} = ${b}`)
      }
    }
    expect(pairs).toBeGreaterThan(30)
    expect([...ours.keys()]).toEqual(expect.arrayContaining(IDS[one]))
    expect([...theirs.keys()]).toEqual(expect.arrayContaining(IDS[other]))
    expect(matches).toEqual([])
  },
)

test.each(PAIRS)('nor does any part of a pseudonym or token of %s, decoded, appear at %s', async (one, other) => {
  const parts = (columns: Map<string, Set<string>>): Set<string> => {
    const found = new Set<string>()
    for (const values of columns.values()) {
      for (const value of values) if (/^[pt]1\./.test(value)) found.add(value.split('.').at(-1)!)
    }
    return found
  }
  const [ours, theirs] = [parts(columnsOf(await dataOf(one))), parts(columnsOf(await dataOf(other)))]
  expect(ours.size).toBeGreaterThan(PEOPLE)
  expect(theirs.size).toBeGreaterThan(PEOPLE)
  expect([...ours].filter((part) => theirs.has(part))).toEqual([])
})

test('none joins the gateway’s own tables: no subject id, event key or index key is known outside', async () => {
  const ofPeople = (await dataOf('weir')).filter(
    ({ name }) => !/^(policy_version|destination|field_class|source|total)/.test(name),
  )
  const inside = columnsOf(ofPeople)
  const outside = await everyColumn()
  const matches: string[] = []
  for (const [a, left] of inside) {
    for (const [b, right] of outside) {
      for (const value of left) if (right.has(value) && !SHARED.test(b)) matches.push(`${a} = ${b}`)
    }
  }
  expect(matches).toEqual([])
})

test('pseudonyms and tokens say their kind and version, and never look like a SHA-256', async () => {
  const columns = await everyColumn()
  const ids = columns.filter(([path]) => /subject|root|event_key|order_token|order_id|visitId/.test(path))
  expect(ids.length).toBeGreaterThanOrEqual(7)
  for (const [path, values] of ids) {
    for (const value of values)
      expect([path, value]).toEqual([path, expect.stringMatching(/^[pt]1\.[A-Za-z0-9_-]{4}\.[A-Za-z0-9_-]{22}$/)])
  }
  for (const [path, values] of columns) {
    for (const value of values) expect([path, /^[0-9a-f]{32,}$/i.test(value)]).toEqual([path, false])
  }
})

test('order, visit and event ids arrive as tokens: the same one for the same id, another one at the other', async () => {
  const { rows } = await weir.owner.$client.query<{ orders: number; visits: number; people: number }>(
    `select count(distinct fields->'properties'->>'order_id')::int as orders,
       count(distinct fields->'context'->>'visitId')::int as visits, count(distinct subject)::int as people from second.taken`,
  )
  expect(rows[0]).toMatchObject({ orders: PEOPLE, visits: PEOPLE })
  const everything = JSON.stringify(await Promise.all(SCHEMAS.map(dataOf)))
  expect(everything).not.toMatch(/ORDER-\d|90000000\d\d|person-\d|-4000-8/)
})

test('times are as coarse as the policy says: the day for one, the minute for the others', async () => {
  for (const { rows } of await dataOf('attribution')) {
    for (const { at = '' } of rows) expect(at).toMatch(/^(2026-11-20T\d\d:\d\d:00)?$/)
  }
  for (const { name, rows } of await dataOf('recommendation')) {
    for (const row of rows) {
      const times = textsIn(row, name).filter(([, text]) => /\d\d:\d\d/.test(text))
      expect([name, times]).toEqual([name, []])
    }
  }
  const { rows } = await weir.owner.$client.query<{ at: string }>('select distinct at from second.taken')
  for (const { at } of rows) expect(at).toMatch(/^2026-11-20T\d\d:\d\dZ$/)
})

describe('quasi-identifiers', () => {
  /** How many of the second’s people are met by exactly one person of the first, by what both know. */
  async function reidentified(key: string): Promise<{ unique: number; of: number }> {
    const { rows } = await weir.owner.$client.query<{ unique: number; of: number }>(
      `with a as (select subject, string_agg(distinct ${key === 'day' ? 'day::text' : 'item'}, ',' order by ${key === 'day' ? 'day::text' : 'item'}) as known
           from recommendation.view group by subject),
         b as (select subject, string_agg(distinct ${key === 'day' ? 'left(at, 10)' : "fields->'properties'->>'product_id'"}, ','
             order by ${key === 'day' ? 'left(at, 10)' : "fields->'properties'->>'product_id'"}) as known
           from second.taken where fields->'properties' ? 'product_id' group by subject)
       select count(*) filter (where (select count(*) from a where a.known = b.known) = 1)::int as unique, count(*)::int as of from b`,
    )
    return rows[0]!
  }

  test('are measured and printed; the limit is the policy’s to set', async () => {
    const byDay = await reidentified('day')
    const byGoods = await reidentified('goods')
    const share = ({ unique, of }: { unique: number; of: number }): string =>
      `${unique} of ${of} (${Math.round((100 * unique) / of)} %)`
    console.log(
      `law 7: people of one destination met by exactly one of the other: by day ${share(byDay)}, by the set of viewed goods ${share(byGoods)}`,
    )
    expect(byDay.of).toBeGreaterThanOrEqual(PEOPLE)
    expect(byDay.unique).toBe(0) // everybody was there that day
  })
})
