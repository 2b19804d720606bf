import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Db, openPool, type Tx } from '../../src/db/pool.ts'
import { transaction } from '../../src/db/transaction.ts'
import type { Delivered } from '../../src/event/event.ts'
import type { LogPosition, Pseudonym, Token } from '../../src/event/ids.ts'
import type { Purpose } from '../../src/event/purpose.ts'
import type { Module } from '../../src/modules/module.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'

export interface ContractOptions {
  readonly module: Module
  /** The Postgres role that delivery takes around the module's calls. */
  readonly role: string
  /** What one event of this module can be; subject, key and position are the suite's. Few distinct values collide often. */
  readonly event: fc.Arbitrary<Pick<Delivered, 'name' | 'fields' | 'at'>>
}

const seed = Number(process.env.WEIR_TEST_SEED ?? Date.now() % 1_000_000_000)
const numRuns = process.env.WEIR_TEST_LONG === undefined ? 20 : 200
const PSEUDONYMS = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `p1.${name}` as Pseudonym)
const subject = fc.constantFrom(...PSEUDONYMS)

/** Between the days of the modules' events, before and after them. */
const cutoff = fc.constantFrom('2010-01-04', '2010-01-05', '2010-01-06', '2010-01-07')

type Step =
  | { readonly kind: 'handle'; readonly batch: readonly Delivered[] }
  | { readonly kind: 'relink'; readonly from: Pseudonym; readonly to: Pseudonym }
  | { readonly kind: 'erase'; readonly subject: Pseudonym }
  | { readonly kind: 'expire'; readonly before: string }
  | { readonly kind: 'clear' }

/** The contract of DESIGN §5, run against a module on a real database. Declares its own describe block. */
export function moduleContract({ module, role, event }: ContractOptions): void {
  describe(`the contract of a module, kept by ${module.name} (seed ${seed})`, () => {
    let database: TestDatabase
    let db: Db
    beforeAll(async () => {
      database = await createTestDatabase()
      db = openPool({ url: database.appUrl, max: 2 })
    })
    afterAll(async () => {
      await db?.$client.end()
      await database?.drop()
    })

    const { purpose } = module
    const events = eventsOf(event, purpose)
    const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => Promise<void>): Promise<void> =>
      fc.assert(fc.asyncProperty(arbitrary, property), { seed, numRuns })
    const stateAfter = (steps: readonly Step[]): Promise<string> =>
      inThrowAway(db, role, async (tx) => {
        await run(tx, module, steps)
        return module.digest(tx)
      })

    test('the same batch twice changes nothing', () =>
      check(events, async (batch) => {
        const once: Step[] = [{ kind: 'handle', batch }]
        expect(await stateAfter([...once, ...once])).toBe(await stateAfter(once))
      }))

    test('neither the order of events nor how they are cut into batches matters', () =>
      check(fc.tuple(shuffled(events), fc.integer({ min: 1, max: 7 })), async ([[batch, mixed], size]) => {
        expect(await stateAfter(inBatches(mixed, size))).toBe(await stateAfter([{ kind: 'handle', batch }]))
      }))

    test('erased means as if never delivered, whatever was linked, unlinked, repeated or late', () =>
      check(stepsOf(event, purpose), async (steps) => {
        expect(await stateAfter(steps)).toBe(await stateAfter(rebuild(steps)))
      }))

    test('expired means as if it had never happened: the state is a rebuild from what is left, links and all', () =>
      check(fc.tuple(stepsOf(event, purpose), cutoff, stepsOf(event, purpose)), async ([steps, before, later]) => {
        const expiring: Step[] = [...steps, { kind: 'expire', before }, ...later.map((step) => since(before, step))]
        expect(await stateAfter(expiring)).toBe(await stateAfter(rebuild(expiring)))
      }))

    test('expired by the end of all days, nothing of any event is left', () =>
      check(stepsOf(event, purpose), async (steps) => {
        const links = steps.filter((step) => step.kind === 'relink')
        const expiring: Step[] = [
          ...steps.filter((step) => step.kind === 'handle'),
          ...links,
          { kind: 'expire', before: '9999-12-31' },
        ]
        expect(await stateAfter(expiring)).toBe(await stateAfter(links))
      }))

    test('an expiry goes on where its last batch ended, and takes a table without a cutoff for kept', async () => {
      const all = Object.fromEntries(module.keeps.map(({ table }) => [table, '9999-12-31']))
      await inThrowAway(db, role, async (tx) => {
        const state = await module.digest(tx)
        for (const { table } of module.keeps) {
          expect(await module.expire(tx, all, `${table}:1000000`)).toMatchObject({ rows: {} })
          expect(await module.expire(tx, {}, `${table}:0`)).toEqual({ rows: {}, next: undefined })
        }
        expect(await module.digest(tx)).toBe(state)
      })
    })

    test('cleared means as if nothing had ever been handed over, and what comes then is all there is', () =>
      check(fc.tuple(stepsOf(event, purpose), stepsOf(event, purpose)), async ([steps, later]) => {
        const empty = await stateAfter([])
        expect(await stateAfter([...steps, { kind: 'clear' }])).toBe(empty)
        expect(await stateAfter([...steps, { kind: 'clear' }, ...later])).toBe(await stateAfter(later))
      }))

    test('an undone link leaves the state that was before it', () =>
      check(fc.tuple(events, subject, subject), async ([batch, from, to]) => {
        const before: Step[] = [{ kind: 'handle', batch }]
        const linked: Step[] = [...before, { kind: 'relink', from, to }]
        expect(await stateAfter([...linked, { kind: 'relink', from, to: from }])).toBe(await stateAfter(before))
      }))

    test('what is held is what erase removes, and afterwards no row knows the pseudonym', () =>
      check(fc.tuple(stepsOf(event, purpose), subject), async ([steps, gone]) => {
        await inThrowAway(db, role, async (tx) => {
          await run(tx, module, steps)
          const held = await module.holds(tx, gone)
          expect(await module.erase(tx, gone)).toEqual(held)
          expect(Object.values(await module.holds(tx, gone)).filter((rows) => rows !== 0)).toEqual([])
          expect(await tablesNaming(tx, module.name, gone)).toEqual([])
        })
      }))

    test('an event that it cannot use stops nothing and stays without effect beside the others', () =>
      check(fc.tuple(events, fc.array(junk, { maxLength: 10 })), async ([batch, useless]) => {
        const strange = numbered(useless, purpose, 1_000)
        expect(await stateAfter([{ kind: 'handle', batch: [...strange, ...batch] }])).toBe(
          await stateAfter([
            { kind: 'handle', batch },
            { kind: 'handle', batch: strange },
          ]),
        )
      }))

    test('a transaction that breaks off leaves nothing', () =>
      check(stepsOf(event, purpose), async (steps) => {
        const empty = await stateAfter([])
        const broken = transaction(db, async (tx) => {
          await asModule(tx, role)
          await run(tx, module, steps)
          throw new Error('broken off')
        })
        await expect(broken).rejects.toThrow('broken off')
        expect(await stateAfter([])).toBe(empty)
      }))

    test('the role of the gateway alone writes none of its tables', async () => {
      const { rows } = await db.$client.query<{ name: string }>(
        `select table_name as name from information_schema.table_privileges
         where table_schema = $1 and grantee in ('weir_app', 'PUBLIC') and privilege_type <> 'SELECT'`,
        [module.name],
      )
      expect(rows).toEqual([])
    })
  })
}

async function run(tx: Tx, module: Module, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (step.kind === 'handle') await module.handle(tx, step.batch)
    else if (step.kind === 'relink') await module.relink(tx, step.from, step.to)
    else if (step.kind === 'erase') await module.erase(tx, step.subject)
    else if (step.kind === 'clear') await module.clear(tx)
    else await expire(tx, module, step.before)
  }
}

async function expire(tx: Tx, module: Module, before: string): Promise<void> {
  const cutoffs = Object.fromEntries(module.keeps.map(({ table }) => [table, before]))
  let from: string | undefined
  do from = (await module.expire(tx, cutoffs, from)).next
  while (from !== undefined)
}

/** Other events, of which those that are past already are not handed over any more. */
function since(before: string, step: Step): Step {
  if (step.kind !== 'handle') return step
  const later = step.batch.map((event) => ({ ...event, eventKey: `${event.eventKey}-later` as Token }))
  return { ...step, batch: later.filter(({ at }) => at >= before) }
}

/** The steps of somebody who never heard of what was erased: the events that are left, then the links that are left. */
function rebuild(steps: readonly Step[]): Step[] {
  let left: Delivered[] = []
  const links = new Map<Pseudonym, Pseudonym>()
  for (const step of steps) {
    if (step.kind === 'handle') left.push(...step.batch)
    else if (step.kind === 'relink') links.set(step.from, step.to)
    else if (step.kind === 'expire') left = left.filter(({ at }) => at >= step.before)
    else if (step.kind === 'clear') {
      left = []
      links.clear()
    } else {
      left = left.filter((event) => event.subject !== step.subject)
      for (const [from, to] of links) if (from === step.subject || to === step.subject) links.delete(from)
    }
  }
  const relinks = [...links].map(([from, to]): Step => ({ kind: 'relink', from, to }))
  return [{ kind: 'handle', batch: left.reverse() }, ...relinks.reverse()]
}

/** Runs in a transaction of the module's role that is rolled back: every scenario begins with nothing. */
async function inThrowAway<T>(db: Db, role: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  let result: { readonly value: T } | undefined
  const rolledBack = new Error('rolled back')
  await transaction(db, async (tx) => {
    await asModule(tx, role)
    result = { value: await work(tx) }
    throw rolledBack
  }).catch((error: unknown) => {
    if (error !== rolledBack) throw error
  })
  return result!.value
}

async function asModule(tx: Tx, role: string): Promise<void> {
  await tx.$client.query(`set local role ${role}`)
}

async function tablesNaming(tx: Tx, schema: string, pseudonym: Pseudonym): Promise<string[]> {
  const tables = await tx.$client.query<{ name: string }>(
    'select table_name as name from information_schema.tables where table_schema = $1 order by 1',
    [schema],
  )
  const naming: string[] = []
  for (const { name } of tables.rows) {
    const found = await tx.$client.query(
      `select from ${schema}.${name} t where strpos(to_jsonb(t)::text, to_json($1::text)::text) > 0 limit 1`,
      [pseudonym],
    )
    if (found.rows.length > 0) naming.push(name)
  }
  return naming
}

type Content = Pick<Delivered, 'name' | 'fields' | 'at'>

function eventsOf(event: fc.Arbitrary<Content>, purpose: Purpose): fc.Arbitrary<Delivered[]> {
  return fc.array(fc.tuple(subject, event), { minLength: 1, maxLength: 30 }).map((drawn) => numbered(drawn, purpose))
}

/** One key per content, as the pipeline has it: an event may come again, it never comes different. */
function numbered(drawn: readonly (readonly [Pseudonym, Content])[], purpose: Purpose, first = 0): Delivered[] {
  return drawn.map(([by, content], i) => ({
    ...content,
    subject: by,
    position: BigInt(first + i) as LogPosition,
    eventKey: `t1.event${first + i}` as Token,
    consentEpoch: 1,
    purpose,
    told: i % 3 === 0 ? 'browser' : 'server',
    shop: i % 4 === 0 ? 'second' : 'main',
  }))
}

function stepsOf(event: fc.Arbitrary<Content>, purpose: Purpose): fc.Arbitrary<Step[]> {
  return eventsOf(event, purpose).chain((events) => {
    const batch = fc.uniqueArray(fc.nat({ max: events.length - 1 }), { minLength: 1, maxLength: 12 })
    return fc.array(
      fc.oneof(
        { weight: 4, arbitrary: batch.map((picks): Step => ({ kind: 'handle', batch: picks.map((i) => events[i]!) })) },
        { weight: 3, arbitrary: fc.record({ kind: fc.constant('relink' as const), from: subject, to: subject }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('erase' as const), subject }) },
      ),
      { minLength: 1, maxLength: 14 },
    )
  })
}

function shuffled(events: fc.Arbitrary<Delivered[]>): fc.Arbitrary<[Delivered[], Delivered[]]> {
  return events.chain((all) =>
    fc.tuple(
      fc.constant(all),
      fc
        .array(fc.nat(), { minLength: all.length, maxLength: all.length })
        .map((rank) => [...all.keys()].sort((a, b) => rank[a]! - rank[b]!).map((i) => all[i]!)),
    ),
  )
}

function inBatches(events: readonly Delivered[], size: number): Step[] {
  return Array.from({ length: Math.ceil(events.length / size) }, (_, i) => ({
    kind: 'handle',
    batch: events.slice(i * size, (i + 1) * size),
  }))
}

const junk = fc.tuple(
  subject,
  fc.record({
    name: fc.constantFrom('Product Viewed', 'Order Completed', 'Order Refunded', '__proto__', 'toString', 'x'),
    at: fc.constantFrom('', 'yesterday', '2010-02-30', '0000-01-01', '2010-01-05'),
    fields: fc.oneof(
      fc.constant({}),
      fc.record({ properties: fc.jsonValue() }),
      fc.record({
        properties: fc.record({ product_id: fc.jsonValue(), products: fc.jsonValue(), order_id: fc.jsonValue() }),
      }),
      fc.record({ context: fc.jsonValue() }),
      fc.record({
        context: fc.record({ campaign: fc.jsonValue(), referrer: fc.jsonValue(), page: fc.jsonValue() }),
        properties: fc.record({ total: fc.jsonValue(), currency: fc.jsonValue() }),
      }),
    ),
  }),
) as fc.Arbitrary<[Pseudonym, Content]>
