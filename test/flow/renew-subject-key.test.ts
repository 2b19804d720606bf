import { afterEach, beforeEach, expect, test } from 'vitest'
import { transaction } from '../../src/db/transaction.ts'
import type { SubjectId } from '../../src/event/ids.ts'
import { readAt, readSubjectBlobs } from '../../src/eventlog/read.ts'
import { rollKey } from '../../src/keys/roll.ts'
import { keyVersionOf, openBlob } from '../../src/pipeline/protect-event.ts'
import { finishRenewals, type RenewDeps, renewAllKeys, renewSubjectKey } from '../../src/pipeline/renew-subject-key.ts'
import { storedOf, subjectOf } from '../support/stored.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

// The runbook of docs/operations.md for a subject key that is known to somebody.
const HOUR_MS = 3_600_000
let weir: TestApp
beforeEach(async () => {
  weir = await createTestApp()
})
afterEach(() => weir.stop())

const viewed = (item: string) => ({
  type: 'track',
  event: 'Product Viewed',
  userId: 'ann',
  properties: { product_id: item },
})

function deps(now = Date.now()): RenewDeps {
  return { db: weir.db, keyring: weir.keyring, classNames: weir.app.active().classNames, now: () => now, actor: 'cli' }
}

async function versions(subject: SubjectId): Promise<{ keys: number[]; sealed: number[] }> {
  const { rows } = await weir.owner.$client.query<{ key_version: number }>(
    'select key_version from weir.subject_key where subject_id = $1 order by 1',
    [subject],
  )
  const blobs = await transaction(weir.db, (tx) => readSubjectBlobs(tx, subject))
  return { keys: rows.map((row) => row.key_version), sealed: blobs.map((blob) => keyVersionOf(blob.bytes)) }
}

test('a subject gets a new key: everything opens under it, nothing under the one that is known, and events go on', async () => {
  await weir.grant('ann', 'personalisation')
  await weir.send(viewed('one'), viewed('two'))
  const subject = (await subjectOf(weir, 'user_id', 'ann'))!
  const before = await storedOf(weir, subject)
  const known = weir.keyring.cached(subject, 1)!
  const renewed = await renewSubjectKey(deps(), subject)
  expect(renewed.keyVersion).toBe(2)
  expect(renewed.resealed).toBe(before.length + 1) // and the identifier
  const { keys, sealed } = await versions(subject)
  expect(keys).toEqual([1, 2])
  expect(new Set(sealed)).toEqual(new Set([2]))
  expect(await storedOf(weir, subject)).toEqual(before)
  const blobs = await transaction(weir.db, (tx) => readSubjectBlobs(tx, subject))
  const rows = await readAt(weir.db, [...new Set(blobs.map((blob) => blob.pos))])
  const fresh = weir.keyring.cached(subject, 2)!
  for (const blob of blobs) {
    const { eventKey } = rows.find((row) => row.pos === blob.pos)!
    const place = { subject, className: weir.app.active().classNames.get(blob.classId)!, eventKey }
    expect(openBlob(fresh, place, blob.bytes).t).toBeGreaterThan(0)
    expect(() => openBlob(known, place, blob.bytes)).toThrow('authentication')
  }
  expect(await weir.send(viewed('three'))).toEqual(['accepted'])
  await weir.settle()
  await finishRenewals(deps(Date.now() + 2 * HOUR_MS))
  expect((await versions(subject)).keys).toEqual([2])
  expect(await storedOf(weir, subject)).toHaveLength(before.length + before.length / 2)
  // A roll of the epoch takes it along like any other.
  await rollKey({ ...deps(), provider: weir.keys }, 'epoch')
  expect(await storedOf(weir, subject)).toHaveLength(before.length + before.length / 2)
})

test('an event that was under way with the old key is sealed anew before that key goes', async () => {
  await weir.grant('ann', 'personalisation')
  await weir.send(viewed('one'))
  const subject = (await subjectOf(weir, 'user_id', 'ann'))!
  const stored = await storedOf(weir, subject)
  await renewSubjectKey(deps(), subject)
  // As a node that read the version before leaves it: committed after the renewal, under the old key.
  await weir.owner.$client.query('update weir.subject set key_version = 1 where subject_id = $1', [subject])
  expect(await weir.send(viewed('late'))).toEqual(['accepted'])
  await weir.owner.$client.query('update weir.subject set key_version = 2 where subject_id = $1', [subject])
  expect(new Set((await versions(subject)).sealed)).toEqual(new Set([1, 2]))
  expect(await finishRenewals(deps())).toEqual({ gone: 0, failed: 0 }) // not yet
  expect(await finishRenewals(deps(Date.now() + 2 * HOUR_MS))).toEqual({ gone: 1, failed: 0 })
  expect(await versions(subject)).toMatchObject({ keys: [2] })
  expect(new Set((await versions(subject)).sealed)).toEqual(new Set([2]))
  expect(await storedOf(weir, subject)).toHaveLength(2 * stored.length)
})

test('a subject that is unknown or erased is said', async () => {
  await expect(renewSubjectKey(deps(), '6f1c9d1e-7a52-4a0b-9a55-0b8a4f2d9c11' as SubjectId)).rejects.toMatchObject({
    kind: 'not-found',
  })
})

/** As kill -9 leaves it right after the new version was committed. */
async function renewHalfWay(subject: SubjectId): Promise<void> {
  const killed = new Proxy(weir.keyring, {
    get: (keyring, name) => (name === 'cached' ? raise : Reflect.get(keyring, name)),
  })
  await expect(renewSubjectKey({ ...deps(), keyring: killed }, subject)).rejects.toThrow('killed')
}

function raise(): never {
  throw new Error('killed')
}

async function items(): Promise<string[]> {
  const { rows } = await weir.owner.$client.query<{ item: string }>(
    'select item from recommendation.view order by item',
  )
  return rows.map((row) => row.item)
}

test('while a key is being replaced, what is under the old one is delivered, and a withdrawal reaches it', async () => {
  await weir.grant('ann', 'personalisation', 'attribution')
  await weir.send(viewed('one'), viewed('two'))
  const subject = (await subjectOf(weir, 'user_id', 'ann'))!
  await renewHalfWay(subject)
  expect(await weir.send(viewed('three'))).toEqual(['accepted'])
  await weir.settle()
  expect(await items()).toEqual(['one', 'three', 'two'])
  await weir.refuse('ann', 'attribution')
  await weir.settle()
  const { rows } = await weir.owner.$client.query('select from weir.purge')
  expect(rows).toEqual([])
  await finishRenewals(deps(Date.now() + 2 * HOUR_MS))
  expect((await versions(subject)).keys).toEqual([2])
  for (const { fields } of await storedOf(weir, subject)) expect(JSON.stringify(fields)).toContain('product_id')
})

test('a record that is damaged holds up nobody: not delivery, not a withdrawal, not housekeeping', async () => {
  await weir.grant('ann', 'personalisation', 'attribution')
  await weir.send(viewed('one'), viewed('two'), viewed('three'))
  const subject = (await subjectOf(weir, 'user_id', 'ann'))!
  await weir.owner.$client.query(
    `update weir.sealed set bytes = set_byte(bytes, length(bytes) - 1, get_byte(bytes, length(bytes) - 1) # 1)
     where pos = (select min(pos) from weir.sealed)`,
  )
  await weir.settle()
  expect(await items()).toEqual(['three', 'two'])
  const letters = await weir.owner.$client.query<{ error_code: string }>('select error_code from weir.dead_letter')
  expect(letters.rows.map((row) => row.error_code)).toContain('unreadable')
  await expect(renewSubjectKey(deps(), subject)).rejects.toThrow('authentication')
  expect(await finishRenewals(deps(Date.now() + 2 * HOUR_MS))).toEqual({ gone: 0, failed: 1 })
  expect((await versions(subject)).keys).toEqual([1, 2])
  weir.moveClock(2 * HOUR_MS)
  await weir.app.maintain()
  expect(weir.logged()).toContain('old keys of people stay')
  await weir.refuse('ann', 'attribution')
  await weir.settle()
  const { rows } = await weir.owner.$client.query('select from weir.purge')
  expect(rows).toEqual([])
  expect(await storedOf(weir, subject)).toHaveLength(2) // what is damaged went with the withdrawal
  expect(await finishRenewals(deps(Date.now() + 4 * HOUR_MS))).toEqual({ gone: 1, failed: 0 })
})

test('everybody gets a new key, for when that of an epoch is known', async () => {
  const people = ['ann', 'bo', 'cai']
  for (const user of people) await weir.grant(user, 'personalisation')
  await weir.send(viewed('one'))
  const seen: number[] = []
  const done = await renewAllKeys(deps(), (subjects) => seen.push(subjects))
  expect(done).toMatchObject({ subjects: 3 })
  expect(seen.at(-1)).toBe(3)
  for (const user of people) expect((await versions((await subjectOf(weir, 'user_id', user))!)).keys).toEqual([1, 2])
  expect(await storedOf(weir, (await subjectOf(weir, 'user_id', 'ann'))!)).not.toEqual([])
})

test('a key that opens content kept under restriction stays as long as that', async () => {
  await weir.grant('ann', 'personalisation')
  await weir.send(viewed('one'))
  const subject = (await subjectOf(weir, 'user_id', 'ann'))!
  await renewSubjectKey(deps(), subject)
  // A partition as retention closes one: detached, out of the gateway's reach, with a row of hers.
  const { rows } = await weir.owner.$client.query<{ part: string; parent: string }>(
    `select part, parent from weir.retained_partition where class = 'order' and state = 'attached' order by part desc limit 1`,
  )
  const { part, parent } = rows[0]!
  await weir.owner.$client.query(`alter table weir.${parent} detach partition weir.${part}`)
  await weir.owner.$client.query(
    `insert into weir.${part} (class_id, due, subject_id, pos, bytes)
     select (select class_id from weir.field_class where name = 'order'), to_date(right($2, 10), 'YYYY_MM_DD'), $1, 1, '\\x00'`,
    [subject, part],
  )
  expect((await finishRenewals(deps(Date.now() + 2 * HOUR_MS))).gone).toBe(0)
  expect((await versions(subject)).keys).toEqual([1, 2])
  await weir.owner.$client.query(`drop table weir.${part}`)
  expect((await finishRenewals(deps(Date.now() + 2 * HOUR_MS))).gone).toBe(1)
})
