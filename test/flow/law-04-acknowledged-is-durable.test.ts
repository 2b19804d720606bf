import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { eventKey } from '../../src/identity/blind-index.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { policyWith, recordingModule, twoModules } from '../support/recording-module.ts'
import { createTestApp, order, type TestApp, track } from '../support/test-app.ts'
import { until } from '../support/until.ts'

// What happens to the processes (kill -9 at any moment) is tested in test/process; this is about what a 200 says.

const second = recordingModule('second', 'attribution')
let weir: TestApp
let policyDir: string
/** A connection of its own: it sees what is committed. */
let observer: pg.Client
beforeAll(async () => {
  policyDir = await policyWith(twoModules)
  weir = await createTestApp({ policyDir, modules: [recommendation, second.module], prepare: second.prepare })
  observer = new pg.Client({ connectionString: weir.database.superuserUrl })
  await observer.connect()
  await weir.grant('lee', 'personalisation', 'attribution')
})
afterAll(async () => {
  await observer.end()
  await weir.stop()
  await rm(policyDir, { recursive: true })
})
afterEach(async () => {
  second.during = undefined
  second.failOn = undefined
  await weir.settle()
  second.handed.length = 0
})

const view = (product: string, more: JsonObject = {}): JsonObject =>
  track('lee', 'Product Viewed', { product_id: product }, more)

type Sent = { outcome: string; reason?: string }
async function post(...batch: JsonObject[]): Promise<string[]> {
  const answer = await weir.server.post('/v1/batch', { batch })
  expect(answer.status).toBe(200)
  return (answer.body.results as unknown as Sent[]).map((one) => one.outcome)
}

/** Committed log rows and blobs of these message ids of the shop's server source. */
async function committed(messageIds: readonly string[]): Promise<{ rows: number; blobs: number }> {
  const { rows: sources } = await observer.query<{ source_id: number }>(
    "select source_id from weir.source where name = 'shop-server'",
  )
  const keys = messageIds.map((id) => Buffer.from(eventKey(weir.keyring.dedupeKey, sources[0]!.source_id, id).key))
  const { rows } = await observer.query<{ rows: number; blobs: number }>(
    `select count(distinct l.pos)::int as rows, count(s.pos)::int as blobs from weir.event_log l
     left join weir.sealed s on s.pos = l.pos and s.subject_id = l.subject_id where l.event_key = any($1::bytea[])`,
    [keys],
  )
  return rows[0]!
}

async function takenBySecond(like: string): Promise<string[]> {
  const { rows } = await observer.query<{ product: string }>(
    `select fields->'properties'->>'product_id' as product from second.taken
     where fields->'properties'->>'product_id' like $1 order by 1`,
    [like],
  )
  return rows.map((row) => row.product)
}

async function viewed(like: string): Promise<string[]> {
  const { rows } = await observer.query<{ item: string }>(
    'select item from recommendation.view where item like $1 order by 1',
    [like],
  )
  return rows.map((row) => row.item)
}

describe('a 200 is a committed row', () => {
  test('as soon as the answer is here, another connection sees the row and its content', async () => {
    for (let i = 0; i < 20; i++) {
      const messageIds = [randomUUID(), randomUUID(), randomUUID()]
      expect(await post(...messageIds.map((messageId) => view('seen', { messageId })))).toEqual([
        'accepted',
        'accepted',
        'accepted',
      ])
      expect(await committed(messageIds)).toEqual({ rows: 3, blobs: 3 })
    }
  })

  test('with the database away nothing is acknowledged; sent again it is kept once', async () => {
    const messageId = randomUUID()
    await observer.query('alter table weir.event_log rename to event_log_away')
    const refused = await weir.server.post('/v1/batch', { batch: [view('away', { messageId })] })
    await observer.query('alter table weir.event_log_away rename to event_log')
    expect(refused.status).toBe(503)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await committed([messageId])).toEqual({ rows: 0, blobs: 0 })
    expect(await post(view('away', { messageId }))).toEqual(['accepted'])
    expect(await committed([messageId])).toEqual({ rows: 1, blobs: 1 })
  })

  test('a connection cut in the middle of the commit is answered 503 or kept: sent again, it is there once', async () => {
    const batch = Array.from({ length: 30 }, (_, i) => view(`cut-${i}`, { messageId: `cut-${i}-${randomUUID()}` }))
    const holder = new pg.Client({ connectionString: weir.database.ownerUrl })
    await holder.connect()
    await holder.query('begin')
    await holder.query('select pg_advisory_xact_lock(20001, 0)') // appending stops right before it writes the log
    const sending = weir.server.post('/v1/batch', { batch })
    await until('the group waits inside its statement', async () => (await waiting()).length > 0)
    for (const pid of await waiting()) await observer.query('select pg_terminate_backend($1)', [pid])
    const first = await sending
    await holder.query('commit')
    await holder.end()
    expect(first.status).toBe(503)
    expect(new Set(await post(...batch))).toEqual(new Set(['accepted']))
    expect(await post(...batch)).toEqual(batch.map(() => 'duplicate'))
    await weir.settle()
    expect(await takenBySecond('cut-%')).toHaveLength(30)
  })

  /** Backends of the gateway that wait for an advisory lock. */
  async function waiting(): Promise<number[]> {
    const { rows } = await observer.query<{ pid: number }>(
      `select l.pid from pg_locks l where l.locktype = 'advisory' and not l.granted
       and l.database = (select oid from pg_database where datname = current_database())`,
    )
    return rows.map((row) => row.pid)
  }
})

describe('delivery that dies between a module and its cursor', () => {
  test('takes nothing with it and does nothing twice', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `dies-${String(i).padStart(2, '0')}`)
    await post(...names.map((name) => view(name, { messageId: randomUUID() })))
    let deaths = 0
    second.during = async (tx) => {
      if (deaths === 3) return
      deaths++
      const { rows } = await tx.$client.query<{ pid: number }>('select pg_backend_pid() as pid')
      await observer.query('select pg_terminate_backend($1)', [rows[0]!.pid]) // after handle() wrote, before the commit
      await tx.$client.query('select 1')
    }
    for (let tries = 0; tries < 3; tries++) {
      await expect(weir.settle()).rejects.toThrow()
      expect(await takenBySecond('dies-%')).toEqual([])
    }
    await weir.settle()
    expect(await takenBySecond('dies-%')).toEqual(names)
    expect(await viewed('dies-%')).toEqual(names)
    const { rows } = await observer.query('select count(*)::int as n from weir.dead_letter')
    expect(rows[0].n).toBe(0) // a broken connection is nobody's fault
  })

  test('a commit that fails at its very end takes the cursor back with it', async () => {
    await observer.query(`create function second.fails() returns trigger language plpgsql security definer as
        $$ begin raise exception 'the commit fails' using errcode = 'XX000'; end $$;
      create constraint trigger fails after insert on second.taken deferrable initially deferred
        for each row execute function second.fails()`)
    await post(view('ends-1', { messageId: randomUUID() }), view('ends-2', { messageId: randomUUID() }))
    for (let tries = 0; tries < 2; tries++) await expect(weir.settle()).rejects.toThrow('the commit fails')
    expect(await takenBySecond('ends-%')).toEqual([])
    await observer.query('drop trigger fails on second.taken')
    await weir.settle()
    expect(await takenBySecond('ends-%')).toEqual(['ends-1', 'ends-2'])
  })

  test('two deliveries at once (two nodes) hand nothing over twice', async () => {
    const names = Array.from({ length: 120 }, (_, i) => `twice-${String(i).padStart(3, '0')}`)
    await post(...names.map((name) => view(name, { messageId: randomUUID() })))
    await Promise.all([weir.settle(), weir.settle(), weir.settle()])
    const handed = second.handed.map((one) => String((one.event.fields.properties as JsonObject).product_id))
    expect(handed.filter((name) => name.startsWith('twice-')).sort()).toEqual(names)
  })

  test('a module that is handed the same again changes nothing: the cursor is set back, its state stays', async () => {
    await post(view('again-1', { messageId: randomUUID() }), order('lee', 'again-o', ['again-1', 'again-2']))
    await weir.settle()
    const dump = async (): Promise<unknown> =>
      (await observer.query('select * from recommendation.interest order by 1, 2')).rows
    const before = await dump()
    await observer.query('update weir.delivery_cursor set pos = 0')
    await weir.settle()
    expect(await dump()).toEqual(before)
    expect(await takenBySecond('again-%')).toEqual(['again-1'])
  })
})

describe('exactly one of a message id is accepted', () => {
  test('twice in one batch, and again in the next', async () => {
    const messageId = randomUUID()
    expect(await post(view('same', { messageId }), view('same', { messageId }), view('other', { messageId }))).toEqual([
      'accepted',
      'duplicate',
      'duplicate',
    ])
    expect(await post(view('same', { messageId }))).toEqual(['duplicate'])
    expect((await committed([messageId])).rows).toBe(1)
  })

  test('on many connections at once, also where devices (and so the lanes of intake) differ', async () => {
    for (let round = 0; round < 5; round++) {
      const messageId = randomUUID()
      const answers = await Promise.all(
        Array.from({ length: 16 }, () => post(view('race', { messageId, anonymousId: randomUUID() }))),
      )
      expect(answers.flat().filter((outcome) => outcome === 'accepted')).toHaveLength(1)
      expect((await committed([messageId])).rows).toBe(1)
    }
  })

  test('a refused event keeps its id taken, an invalid one does not', async () => {
    const [refused, invalid] = [randomUUID(), randomUUID()]
    const stranger = (messageId: string): JsonObject => ({ ...view('late'), messageId, userId: 'stranger' })
    expect(await post(stranger(refused))).toEqual(['refused'])
    await weir.grant('stranger', 'personalisation', 'attribution')
    expect(await post(stranger(refused))).toEqual(['duplicate']) // a grant does not resurrect
    expect(await post({ ...view('x'), messageId: invalid, userId: 7.5 })).toEqual(['invalid'])
    expect(await post(view('x', { messageId: invalid }))).toEqual(['accepted'])
  })

  test('two sources may use the same id', async () => {
    const messageId = randomUUID()
    const other = await weir.source({ kind: 'server' })
    expect(await post(view('mine', { messageId }))).toEqual(['accepted'])
    const answer = await other.post('/v1/batch', { batch: [view('theirs', { messageId })] })
    expect(answer.body.results).toMatchObject([{ outcome: 'accepted' }])
  })
})

describe('the two dedupe tables taking turns', () => {
  /** take_keys and roll_dedupe as they are, but for a clock that this session sets. */
  async function withClock(
    at: string,
    work: (take: (...ids: string[]) => Promise<string[]>) => Promise<void>,
  ): Promise<void> {
    await observer.query(`select set_config('test.now', $1, false)`, [at])
    await work(async (...ids) => {
      const { rows } = await observer.query<{ fresh: number[] }>(
        'select weir_test.take_keys($1::integer[], $2::bytea[]) as fresh',
        [ids.map(() => 1), ids.map((id) => Buffer.from(id.padEnd(16)))],
      )
      return rows[0]!.fresh.map((ordinal) => ids[ordinal - 1]!)
    })
  }

  beforeAll(async () => {
    await observer.query('create schema weir_test')
    for (const name of ['take_keys', 'roll_dedupe']) {
      const { rows } = await observer.query<{ text: string }>(
        `select pg_get_functiondef(p.oid) as text from pg_proc p where p.pronamespace = 'weir'::regnamespace and p.proname = $1`,
        [name],
      )
      const shifted = rows[0]!.text
        .replaceAll('clock_timestamp()', "current_setting('test.now')::timestamptz")
        .replaceAll(/weir\.(take_keys|roll_dedupe|dedupe_0|dedupe_1|dedupe_window)/g, 'weir_test.$1')
        .replaceAll(/SET search_path TO .*/g, "SET search_path TO 'weir_test', 'pg_temp'")
      await observer.query(shifted)
    }
    await observer.query(`create table weir_test.dedupe_0 (like weir.dedupe_0 including all);
      create table weir_test.dedupe_1 (like weir.dedupe_1 including all);
      create table weir_test.dedupe_window (like weir.dedupe_window including all);
      insert into weir_test.dedupe_window (period) values (floor(extract(epoch from timestamptz '2026-03-01Z') / 86400))`)
  })

  test('an id stays taken for at least 24 hours, whenever in the day it came, and not for ever', async () => {
    const came = ['00:00:00.0', '00:00:59.9', '00:01:00.1', '12:00:00', '23:59:59.9']
    for (const [i, time] of came.entries()) {
      const day = (n: number): string => `2026-03-${String(2 + i * 4 + n).padStart(2, '0')}`
      const id = `id-${i}`
      await withClock(`${day(0)} ${time}Z`, async (take) => {
        expect(await take(id)).toEqual([id])
        expect(await take(id)).toEqual([])
      })
      await withClock(`${day(0)} 23:59:59.95Z`, async (take) => expect(await take(id)).toEqual([]))
      await withClock(`${day(1)} 00:00:00Z`, async (take) => expect(await take(id)).toEqual([]))
      await withClock(`${day(1)} 00:00:30Z`, async (take) => expect(await take(id)).toEqual([]))
      await withClock(`${day(1)} ${time}Z`, async (take) => expect(await take(id)).toEqual([]))
      await withClock(`${day(3)} 00:02:00Z`, async (take) => expect(await take(id)).toEqual([id]))
    }
  })

  test('a gateway that was off for days begins with both tables empty', async () => {
    await withClock('2026-04-01 10:00Z', async (take) => expect(await take('a')).toEqual(['a']))
    await withClock('2026-04-05 10:00Z', async (take) => expect(await take('b', 'a', 'b2')).toEqual(['b', 'a', 'b2']))
    const { rows } = await observer.query(
      'select (select count(*)::int from weir_test.dedupe_0) + (select count(*)::int from weir_test.dedupe_1) as n',
    )
    expect(rows[0].n).toBe(3)
  })

  test('two transactions on either side of the change meet', async () => {
    const other = new pg.Client({ connectionString: weir.database.superuserUrl })
    await other.connect()
    const take = (client: pg.Client, at: string): Promise<number[]> =>
      client
        .query(`select set_config('test.now', $1, false)`, [at])
        .then(() =>
          client.query<{ fresh: number[] }>("select weir_test.take_keys('{1}', array['\\xff00'::bytea]) as fresh"),
        )
        .then(({ rows }) => rows[0]!.fresh)
    try {
      for (const [before, after] of [
        ['2026-05-01 23:59:59.9Z', '2026-05-02 00:00:00.1Z'],
        ['2026-05-04 00:00:59.9Z', '2026-05-04 00:01:00.1Z'],
      ] as const) {
        await observer.query('begin')
        expect(await take(observer, before)).toEqual([1])
        let answered = false
        const late = take(other, after).then((fresh) => {
          answered = true
          return fresh
        })
        await until('the second waits for the first', async () => {
          const { rows } = await weir.owner.$client.query('select count(*)::int as n from pg_locks where not granted')
          return rows[0].n > 0
        })
        expect(answered).toBe(false)
        await observer.query('commit')
        expect(await late).toEqual([])
      }
    } finally {
      await other.end()
    }
  })

  test('over the gateway: what came in the period before is still a duplicate', async () => {
    const messageId = randomUUID()
    expect(await post(view('turn', { messageId }))).toEqual(['accepted'])
    // The same key as if it had come yesterday: in the other table, and not in this one.
    const { rows } = await observer.query<{ odd: boolean }>('select period % 2 = 1 as odd from weir.dedupe_window')
    const [now, then] = rows[0]!.odd ? ['dedupe_1', 'dedupe_0'] : ['dedupe_0', 'dedupe_1']
    await observer.query(
      `with moved as (delete from weir.${now} returning *) insert into weir.${then} select * from moved on conflict do nothing`,
    )
    expect(await post(view('turn', { messageId }))).toEqual(['duplicate'])
  })
})
