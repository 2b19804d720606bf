import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../src/db/transaction.ts'
import { noteSent } from '../../src/destinations/register.ts'
import { type SubjectId, subjectId } from '../../src/event/ids.ts'
import { eraseNow } from '../../src/rights/erasure/now.ts'
import { subjectsBehind } from '../../src/rights/people.ts'
import type { Needles } from '../../src/rights/request.ts'
import { findRequest } from '../../src/rights/rows.ts'
import { needlesOf } from '../../src/rights/scan/needles.ts'
import { type Hit, scanDatabase } from '../../src/rights/scan/scan.ts'
import { provedRequest } from '../support/proved-request.ts'
import { createTestApp, order, speakingFor, type TestApp, track } from '../support/test-app.ts'

const USER = `Leakmark-${randomUUID()}`
const MAIL = `${randomUUID()}@leakmark.example`
const DEVICES = [randomUUID(), randomUUID()]
const identifiers = [{ type: 'user_id', value: USER, verified: true }] as const

/** Tables by subject in which a person of these tests has nothing, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'weir.ledger_of_nobody': 'a view of the ledger',
  'weir.disclosure_person': 'goes with the subject by a trigger: test/flow/disclosures',
  'statutory.hold_person': 'held by nobody here: test/flow/requests/holds.test.ts',
}

let weir: TestApp
let subjects: SubjectId[]
let needles: Needles
let openRequest: string
let unproven: string

beforeAll(async () => {
  weir = await createTestApp()
  await live()
  const { db, keyring, holders } = weir.app.rights.deps
  subjects = await subjectsBehind(db, keyring, identifiers)
  await seedWhatIsRare()
  await askUnproven()
  openRequest = await provedRequest(weir, 'access', identifiers)
  needles = await transaction(db, (tx) => needlesOf(tx, { keyring, holders: holders() }, { subjects, identifiers }))
})
afterAll(() => weir.stop())

/** A shop's customer: signed in on two devices, looked, bought, chose, was looked at. */
async function live(): Promise<void> {
  for (const anonymousId of DEVICES) {
    const choices = { personalisation: true, attribution: true, analytics: true }
    await weir.server.post('/v1/consent', { userId: USER, anonymousId, choices })
    await weir.send(track(USER, 'Product Viewed', { product_id: 'P-1' }, { anonymousId }), {
      ...order(USER, `o-${anonymousId}`, ['P-1', 'P-2']),
      anonymousId,
    })
  }
  const contacts = await weir.server.post('/v1/contacts', { userId: USER, email: MAIL })
  expect(contacts.status).toBeLessThan(300)
  await weir.server.get('/v1/consent', speakingFor({ userId: USER }))
  await weir.grant('another', 'personalisation', 'attribution')
  await weir.send(order('another', 'o-another', ['P-1', 'P-2']))
  await weir.settle()
}

/** Somebody asks in the person's name, and proves nothing. */
async function askUnproven(): Promise<void> {
  const asked = await weir.browser.post('/v1/requests', { right: 'access', identifier: { type: 'email', value: MAIL } })
  expect(asked.status).toBe(202)
  unproven = String(asked.body.requestId)
  await weir.app.rights.processAll()
  expect(await findRequest(weir.db, unproven)).toMatchObject({ state: 'identity_pending' })
}

/** What only goes wrong, or comes later: retries, dead letters, purges under way, recipients, tags that were struck. */
async function seedWhatIsRare(): Promise<void> {
  const { db, keyring, active, now } = weir.app.rights.deps
  const [first] = subjects
  const destination = active().destinationIds.get('recommendation')!
  await transaction(db, async (tx) => {
    for (const subject of subjects) {
      await tx.$client.query('insert into weir.purge (subject_id, destination_id) values ($1, $2)', [
        subject,
        destination,
      ])
      await tx.$client.query('insert into weir.struck_tag (subject_id, tag, sealed) values ($1, $2, $3)', [
        subject,
        randomBytes(16),
        randomBytes(80),
      ])
      const sent = { destinationId: destination, fields: ['properties.product_id'], at: now(), recordId: randomUUID() }
      await noteSent(tx, keyring, { subject, ...sent, identifierForm: 'user_id:raw', identifier: USER })
    }
    for (const [attempts, retryAt] of [
      [1, new Date(now() + 60_000)],
      [9, null],
    ] as const) {
      await tx.$client.query(
        `insert into weir.dead_letter (subject_id, destination_id, pos, at_day, error_code, attempts, failed_at, retry_at)
         select subject_id, $1, pos, at_day, 'module-error', $2::smallint, clock_timestamp(), $3::timestamptz
         from weir.event_log where subject_id = any($4::uuid[]) and kind = 0 order by pos limit 1 offset $2::smallint % 2
         on conflict do nothing`,
        [destination, attempts, retryAt, subjects],
      )
    }
  })
  expect(first).toBeDefined()
}

interface Counted {
  readonly table: string
  readonly rows: number
}

/** Rows of the person in every table of the live schema that has a column of subjects. */
async function rowsOfPerson(): Promise<Counted[]> {
  const { rows: columns } = await weir.owner.$client.query<{ table: string; column: string }>(
    `select format('%s.%s', n.nspname, c.relname) as "table", a.attname as "column"
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where a.attname in ('subject_id', 'device_id', 'user_id', 'other_id') and a.attnum > 0 and not a.attisdropped
       and c.relkind in ('r', 'p', 'v') and not c.relispartition and n.nspname in ('weir', 'statutory')
     order by 1, 2`,
  )
  const counted = new Map<string, number>()
  for (const { table, column } of columns) {
    const { rows } = await weir.owner.$client.query<{ n: number }>(
      `select count(*)::integer as n from ${table} where ${column} = any($1::uuid[])`,
      [subjects],
    )
    counted.set(table, (counted.get(table) ?? 0) + rows[0]!.n)
  }
  return [...counted].map(([table, rows]) => ({ table, rows }))
}

test('before: the person stands in every table that there is for people, and is found by the scan', async () => {
  const counted = await rowsOfPerson()
  const empty = counted.filter(({ table, rows }) => rows === 0 && ELSEWHERE[table] === undefined)
  expect(empty).toEqual([])
  const { hits } = await scanDatabase(weir.db, needles)
  const found = hits.map(({ table, column }: Hit) => `${table}.${column}`)
  expect(found).toEqual(
    expect.arrayContaining([
      'weir.subject.subject_id',
      'weir.identifier.index_key',
      'weir.sealed.subject_id',
      'weir.event_log.subject_id',
      'weir.consent_ledger.subject_id',
      'recommendation.order_line.subject',
      'attribution.conversion.subject',
    ]),
  )
  expect(await scanDatabase(weir.db, { raw: needles.raw, keyed: [] })).toMatchObject({ hits: [] }) // never in clear
})

test('after: in none of them, and the scan finds nothing; what was asked for before has nobody to be done for', async () => {
  const at = new Date(Date.now() - 1000).toISOString()
  await eraseNow(weir.app.rights.deps, { identifiers, caseId: 'DSR-1', regime: 'GDPR', language: 'en' })
  expect((await rowsOfPerson()).filter(({ rows }) => rows > 0)).toEqual([])
  expect((await scanDatabase(weir.db, needles)).hits).toEqual([])
  expect(await findRequest(weir.db, openRequest)).toMatchObject({ state: 'cancelled', reason: 'erased' })
  // Who asked in the person's name sees what they saw before; what they wrote, and whom it would be sent to, is gone.
  expect(await findRequest(weir.db, unproven)).toMatchObject({ state: 'identity_pending' })
  const { rows } = await weir.owner.$client.query(
    `select from weir.request_content where request_id = $1 union all select from weir.request_message where request_id = $1
     union all select from weir.subject_key where subject_id = $1`,
    [unproven],
  )
  expect(rows).toEqual([])
  expect(await weir.send(track(USER, 'Product Viewed', { product_id: 'P-1' }, { timestamp: at }))).toEqual([
    'suppressed',
  ])
})

test('a second life of the same person is erased as wholly as the first', async () => {
  await weir.grant(USER, 'personalisation', 'attribution')
  await weir.send(order(USER, 'o-second', ['P-1', 'P-9']))
  await weir.settle()
  const { db, keyring, holders } = weir.app.rights.deps
  const first = subjects.map(String)
  subjects = await subjectsBehind(db, keyring, identifiers)
  expect(subjects.filter((subject) => first.includes(subject))).toEqual([])
  const both = [...subjects, ...first.map(subjectId)]
  needles = await transaction(db, (tx) =>
    needlesOf(tx, { keyring, holders: holders() }, { subjects: both, identifiers }),
  )
  expect((await scanDatabase(db, needles)).hits.length).toBeGreaterThan(0)
  await eraseNow(weir.app.rights.deps, { identifiers, caseId: 'DSR-2', regime: 'GDPR', language: 'en' })
  expect((await scanDatabase(db, needles)).hits).toEqual([])
})
