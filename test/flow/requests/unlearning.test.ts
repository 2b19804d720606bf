import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import type { JsonObject } from '../../../src/event/event.ts'
import { attribution } from '../../../src/modules/attribution/attribution.ts'
import type { Module } from '../../../src/modules/module.ts'
import { recommendation } from '../../../src/modules/recommendation/recommendation.ts'
import { runErasure } from '../../../src/rights/erasure/now.ts'
import { type ModuleProof, proveSample, proveUnlearned } from '../../../src/rights/prove.ts'
import { createNightlyProof } from '../../../src/rights/prove-nightly.ts'
import { writeRequest } from '../../../src/rights/rows.ts'
import { provedRequest } from '../../support/proved-request.ts'
import { createTestApp, type TestApp, track } from '../../support/test-app.ts'

// Law 5, the modules: whatever happened, their state is that of a rebuild from what the log has still.

const seed = Number(process.env.WEIR_TEST_SEED ?? Date.now() % 1_000_000_000)
const numRuns = process.env.WEIR_TEST_LONG === undefined ? 100 : 1000
const PURPOSES = ['attribution', 'personalisation'] as const

/** How many more calls of a module go well before one ends as if the process had been killed in it. */
let untilCrash = Number.POSITIVE_INFINITY

function fragile(module: Module): Module {
  const crash = (): void => {
    if (--untilCrash > 0) return
    untilCrash = Number.POSITIVE_INFINITY
    throw Object.assign(new Error('the connection is gone'), { code: '57P01' })
  }
  return {
    ...module,
    async handle(tx, batch) {
      await module.handle(tx, batch)
      crash()
    },
    async erase(tx, subject) {
      const rows = await module.erase(tx, subject)
      crash()
      return rows
    },
    async relink(tx, from, to) {
      await module.relink(tx, from, to)
      crash()
    },
  }
}

let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp({ modules: [fragile(attribution), fragile(recommendation)] })
})
afterAll(() => weir.stop())

type Act =
  | { readonly kind: 'event'; readonly who: number; readonly device: number; readonly event: JsonObject }
  | { readonly kind: 'again'; readonly which: number }
  | {
      readonly kind: 'choose'
      readonly who: number
      readonly purpose: (typeof PURPOSES)[number]
      readonly yes: boolean
    }
  | { readonly kind: 'deliver' | 'crash' }
  | { readonly kind: 'erase'; readonly who: number; readonly crash: boolean }

const person = fc.nat(3)
const product = fc.constantFrom('tea', 'cup', 'pot', 'tray')
const content = fc.oneof(
  fc.record({ name: fc.constant('Product Viewed'), product_id: product }),
  fc.record({ name: fc.constant('Product Added'), product_id: product }),
  fc.record({
    name: fc.constant('Order Completed'),
    order_id: fc.constantFrom('o-1', 'o-2', 'o-3'),
    currency: fc.constant('CNY'),
    total: fc.nat(500),
    products: fc.array(fc.record({ product_id: product, quantity: fc.constant(1), price: fc.nat(99) }), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
)
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('event'), who: person, device: fc.nat(2), event: content }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('again'), which: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('choose'),
      who: person,
      purpose: fc.constantFrom(...PURPOSES),
      yes: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('deliver', 'crash') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('erase'), who: person, crash: fc.boolean() }) },
) as fc.Arbitrary<Act>

/** People and devices of one history, whom no other has. */
function cast(): { user: (n: number) => string; device: (who: number, n: number) => JsonObject } {
  const run = randomUUID().slice(0, 8)
  const ids = new Map<string, string>()
  const idOf = (key: string): string => ids.get(key) ?? ids.set(key, randomUUID()).get(key)!
  return {
    user: (n) => `${run}-person-${n}`,
    device: (who, n) => (n === 0 ? {} : { anonymousId: idOf(`${who}-${n}`) }),
  }
}

async function live(acts: readonly Act[]): Promise<void> {
  const { user, device } = cast()
  const sent: JsonObject[] = []
  for (const n of [0, 1, 2, 3]) await weir.grant(user(n), ...PURPOSES)
  for (const one of acts) {
    if (one.kind === 'event') {
      const { name, ...properties } = one.event
      const event = track(user(one.who), String(name), properties, {
        messageId: randomUUID(),
        context: { campaign: { source: String(properties.product_id ?? 'none') } },
        ...device(one.who, one.device),
      })
      sent.push(event)
      await weir.send(event)
    } else if (one.kind === 'again') {
      const event = sent[one.which % Math.max(sent.length, 1)]
      if (event !== undefined) await weir.send(event, { ...event, messageId: randomUUID() })
    } else if (one.kind === 'choose') {
      await (one.yes ? weir.grant(user(one.who), one.purpose) : weir.refuse(user(one.who), one.purpose))
    } else if (one.kind === 'erase') {
      await erase(user(one.who), one)
    } else {
      await deliver(one.kind === 'crash')
    }
  }
  await weir.settle()
}

async function deliver(crash: boolean): Promise<void> {
  untilCrash = crash ? 2 : Number.POSITIVE_INFINITY
  await weir.settle().catch((error: unknown) => expect(String(error)).toContain('the connection is gone'))
  untilCrash = Number.POSITIVE_INFINITY
}

async function erase(userId: string, { crash }: { readonly crash: boolean }): Promise<void> {
  const { deps } = weir.app.rights
  const id = await provedRequest(weir, 'erasure', [{ type: 'user_id', value: userId, verified: true }])
  await transaction(deps.db, (tx) => writeRequest(tx, id, { state: 'executing' }))
  untilCrash = crash ? 2 : Number.POSITIVE_INFINITY
  await runErasure(deps, id).catch((error: unknown) => expect(String(error)).toContain('the connection is gone'))
  untilCrash = Number.POSITIVE_INFINITY
  await runErasure(deps, id)
}

const TABLES = [
  'subject',
  'subject_key',
  'identifier',
  'link',
  'consent_state',
  'consent_ledger',
  'event_log',
  'sealed',
  'dead_letter',
  'purge',
  'audit_detail',
  'tombstone',
  'dedupe_0',
  'dedupe_1',
  'request_person',
  'request_content',
].map((name) => `weir.${name}`)
TABLES.push(
  ...['view', 'cart_change', 'order_line', 'order_return', 'link', 'basket', 'interest', 'item'].map(
    (name) => `recommendation.${name}`,
  ),
  ...['touch', 'conversion', 'link'].map((name) => `attribution.${name}`),
)

/** Nobody and nothing, so that a history costs what happens in it alone. */
async function forgetAll(): Promise<void> {
  for (const table of TABLES) await weir.owner.$client.query(`delete from ${table}`) // truncating hundreds of partitions takes a second
  await weir.owner.$client.query('update recommendation.state set orders = 0')
  weir.app.rights.deps.keyring.forgetAll()
}

const prove = (): Promise<ModuleProof[]> => proveUnlearned(weir.app.rights.deps)
const BOTH = [
  { name: 'attribution', equalToRebuild: true },
  { name: 'recommendation', equalToRebuild: true },
]

describe(`modules after an erasure (seed ${seed}, ${numRuns} histories)`, () => {
  test('are what a rebuild without the person gives, after any history of events, links, choices, erasures and crashes', {
    timeout: 3_600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 6, maxLength: 16 }), async (acts) => {
        await forgetAll()
        await live(acts)
        expect(await prove()).toEqual(BOTH)
        if (acts.length % 4 > 0) return // of every fourth history, for it takes as long as the rest
        for (const one of await proveSample(weir.app.rights.deps, 6)) expect(one.equalToRebuild).toBe(true)
      }),
      { seed, numRuns, endOnFailure: process.env.WEIR_TEST_LONG === undefined },
    )
  })

  test('that kept something, or lost something of somebody else, are told from it', async () => {
    await forgetAll()
    const acts: Act[] = [0, 1, 2].flatMap((who): Act[] => [
      { kind: 'event', who, device: 1, event: { name: 'Product Viewed', product_id: 'tea' } },
      {
        kind: 'event',
        who,
        device: 1,
        event: {
          name: 'Order Completed',
          order_id: `o-${who}`,
          currency: 'CNY',
          total: 5,
          products: [{ product_id: 'tea' }],
        },
      },
    ])
    await live([...acts, { kind: 'deliver' }, { kind: 'erase', who: 0, crash: false }])
    expect(await prove()).toEqual(BOTH)
    const tampered = async (by: string, undo: string): Promise<ModuleProof[]> => {
      await weir.owner.$client.query(by)
      const found = await prove()
      await weir.owner.$client.query(undo)
      return found
    }
    const [plus, minus] = ['+', '-'].map(
      (sign) => `update recommendation.item set viewers = viewers ${sign} 1 where item = 'tea'`,
    )
    expect(await tampered(plus!, minus!)).toContainEqual({ name: 'recommendation', equalToRebuild: false })
    const kept = `insert into attribution.touch values ('p1.AAAB.somebodywhowaserased', 'e', '2026-01-01', 'x', '', '', '', '', '')`
    const gone = `delete from attribution.touch where subject = 'p1.AAAB.somebodywhowaserased'`
    expect(await tampered(kept, gone)).toContainEqual({ name: 'attribution', equalToRebuild: false })
    expect(await prove()).toEqual(BOTH)
  })

  test('are proved while delivery goes on: what is handed over meanwhile is neither missed nor counted', async () => {
    await forgetAll()
    const [{ user }, other] = [cast(), cast()]
    await weir.grant(user(0), ...PURPOSES)
    for (let i = 0; i < 40; i++) await weir.send(track(user(0), 'Product Viewed', { product_id: `p-${i % 5}` }))
    await weir.settle()
    const proving = prove()
    await weir.grant(other.user(0), ...PURPOSES)
    for (let i = 0; i < 20; i++) {
      await weir.send(track(other.user(0), 'Product Viewed', { product_id: 'p-1' }))
      await weir.settle()
    }
    expect(await proving).toEqual(BOTH)
    expect(await prove()).toEqual(BOTH)
  })

  test('are proved on a sample every night, in the audit log and in the metrics', async () => {
    const registry = new Registry()
    const proofs = await createNightlyProof(weir.app.rights.deps, registry)(4)
    expect(proofs.map(({ name, equalToRebuild }) => [name, equalToRebuild])).toEqual([
      ['attribution', true],
      ['recommendation', true],
    ])
    expect(await registry.metrics()).toContain('weir_unlearning_equal{module="recommendation"} 1')
    const entries = await weir.entries('unlearning.prove')
    expect(entries.map(({ resource }) => resource)).toEqual(['module:attribution', 'module:recommendation'])
  })

  test('leave nothing behind of the proof itself', async () => {
    await prove()
    const { rows } = await weir.owner.$client.query(
      `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname like 'pg_temp%' and c.relkind = 'r'`,
    )
    expect(rows).toEqual([])
  })
})
