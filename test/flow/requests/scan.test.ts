import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import { attribution } from '../../../src/modules/attribution/attribution.ts'
import { recommendation } from '../../../src/modules/recommendation/recommendation.ts'
import type { Holder } from '../../../src/pipeline/erase-subject.ts'
import { createPseudonymisers } from '../../../src/pipeline/pseudonymisers.ts'
import type { Needles } from '../../../src/rights/request.ts'
import { needlesOf } from '../../../src/rights/scan/needles.ts'
import { scanDatabase } from '../../../src/rights/scan/scan.ts'
import { makeMarkers } from '../../support/leaks.ts'
import { subjectOf } from '../../support/stored.ts'
import { createTestApp, newDevice, order, type TestApp, track } from '../../support/test-app.ts'

const markers = makeMarkers()
const user = markers.text('user')
const device = newDevice()

let weir: TestApp
let needles: Needles
let others: Needles

beforeAll(async () => {
  weir = await createTestApp()
  for (const who of [user, 'somebody-else']) await weir.grant(who, 'attribution', 'personalisation')
  await weir.server.post('/v1/consent', { ...device, choices: { attribution: true, personalisation: true } })
  await weir.send(
    { type: 'identify', userId: user, traits: { email: markers.email('a'), phone: '+8613800138000' } },
    { ...track(user, 'Product Viewed', { product_id: 'tea' }), ...device, context: { campaign: { source: 'spring' } } },
    { ...order(user, 'O-1', ['tea', 'cup']), ...device },
    order(user, 'O-2', ['tea']),
    order('somebody-else', 'O-3', ['tea']),
  )
  await weir.settle()
  needles = await needlesFor(user)
  others = await needlesFor('somebody-else')
})
afterAll(() => weir.stop())

function holders(): Holder[] {
  const pseudonymisers = createPseudonymisers(weir.keyring)
  return [attribution, recommendation].map((module) => ({
    destinationId: weir.app.active().destinationIds.get(module.name)!,
    module,
    keyring: weir.keyring,
    pseudonymisers,
    now: Date.now,
  }))
}

async function needlesFor(userId: string): Promise<Needles> {
  const subject = await subjectOf(weir, 'user_id', userId)
  const owned = userId === user ? await subjectOf(weir, 'anonymous_id', device.anonymousId) : undefined
  const subjects = [subject!, ...(owned === undefined ? [] : [owned])]
  return transaction(weir.db, (tx) =>
    needlesOf(
      tx,
      { keyring: weir.keyring, holders: holders() },
      { subjects, identifiers: [{ type: 'user_id', value: userId }] },
    ),
  )
}

const hitsOf = async (looked: Needles): Promise<string[]> =>
  (await scanDatabase(weir.db, looked)).hits.map(({ table, column }) => `${table}.${column}`)

describe('somebody who is known', () => {
  test('is found wherever a row is theirs, by what is keyed', async () => {
    const found = await hitsOf({ raw: [], keyed: needles.keyed })
    expect(found).toEqual(
      expect.arrayContaining([
        'attribution.conversion.subject',
        'attribution.link.subject',
        'attribution.touch.subject',
        'recommendation.basket.root',
        'recommendation.interest.root',
        'recommendation.link.target',
        'recommendation.order_line.subject',
        'recommendation.view.subject',
        'weir.consent_ledger.subject_id',
        'weir.consent_state.subject_id',
        'weir.event_log.other_id',
        'weir.event_log.subject_id',
        'weir.identifier.index_key',
        'weir.identifier.subject_id',
        'weir.link.device_id',
        'weir.link.user_id',
        'weir.sealed.subject_id',
        'weir.subject.subject_id',
        'weir.subject_key.subject_id',
      ]),
    )
  })

  test('stands nowhere in clear, in no form and no hash, device and contacts included', async () => {
    expect(needles.raw).toEqual(expect.arrayContaining([user, device.anonymousId]))
    expect(await hitsOf({ raw: needles.raw, keyed: [] })).toEqual([])
  })

  test('every column is counted that was looked into, and it is said how far the search is', async () => {
    const seen: [number, number][] = []
    const { columns, coarse } = await scanDatabase(weir.db, needles, { progress: (done, of) => seen.push([done, of]) })
    expect(columns).toBeGreaterThan(250)
    expect(coarse).toBe(false)
    expect(seen.at(-1)![0]).toBe(seen.at(-1)![1])
    expect(seen.length).toBeGreaterThan(80)
  })
})

describe('what somebody left behind', () => {
  async function planted(type: string, value: unknown, looked: Needles = needles): Promise<string[]> {
    await weir.owner.$client.query(`create table weir.planted (n integer, "left" ${type})`)
    await weir.owner.$client.query('insert into weir.planted values (1, $1)', [value])
    const found = (await hitsOf(looked)).filter((one) => one.startsWith('weir.planted'))
    await weir.owner.$client.query('drop table weir.planted')
    return found
  }

  test.each([
    ['text', `a note about ${user}, who called`],
    ['varchar(200)', Buffer.from(`for ${user}`).toString('base64')],
    ['jsonb', JSON.stringify({ deep: [{ is: user }] })],
    ['text[]', [user]],
    ['bytea', Buffer.from(`bytes before ${user}`)],
    ['text', encodeURIComponent(markers.email('a'))],
  ])('is found in a column of type %s', async (type, value) => {
    const looked = { ...needles, raw: [...needles.raw, encodeURIComponent(markers.email('a'))] }
    expect(await planted(type, value, looked)).toEqual(['weir.planted.left'])
  })

  test('is found as an id, among ids, and as a number', async () => {
    const id = needles.keyed.find((one) => one.length === 36)!
    expect(await planted('uuid', id)).toEqual(['weir.planted.left'])
    expect(await planted('uuid[]', [randomUUID(), id])).toEqual(['weir.planted.left'])
    expect(await planted('bytea', Buffer.from(id.replaceAll('-', ''), 'hex'))).toEqual(['weir.planted.left'])
    expect(await planted('bigint', '13800138000', { raw: ['13800138000'], keyed: [] })).toEqual(['weir.planted.left'])
  })

  test('is found in a schema that nobody knew of, in a partition, and in one that was detached', async () => {
    await weir.owner.$client.query(
      `create schema elsewhere;
       create table elsewhere.t (d date, who text) partition by range (d);
       create table elsewhere.t_2026 partition of elsewhere.t for values from ('2026-01-01') to ('2027-01-01');
       create table weir.sealed_order_2020_01 (bytes bytea)`,
    )
    await weir.owner.$client.query('insert into elsewhere.t values ($1, $2)', ['2026-03-03', user])
    await weir.owner.$client.query('insert into weir.sealed_order_2020_01 values ($1)', [Buffer.from(user)])
    const found = await hitsOf({ raw: needles.raw, keyed: [] })
    await weir.owner.$client.query('drop schema elsewhere cascade; drop table weir.sealed_order_2020_01')
    expect(found.sort()).toEqual(['elsewhere.t.who', 'weir.sealed.bytes'])
  })

  test('is not taken for somebody else', async () => {
    expect(await planted('text', 'somebody-else-entirely', { raw: ['somebody-els'], keyed: [] })).toEqual([
      'weir.planted.left',
    ])
    expect(await planted('text', 'user-42', others)).toEqual([])
    expect(await planted('text', 'xuser-421', { raw: ['user-42'], keyed: [] })).toEqual([]) // a word of its own only
    expect(await planted('text', '(user-42)', { raw: ['user-42'], keyed: [] })).toEqual(['weir.planted.left'])
    expect(await planted('bytea', Buffer.from('12345678', 'hex'), { raw: ['123456789'], keyed: [] })).toEqual([]) // hex is no text
  })

  test('short as one character is looked for as a whole value where it would mean somebody, and it is said', async () => {
    const one = await scanDatabase(weir.db, { raw: ['1'], keyed: [] })
    expect(one).toMatchObject({ hits: [], coarse: true })
    await weir.owner.$client.query(
      `insert into recommendation.link (subject, target, root) values ('1', 'p1.x', 'p1.x')`,
    )
    expect(await hitsOf({ raw: ['1'], keyed: [] })).toEqual(['recommendation.link.subject'])
    await weir.owner.$client.query(`delete from recommendation.link where subject = '1'`)
  })

  test('is taken out of the planner’s statistics, where rows that are gone are remembered', async () => {
    await weir.owner.$client.query(
      `create table weir.planted (a text);
       insert into weir.planted select 'p1.remembered-somebody' from generate_series(1, 50);
       analyze weir.planted; delete from weir.planted`,
    )
    const looked = { raw: [], keyed: ['p1.remembered-somebody'] }
    const before = await weir.owner.$client.query(
      `select from pg_stats where tablename = 'planted' and most_common_vals::text like '%remembered%'`,
    )
    expect(before.rowCount).toBe(1)
    expect(await hitsOf(looked)).toEqual([])
    const after = await weir.owner.$client.query(
      `select from pg_stats where tablename = 'planted' and most_common_vals::text like '%remembered%'`,
    )
    expect(after.rowCount).toBe(0)
    await weir.owner.$client.query('drop table weir.planted')
  })
})
