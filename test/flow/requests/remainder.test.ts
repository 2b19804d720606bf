import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Tx } from '../../../src/db/pool.ts'
import { transaction } from '../../../src/db/transaction.ts'
import type { SubjectId } from '../../../src/event/ids.ts'
import { withActiveEpoch } from '../../../src/keys/subject-keys.ts'
import { eraseNow } from '../../../src/rights/erasure/now.ts'
import { expireRemainders } from '../../../src/rights/expire-remainders.ts'
import { ownKey } from '../../../src/rights/own-key.ts'
import { setAside } from '../../../src/rights/remainder.ts'
import { findRequest } from '../../../src/rights/rows.ts'
import { type KeptRecord, openRecords, remainderId } from '../../../src/rights/statutory/keep.ts'
import { subjectOf } from '../../support/stored.ts'
import { createTestApp, order, type TestApp, track } from '../../support/test-app.ts'

const DAY = 86_400_000
const LAW = 'E-commerce Law 31'

let weir: TestApp

beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

async function bought(user: string, ...orders: string[]): Promise<SubjectId> {
  await weir.grant(user, 'attribution', 'personalisation')
  await weir.send(
    track(user, 'Product Viewed', { product_id: 'P-9' }),
    ...orders.map((id) => order(user, id, ['P-1', 'P-2'])),
  )
  await weir.settle()
  return (await subjectOf(weir, 'user_id', user))!
}

/** As the erasure does it: one transaction. */
function within<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
  return withActiveEpoch(weir.keyring, () => transaction(weir.db, work))
}

function aside(request: string, subject: SubjectId, contact = {}): ReturnType<typeof setAside> {
  return within((tx) => setAside(tx, weir.app.rights.deps, { request, subjects: [subject], contact, language: 'en' }))
}

async function keptOf(id: string): Promise<KeptRecord[]> {
  return within(async (tx) => openRecords(tx, (await ownKey(tx, weir.keyring, id))!, id))
}

async function statutoryRows(): Promise<string> {
  const { rows } = await weir.owner.$client.query<{ text: string }>(
    `select concat(m::text, r::text, p::text) as text from statutory.remainder m left join statutory.record r using (remainder_id)
     left join statutory.hold_person p on true`,
  )
  return rows.map(({ text }) => text).join('\n')
}

describe('what a law keeps of who is erased', () => {
  const user = `keeps-${randomUUID()}`
  const request = randomUUID()
  let subject: SubjectId

  beforeAll(async () => {
    subject = await bought(user, 'o-1', 'o-2')
  })

  test('is the class that the law names, to the day that it says, and nothing else', async () => {
    const retained = await aside(request, subject)
    const until = new Date(Math.floor(Date.now() / DAY) * DAY + 1096 * DAY).toISOString().slice(0, 10)
    expect(retained).toEqual([{ class: 'order', ground: LAW, until, records: 2 }])
    const kept = await keptOf(remainderId(request, LAW))
    expect(kept.map(({ event, class: name }) => [event, name])).toEqual([
      ['track:Order Completed', 'order'],
      ['track:Order Completed', 'order'],
    ])
    expect(kept.map(({ fields }) => (fields as { properties: { order_id: string } }).properties.order_id)).toEqual([
      'o-1',
      'o-2',
    ])
  })

  test('says nowhere whose it is', async () => {
    const rows = await statutoryRows()
    expect(rows).toContain(LAW)
    expect(rows).not.toContain(subject)
    const { rows: log } = await weir.owner.$client.query<{ pos: bigint; event_key: Buffer }>(
      'select pos, event_key from weir.event_log where subject_id = $1',
      [subject],
    )
    for (const { event_key: key } of log) expect(rows).not.toContain(key.toString('hex'))
  })

  test('is kept once, however often the erasure is interrupted and done again', async () => {
    const before = await statutoryRows()
    const again = await aside(request, subject)
    expect(again.map(({ records }) => records)).toEqual([2])
    expect(await statutoryRows()).toBe(before)
  })

  test('comes along where it lies in a partition that is closed already', async () => {
    const other = `closed-${randomUUID()}`
    const closed = await bought(other, 'o-3')
    const { rows } = await weir.owner.$client.query<{ part: string; parent: string; first: string; past: string }>(
      `select distinct s.tableoid::regclass::text as part, r.parent, r.first::text, r.past::text from weir.sealed s
         join weir.retained_partition r on r.oid = s.tableoid where s.subject_id = $1 and r.class = 'order'`,
      [closed],
    )
    const { part, parent, first, past } = rows[0]!
    const attach = `attach partition ${part} for values from ('${first}') to ('${past}')`
    await weir.owner.$client.query(`alter table weir.${parent} detach partition ${part}`)
    try {
      const retained = await aside(randomUUID(), closed)
      expect(retained).toMatchObject([{ class: 'order', ground: LAW, records: 1 }])
    } finally {
      await weir.owner.$client.query(`alter table weir.${parent} ${attach}`)
    }
  })
})

describe('nobody but the role of the remainder', () => {
  test('reads what is kept: no role of a module, not the gateway, not whoever sends jobs', async () => {
    const { rows } = await weir.owner.$client.query<{ role: string }>(
      `select rolname as role from pg_roles where rolname like 'weir\\_%'
         and rolname not in ('weir_statutory', 'weir_owner') and not rolsuper order by rolname`,
    )
    const roles = rows.map(({ role }) => role)
    expect(roles).toEqual(
      expect.arrayContaining(['weir_app', 'weir_attribution', 'weir_recommendation', 'weir_retention']),
    )
    const superuser = new pg.Client({ connectionString: weir.database.superuserUrl })
    await superuser.connect()
    try {
      for (const role of roles) {
        for (const what of [
          'select * from statutory.record',
          'select * from statutory.remainder',
          'select * from statutory.hold',
          'select * from statutory.hold_person',
          'delete from statutory.record',
          'update statutory.hold set scope = scope',
          `insert into statutory.hold_person values (gen_random_uuid(), gen_random_uuid())`,
          `select * from weir.detached_page(array[gen_random_uuid()], 0, 1)`,
        ]) {
          await superuser.query(`begin; set local role ${role}`)
          const error = await superuser.query(what).then(
            () => undefined,
            (e: pg.DatabaseError) => e,
          )
          await superuser.query('rollback')
          expect([role, what, error?.code]).toEqual([role, what, '42501'])
        }
      }
    } finally {
      await superuser.end()
    }
  })

  test('and the gateway reads it not even through a view or a function of its own', async () => {
    await expect(weir.db.$client.query('select count(*) from statutory.record')).rejects.toMatchObject({
      code: '42501',
    })
    await expect(
      weir.db.$client.query('select weir.detached_page(array[gen_random_uuid()], 0, 1)'),
    ).rejects.toMatchObject({
      code: '42501',
    })
  })
})

describe('an erasure whose rest falls due', () => {
  const user = `rests-${randomUUID()}`

  test('ends partly, says so in the manifest, and takes the rest on its day with its key, and tells the person', async () => {
    await bought(user, 'o-9')
    const { server } = weir
    expect((await server.post('/v1/contacts', { userId: user, email: `${user}@mail.example` })).status).toBe(200)
    const { request } = await eraseNow(weir.app.rights.deps, {
      identifiers: [{ type: 'user_id', value: user, verified: true }],
      caseId: 'DSR-1',
      regime: 'PIPL',
      language: 'en',
    })
    expect((await findRequest(weir.db, request))?.state).toBe('completed_partial')
    const id = remainderId(request, LAW)
    expect(await keptOf(id)).toHaveLength(1)
    await weir.app.rights.processAll()
    weir.moveClock(1095 * DAY)
    await expireRemainders(weir.app.rights.deps)
    expect(await keptOf(id)).toHaveLength(1)
    weir.moveClock(2 * DAY)
    await expireRemainders(weir.app.rights.deps)
    expect(
      (await weir.owner.$client.query('select from statutory.remainder where remainder_id = $1', [id])).rowCount,
    ).toBe(0)
    expect((await weir.owner.$client.query('select from weir.subject_key where subject_id = $1', [id])).rowCount).toBe(
      0,
    )
    const { rows } = await weir.owner.$client.query<{ template: string }>(
      'select template from weir.request_message where request_id = $1 and sent_at is null and given_up_at is null',
      [request],
    )
    expect(rows).toEqual([{ template: 'remainder-gone' }])
    expect((await weir.entries('remainder.expire')).map(({ more }) => JSON.parse(more!))).toContainEqual({
      records: 1,
      gone: true,
    })
  })
})
