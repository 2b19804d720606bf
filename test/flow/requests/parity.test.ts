import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import { noteSent } from '../../../src/destinations/register.ts'
import type { SubjectId } from '../../../src/event/ids.ts'
import { currentSubjectKeys } from '../../../src/keys/subject-keys.ts'
import { strike } from '../../../src/pipeline/struck-tags.ts'
import type { AccessDocument } from '../../../src/rights/access/schema.ts'
import { readContent } from '../../../src/rights/content.ts'
import { eraseNow } from '../../../src/rights/erasure/now.ts'
import { coverageOf, describedTable, readScannedColumns } from '../../../src/rights/scan/coverage.ts'
import { accessOf, subjectsOfUser } from '../../support/access.ts'
import { provedRequest } from '../../support/proved-request.ts'
import { createTestApp, order, speakingFor, type TestApp, track } from '../../support/test-app.ts'

// What access shows is all that erasure removes: a store that one of them knows and the other does not breaks this.

const USER = `u-${randomUUID()}`
const DEVICES = [randomUUID(), randomUUID()]
const identifiers = [{ type: 'user_id', value: USER, verified: true }] as const

/** Tables of which an erasure takes something, and that are nobody's store: why a copy does not list them. */
const NO_STORE: Readonly<Record<string, string>> = {
  'weir.module_root': 'how far the links of all people were told: the number of the last of them',
  'weir.retention_step': 'how far a run of retention is, by the number of somebody',
  'weir.recipient_message':
    'what a recipient is told about a request: nothing that they did not have, gone when it is done',
}

let weir: TestApp
let subjects: SubjectId[]
let document: AccessDocument

beforeAll(async () => {
  weir = await createTestApp()
  for (const anonymousId of DEVICES) {
    const choices = { personalisation: true, attribution: true }
    await weir.server.post('/v1/consent', { userId: USER, anonymousId, choices })
    await weir.send(
      track(
        USER,
        'Product Viewed',
        { product_id: 'P-1' },
        { anonymousId, context: { campaign: { source: 'spring' } } },
      ),
      track(USER, 'Product Added', { product_id: 'P-2', quantity: 1 }, { anonymousId }),
      { ...order(USER, `o-${anonymousId}`, ['P-1', 'P-2']), anonymousId },
      track(
        USER,
        'Order Refunded',
        { order_id: `o-${anonymousId}`, products: [{ product_id: 'P-2' }] },
        { anonymousId },
      ),
    )
  }
  await weir.server.post('/v1/contacts', {
    userId: USER,
    email: `${randomUUID()}@mail.example`,
    phone: '+8613800138000',
  })
  await weir.server.get('/v1/consent', speakingFor({ userId: USER }))
  await weir.grant('another', 'personalisation', 'attribution')
  await weir.send(order('another', 'o-another', ['P-1', 'P-2']))
  await weir.settle()
  subjects = await subjectsOfUser(weir, USER)
  await seedWhatIsRare()
  await provedRequest(weir, 'access', identifiers)
  document = await accessOf(weir, USER)
})
afterAll(() => weir?.stop())

/** What comes about only when something goes wrong, or later: letters, purges under way, recipients, tags, looks, holds. */
async function seedWhatIsRare(): Promise<void> {
  const { db, keyring, active, now } = weir.app.rights.deps
  const destination = active().destinationIds.get('recommendation')!
  await transaction(db, async (tx) => {
    expect((await currentSubjectKeys(tx, keyring, subjects)).size).toBe(3)
    for (const subject of subjects) {
      await tx.$client.query('insert into weir.purge (subject_id, destination_id) values ($1, $2)', [
        subject,
        destination,
      ])
      const sent = { destinationId: destination, fields: ['properties.product_id'], at: now(), recordId: randomUUID() }
      await noteSent(tx, keyring, { subject, ...sent, identifierForm: 'user_id:raw', identifier: USER })
    }
    await tx.$client.query(
      `insert into weir.dead_letter (subject_id, destination_id, pos, at_day, error_code, attempts, failed_at, retry_at)
       select subject_id, $1, pos, at_day, 'module-error', 1, clock_timestamp(), null
       from weir.event_log where subject_id = any($2::uuid[]) and kind = 0`,
      [destination, subjects],
    )
  })
  for (const subject of subjects) await strike({ db, keyring, now }, subject, 'P-1')
  await keepApart()
  await weir.owner.$client.query(
    `insert into statutory.hold (hold_id, authority, reference, scope, expires_on, placed_by)
     values ($1, 'a court', 'ref', '{behaviour}', current_date + 30, 'officer:x')`,
    [HOLD],
  )
  await weir.owner.$client.query(
    'insert into statutory.hold_person (hold_id, subject_id) select $1, s from unnest($2::uuid[]) as s',
    [HOLD, subjects],
  )
}

const HOLD = randomUUID()

/** As retention does with what a statute keeps past its use. */
async function keepApart(): Promise<void> {
  const { rows } = await weir.owner.$client.query<{ part: string; parent: string }>(
    `select distinct r.part, r.parent from weir.sealed s join weir.retained_partition r on r.oid = s.tableoid
     where s.subject_id = any($1::uuid[]) and r.class = 'order'`,
    [subjects],
  )
  expect(rows).toHaveLength(1)
  await weir.owner.$client.query(`alter table weir.${rows[0]!.parent} detach partition weir.${rows[0]!.part}`)
}

function shown(store: string): number {
  return document.completeness.stores.find((one) => one.store === store)?.rows ?? Number.NaN
}

test('every table of which an erasure takes something is a store of the copy, by the live schema', async () => {
  const columns = await readScannedColumns(weir.owner)
  const taken = new Set(
    columns.flatMap((one) => {
      const said = coverageOf(one)
      return said !== undefined && 'by' in said ? [describedTable(one.table)] : []
    }),
  )
  expect(taken.size).toBeGreaterThan(20)
  const modules = new Set(document.modules.map(({ module }) => module))
  const unknown = [...taken].filter((table) => {
    const [schema, name] = table.split('.') as [string, string]
    if (modules.has(schema)) {
      return document.modules.find(({ module }) => module === schema)?.rows[name] === undefined
    }
    return Number.isNaN(shown(table)) && NO_STORE[table] === undefined
  })
  expect(unknown).toEqual([])
})

test('before: the person has something in every store', () => {
  const nothing = document.completeness.stores.filter(({ rows }) => rows === 0).map(({ store }) => store)
  expect(nothing.toSorted()).toEqual([
    'statutory.remainder', // leads back to nobody
    'weir.disclosure_person', // test/flow/disclosures
    'weir.request_named', // test/flow/law-05-every-table.test.ts
    'weir.total', // nobody's
  ])
  for (const { module, rows } of document.modules) {
    expect({ module, empty: Object.keys(rows).filter((table) => rows[table] === 0) }).toEqual({ module, empty: [] })
  }
})

test('what is counted is what is listed', () => {
  const rowsOf = (table: string): number => document.moduleRecords.filter((one) => one.table === table).length
  for (const { module, rows } of document.modules) {
    for (const [table, n] of Object.entries(rows)) {
      const listed = document.moduleRecords.filter((one) => one.module === module && one.table === table)
      expect({ module, table, n }).toEqual({ module, table, n: listed.length })
    }
  }
  expect(rowsOf('view')).toBeGreaterThan(0)
  expect(document.events).toHaveLength(shown('weir.event_log'))
  expect(document.events.flatMap(({ kept }) => kept)).toHaveLength(shown('weir.sealed') + shown('weir.detached'))
  expect(document.events.filter(({ fields }) => fields.order !== undefined)).toHaveLength(shown('weir.detached'))
  expect(document.struckTags.map(({ tag }) => tag)).toContain('P-1')
  expect(document.consent).toHaveLength(shown('weir.consent_ledger'))
  expect(document.links).toHaveLength(shown('weir.link'))
  expect(document.waiting).toHaveLength(shown('weir.dead_letter') + shown('weir.purge'))
  expect(document.you.records).toHaveLength(shown('weir.subject'))
  expect(document.requests).toHaveLength(shown('weir.request_content'))
})

test('after: an erasure removes what was shown, as many rows of each store and of each table of a module', async () => {
  const before = await rowsOfModules()
  const deps = weir.app.rights.deps
  const erased = await eraseNow(deps, { identifiers, caseId: 'DSR-1', regime: 'GDPR', language: 'en' })
  const removed = (await readContent(deps.db, deps.keyring, erased.request, 'removed')) ?? []
  expect(removed.length).toBeGreaterThan(10)
  const differing = removed.filter(({ store, rows }) => !isShown(store, rows))
  expect(differing.map((one) => ({ ...one, shown: shown(one.store) }))).toEqual([])
  const after = await rowsOfModules()
  const gone = Object.entries(before).map(([table, n]) => [table, n - after[table]!])
  const listed = document.modules.flatMap(({ module, rows }) =>
    Object.entries(rows).map(([table, n]) => [`${module}.${table}`, n]),
  )
  expect(Object.fromEntries(gone)).toEqual(Object.fromEntries(listed))
})

/** All rows of all people in the tables of modules. */
async function rowsOfModules(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { module, rows } of document.modules) {
    for (const table of Object.keys(rows)) {
      const found = await weir.owner.$client.query<{ n: number }>(
        `select count(*)::integer as n from ${module}.${table}`,
      )
      counts[`${module}.${table}`] = found.rows[0]!.n
    }
  }
  return counts
}

/**
 * The log says more of the person with each look, the erasure's own too, and the erasure orders what it then takes. What a
 * module reports follows the order in which pseudonyms go, for what is derived moves as they part: its tables are compared.
 */
function isShown(store: string, rows: number): boolean {
  if (store.startsWith('module:')) return rows > 0 && shown(store) > 0
  const grows = store === 'weir.audit_detail' || store === 'weir.purge'
  return grows ? rows >= shown(store) : rows === shown(store)
}
