import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import type { Purpose } from '../../src/event/purpose.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { type Handed, policyWith, recorded, recordingModule, twoModules } from '../support/recording-module.ts'
import { storedOf, subjectOf } from '../support/stored.ts'
import { createTestApp, order, speakingFor, type TestApp, track } from '../support/test-app.ts'
import { until } from '../support/until.ts'

const LONG = process.env.WEIR_TEST_LONG === '1'
const ROUNDS = LONG ? 120 : 10
const SEED = Number(process.env.WEIR_TEST_SEED ?? Date.now() % 1_000_000_000)

const second = recordingModule('second', 'attribution')
const shown: Handed[] = []
let weir: TestApp
let policyDir: string
beforeAll(async () => {
  policyDir = await policyWith(twoModules)
  weir = await createTestApp({
    policyDir,
    modules: [recorded(recommendation, 'second', shown), second.module],
    prepare: second.prepare,
  })
})
afterAll(async () => {
  await weir.stop()
  await rm(policyDir, { recursive: true })
})
afterEach(async () => {
  second.failOn = undefined
  second.during = undefined
  await weir.app.delivery.stop()
})

/** Where the database's own count stands: everything handed over later has a higher number. */
async function moment(): Promise<bigint> {
  const { rows } = await weir.owner.$client.query<{ now: bigint }>("select nextval('second.moment') as now")
  return rows[0]!.now
}

function view(userId: string, product: string, more: JsonObject = {}): JsonObject {
  return track(userId, 'Product Viewed', { product_id: product, price: 5 }, more)
}

function productOf({ event }: Handed): string {
  return String((event.fields.properties as JsonObject | undefined)?.product_id)
}

async function choose(userId: string, choices: Partial<Record<Purpose, boolean>>): Promise<void> {
  expect((await weir.server.post('/v1/consent', { userId, choices })).status).toBe(200)
}

async function modeFor(userId: string): Promise<unknown> {
  const path = '/v1/recommendations?placement=for_you&n=3'
  return (await weir.server.get(path, speakingFor({ userId }))).body.mode
}

function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Withdrawn {
  readonly user: string
  readonly purposes: readonly Purpose[]
  readonly at: bigint
}

const MODULES = { personalisation: shown, attribution: second.handed } as const
const CHOICES: readonly (readonly Purpose[])[] = [
  ['personalisation'],
  ['attribution'],
  ['personalisation', 'attribution'],
]

describe(`events and withdrawals at the same time (seed ${SEED}, ${ROUNDS} rounds)`, () => {
  test('after the answer to a withdrawal nothing is handed over, served or kept for that purpose', {
    timeout: LONG ? 1_200_000 : 120_000,
  }, async () => {
    const random = seeded(SEED)
    // One event in nine fails when it is first handed over, and waits as a dead letter over the withdrawal.
    const failed = new Set<string>()
    second.failOn = ({ eventKey }) => {
      if (failed.has(eventKey) || eventKey.charCodeAt(12) % 9 !== 0) return false
      failed.add(eventKey)
      return true
    }
    let withdrawals = 0
    for (let round = 0; round < ROUNDS; round++) {
      weir.app.delivery.start()
      const users = Array.from({ length: 6 }, (_, i) => `r${round}-u${i}-${SEED}`)
      const done = await Promise.all(users.map((user) => live(user, random)))
      withdrawals += done.filter((one) => one !== undefined).length
      await weir.app.delivery.stop() // what it has begun is committed now
      await weir.app.delivery.processAll()
      await weir.owner.$client.query("update weir.dead_letter set retry_at = clock_timestamp() - interval '1 second'")
      await weir.app.delivery.processAll()
      for (const one of done) if (one !== undefined) await expectForgotten(one)
    }
    console.log(
      `law 3: ${ROUNDS} rounds, ${withdrawals} withdrawals, ${second.handed.length + shown.length} events handed over, ${failed.size} dead letters, seed ${SEED}`,
    )
    expect(withdrawals).toBeGreaterThan(ROUNDS)
    expect(failed.size).toBeGreaterThan(0)
  })

  /** A person sends, withdraws in the middle of it, and may grant again and send more. */
  async function live(user: string, random: () => number): Promise<Withdrawn | undefined> {
    const purposes = CHOICES[Math.floor(random() * CHOICES.length)]!
    const [withdraws, returns] = [random() < 0.8, random() < 0.5]
    const middle = Math.floor(random() * 12)
    let sent = 0
    await choose(user, { personalisation: true, attribution: true })
    const sending = Array.from({ length: 4 }, async (_, stream) => {
      for (let i = 0; i < 3; i++) {
        await weir.send(view(user, `${user}/before/${stream}-${i}-1`), view(user, `${user}/before/${stream}-${i}-2`))
        sent++
      }
    })
    if (!withdraws) {
      await Promise.all(sending)
      return undefined
    }
    while (sent < middle) await new Promise((resolve) => setImmediate(resolve))
    await choose(user, Object.fromEntries(purposes.map((purpose) => [purpose, false])))
    const at = await moment()
    if (purposes.includes('personalisation')) expect(await modeFor(user)).toBe('context')
    await Promise.all(sending)
    if (purposes.includes('personalisation')) expect(await modeFor(user)).toBe('context')
    expect(await weir.send(view(user, `${user}/between`))).toEqual([purposes.length === 2 ? 'refused' : 'accepted'])
    if (returns) {
      await choose(user, Object.fromEntries(purposes.map((purpose) => [purpose, true])))
      await weir.send(view(user, `${user}/after`))
    }
    return { user, purposes, at }
  }

  async function expectForgotten({ user, purposes, at }: Withdrawn): Promise<void> {
    for (const purpose of purposes) {
      const late = MODULES[purpose as keyof typeof MODULES].filter(
        (one) => one.seq > at && productOf(one).startsWith(`${user}/`) && !productOf(one).endsWith('/after'),
      )
      expect([purpose, late.map(productOf)]).toEqual([purpose, []])
    }
    const held = await heldFor(user)
    for (const purpose of purposes) expect(held[purpose].filter((product) => !product.endsWith('/after'))).toEqual([])
    const others = (['personalisation', 'attribution'] as const).filter((purpose) => !purposes.includes(purpose))
    for (const purpose of others) expect(held[purpose].length).toBeGreaterThanOrEqual(25) // 24 before, one between
    const subject = (await subjectOf(weir, 'user_id', user))!
    const stored = (await storedOf(weir, subject)).filter(({ fields }) => !JSON.stringify(fields).includes('/after'))
    if (purposes.length === 2) expect(stored).toEqual([])
    else expect(stored).toHaveLength(25)
    if (purposes.includes('attribution')) expect(JSON.stringify(stored)).not.toContain('price') // held for attribution alone
  }

  async function heldFor(user: string): Promise<Record<Purpose, string[]>> {
    const { rows } = await weir.owner.$client.query<{ purpose: string; product: string }>(
      `select 'personalisation' as purpose, item as product from recommendation.view where item like $1
       union all select 'attribution', fields->'properties'->>'product_id' from second.taken
         where fields->'properties'->>'product_id' like $1`,
      [`${user}/%`],
    )
    const of = (purpose: string): string[] => rows.filter((row) => row.purpose === purpose).map((row) => row.product)
    return { personalisation: of('personalisation'), attribution: of('attribution') } as Record<Purpose, string[]>
  }
})

describe('the lock', () => {
  /** True when somebody waits for an advisory lock in this database. */
  async function somebodyWaits(): Promise<boolean> {
    const { rows } = await weir.owner.$client.query<{ n: number }>(
      `select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted
       and database = (select oid from pg_database where datname = current_database())`,
    )
    return rows[0]!.n > 0
  }

  test('a withdrawal waits for the batch that is under way, and is answered after its commit', async () => {
    const user = `lock-${randomUUID()}`
    await choose(user, { personalisation: true, attribution: true })
    await weir.send(view(user, 'under-way'))
    let release: () => void = () => undefined
    let entered: () => void = () => undefined
    const inside = new Promise<void>((resolve) => {
      entered = resolve
    })
    second.during = async () => {
      entered()
      await new Promise<void>((resolve) => {
        release = resolve
      })
    }
    const delivering = weir.settle()
    await inside
    let answered = false
    const withdrawal = choose(user, { attribution: false }).then(() => {
      answered = true
    })
    try {
      await until('the withdrawal waits for the batch', somebodyWaits)
      expect(answered).toBe(false)
    } finally {
      second.during = undefined
      release()
    }
    await withdrawal
    const at = await moment()
    const { rows } = await weir.owner.$client.query(
      'select count(*)::int as n from second.taken where fields::text like $1',
      ['%under-way%'],
    )
    await delivering
    await weir.settle()
    expect(second.handed.filter((one) => one.seq > at && productOf(one) === 'under-way')).toEqual([])
    expect(rows[0].n).toBeLessThanOrEqual(1) // committed before the answer, or erased already
    const after = await weir.owner.$client.query(
      'select count(*)::int as n from second.taken where fields::text like $1',
      ['%under-way%'],
    )
    expect(after.rows[0].n).toBe(0)
  })

  test('an event decided before a withdrawal and stored after it is not handed over, and its content is erased', async () => {
    const user = `late-${randomUUID()}`
    await choose(user, { personalisation: true, attribution: true })
    await weir.send(view(user, 'first')) // the person exists and is linked to nobody: the next event only appends
    await weir.settle()
    const holder = new pg.Client({ connectionString: weir.database.ownerUrl })
    await holder.connect()
    try {
      await holder.query('begin')
      await holder.query('select pg_advisory_xact_lock(20001, 0)') // the log's: appending waits, deciding does not
      const sending = weir.send(view(user, 'late'))
      await until('the event waits to be stored', somebodyWaits)
      await choose(user, { personalisation: false, attribution: false })
      const at = await moment()
      await holder.query('commit')
      expect(await sending).toEqual(['accepted'])
      await weir.settle()
      for (const handed of [second.handed, shown]) {
        expect(handed.filter((one) => one.seq > at && productOf(one) === 'late')).toEqual([])
      }
    } finally {
      await holder.end()
    }
    expect(await storedOf(weir, (await subjectOf(weir, 'user_id', user))!)).toEqual([])
    // Nor does a grant bring it back: what was restricted since it was decided stays refused.
    await choose(user, { personalisation: true, attribution: true })
    await weir.settle()
    expect(second.handed.filter((one) => productOf(one) === 'late')).toEqual([])
  })
})

test('a new grant does not bring back what was sent before the withdrawal', async () => {
  const user = `back-${randomUUID()}`
  await choose(user, { personalisation: true, attribution: true })
  await weir.send(view(user, `old/${user}`)) // queued: nobody delivers yet
  await choose(user, { personalisation: false, attribution: false })
  await choose(user, { personalisation: true, attribution: true })
  await weir.send(view(user, `new/${user}`))
  await weir.settle()
  for (const handed of [second.handed, shown]) {
    expect(handed.map(productOf).filter((product) => product.endsWith(user))).toEqual([`new/${user}`])
  }
  const stored = await storedOf(weir, (await subjectOf(weir, 'user_id', user))!)
  expect(JSON.stringify(stored)).not.toContain(`old/${user}`)
  expect(JSON.stringify(stored)).toContain(`new/${user}`)
})

test('an answer that was being made for a person when they withdrew is not served', async () => {
  const user = `served-${randomUUID()}`
  await choose(user, { personalisation: true })
  await weir.send(order(user, `S-${user}`, ['kettle']))
  await weir.settle()
  const holder = new pg.Client({ connectionString: weir.database.superuserUrl })
  await holder.connect()
  try {
    await holder.query('begin')
    await holder.query('lock table recommendation.order_line in access exclusive mode') // the module cannot read yet
    const serving = modeFor(user)
    await until('the answer is being made', async () => {
      const { rows } = await weir.owner.$client.query(
        `select count(*)::int as n from pg_locks where not granted and relation = 'recommendation.order_line'::regclass`,
      )
      return rows[0].n > 0
    })
    await choose(user, { personalisation: false })
    await holder.query('commit')
    expect(await serving).toBe('context')
  } finally {
    await holder.end()
  }
})

describe('erasure by purpose', () => {
  test('takes the fields of that purpose out of the store and leaves those that another still needs', async () => {
    const user = `fields-${randomUUID()}`
    await choose(user, { personalisation: true, attribution: true })
    await weir.send(
      view(user, 'kettle', { context: { campaign: { source: 'mail' }, sessionId: 77 } }),
      track(user, 'Order Completed', {
        order_id: 'F-1',
        total: 30,
        products: [{ product_id: 'kettle', quantity: 1, price: 30 }],
      }),
    )
    const subject = (await subjectOf(weir, 'user_id', user))!
    const content = async (): Promise<string> => JSON.stringify(await storedOf(weir, subject))
    for (const held of ['mail', 'price":5', 'total', 'kettle', 'F-1']) expect(await content()).toContain(held)
    await choose(user, { attribution: false })
    await weir.settle()
    const left = await content()
    for (const gone of ['mail', 'price":5', 'total', ':77']) expect(left).not.toContain(gone)
    for (const kept of ['kettle', 'F-1', 'quantity']) expect(left).toContain(kept)
    await choose(user, { personalisation: false })
    await weir.settle()
    expect(await storedOf(weir, subject)).toEqual([])
  })

  test('happens by itself, without anybody asking, well within 60 s', async () => {
    const user = `alone-${randomUUID()}`
    weir.app.delivery.start()
    await choose(user, { personalisation: true, attribution: true })
    await weir.send(order(user, `A-${user}`, ['kettle']), view(user, `alone/${user}`))
    const rows = async (): Promise<number> => {
      const result = await weir.owner.$client.query<{ n: number }>(
        `select (select count(*) from recommendation.view where item = $1)::int
           + (select count(*) from second.taken where fields::text like '%' || $1 || '%')::int as n`,
        [`alone/${user}`],
      )
      return result.rows[0]!.n
    }
    await until('both modules have it', async () => (await rows()) === 2)
    await choose(user, { personalisation: false, attribution: false })
    const subject = (await subjectOf(weir, 'user_id', user))!
    await until(
      'it is erased everywhere',
      async () => (await rows()) === 0 && (await storedOf(weir, subject)).length === 0,
      60,
    )
    expect(await modeFor(user)).toBe('context')
    const ordered = 'select destination_id from weir.purge where subject_id = $1'
    await until('no order is left', async () => (await weir.owner.$client.query(ordered, [subject])).rows.length === 0)
  })
})

test('a withdrawal on one confirmed device erases and stops the person’s other device too', async () => {
  const user = `two-${randomUUID()}`
  const [phone, laptop] = [randomUUID(), randomUUID()]
  await choose(user, { personalisation: true, attribution: true })
  await weir.send(
    view(user, `phone/${user}`, { anonymousId: phone }),
    view(user, `laptop/${user}`, { anonymousId: laptop }),
  )
  await weir.settle()
  await weir.send(view(user, `queued/${user}`, { anonymousId: laptop }))
  const answer = await weir.server.post('/v1/consent', { anonymousId: phone, choices: { attribution: false } })
  expect(answer.status).toBe(200)
  const at = await moment()
  await weir.settle()
  expect(second.handed.filter((one) => one.seq > at && productOf(one).endsWith(user))).toEqual([])
  const { rows } = await weir.owner.$client.query('select fields from second.taken where fields::text like $1', [
    `%${user}%`,
  ])
  expect(rows).toEqual([])
  const kept = await weir.owner.$client.query('select item from recommendation.view where item like $1 order by 1', [
    `%${user}`,
  ])
  expect(kept.rows.map((row) => row.item)).toEqual([`laptop/${user}`, `phone/${user}`, `queued/${user}`])
  // What is computed for the person stops too, though the user's own grant stands.
  expect(await modeFor(user)).toBe('personal')
  expect(
    (await weir.server.post('/v1/consent', { anonymousId: phone, choices: { personalisation: false } })).status,
  ).toBe(200)
  expect(await modeFor(user)).toBe('context')
})
