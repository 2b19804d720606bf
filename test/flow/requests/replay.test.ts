import { randomUUID } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tombstonesOf } from '../../../src/identity/tombstones.ts'
import { refuseForgotten } from '../../../src/rights/erasure/guard.ts'
import type { LedgerEntry } from '../../../src/rights/erasure/ledger-file.ts'
import { eraseNow } from '../../../src/rights/erasure/now.ts'
import { replayErasures } from '../../../src/rights/erasure/replay.ts'
import { subjectTagOf } from '../../../src/rights/erasure/subjects.ts'
import { subjectsBehind } from '../../../src/rights/people.ts'
import { findRequest } from '../../../src/rights/rows.ts'
import { readRows } from '../../support/person-rows.ts'
import { provedRequest } from '../../support/proved-request.ts'
import { createTestApp, order, type TestApp, track } from '../../support/test-app.ts'

let weir: TestApp

beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

const identifiersOf = (user: string): readonly [{ type: 'user_id'; value: string; verified: true }] => [
  { type: 'user_id', value: user, verified: true },
]

async function buy(user: string): Promise<void> {
  await weir.grant(user, 'attribution', 'personalisation')
  await weir.send(track(user, 'Product Viewed', { product_id: 'P-1' }), order(user, `o-${user}`, ['P-1', 'P-2']))
  await weir.settle()
}

/** The line that the ledger has of somebody whom this database, as after a restore, knows still. */
async function inLedger(user: string): Promise<LedgerEntry> {
  const { db, keyring, ledger } = weir.app.rights.deps
  const subjects = await subjectsBehind(db, keyring, identifiersOf(user))
  const entry: LedgerEntry = {
    v: 1,
    id: randomUUID(),
    at: new Date().toISOString(),
    subjects: subjects.map((subject) => subjectTagOf(keyring.tombstoneKey, subject).toString('base64url')),
    tombstones: tombstonesOf(keyring.tombstoneKey, { type: 'user_id', given: user }).map((one) =>
      one.toString('base64url'),
    ),
  }
  await ledger.append(entry)
  return entry
}

test('people whom the ledger names are erased again, with what they had asked for; what is late stays out', async () => {
  const { db, ledger, log } = weir.app.rights.deps
  const [ann, bob] = [`ann-${randomUUID()}`, `bob-${randomUUID()}`]
  await buy(ann)
  await buy(bob)
  const before = new Date().toISOString()
  const asked = await provedRequest(weir, 'access', identifiersOf(ann))
  await inLedger(ann)
  await expect(refuseForgotten(db, ledger, log)).rejects.toThrow(/does not know of 1 erasures .*erase --replay/)
  expect(await replayErasures(weir.app.rights.deps, { withoutLedger: false })).toMatchObject({
    erasures: 1,
    subjects: 1,
  })
  await refuseForgotten(db, ledger, log)
  expect(await findRequest(db, asked)).toMatchObject({ state: 'cancelled', reason: 'erased' })
  expect(await readRows(weir)).toMatchObject({ 'weir.subject': 1, 'recommendation.order_line': 2 })
  const { rows } = await weir.owner.$client.query('select from weir.request_person')
  expect(rows).toEqual([])
  expect(await weir.send(track(ann, 'Product Viewed', { product_id: 'P-1' }, { timestamp: before }))).toEqual([
    'suppressed',
  ])
})

test('where something is still found nothing is changed, and it is found again the next time', async () => {
  const { db, keyring, ledger, log } = weir.app.rights.deps
  const cid = `cid-${randomUUID()}`
  await buy(cid)
  const [subject] = await subjectsBehind(db, keyring, identifiersOf(cid))
  await inLedger(cid)
  // A table that nobody told the erasure of.
  await weir.owner.$client.query('create table weir.forgotten (subject_id uuid)')
  await weir.owner.$client.query('insert into weir.forgotten values ($1)', [subject])
  for (const _ of [1, 2]) {
    const replay = replayErasures(weir.app.rights.deps, { withoutLedger: false })
    await expect(replay).rejects.toThrow('what was erased is still found in weir.forgotten.subject_id')
    await expect(refuseForgotten(db, ledger, log)).rejects.toThrow(/1 erasures/)
  }
  await weir.owner.$client.query('drop table weir.forgotten')
  expect(await replayErasures(weir.app.rights.deps, { withoutLedger: false })).toMatchObject({
    erasures: 1,
    subjects: 1,
  })
  await refuseForgotten(db, ledger, log)
})

test('a restored database does not serve before somebody erased again, whatever ledger lies there', async () => {
  const { db, ledger, log } = weir.app.rights.deps
  await weir.owner.$client.query('insert into weir.restore_guard default values')
  await expect(refuseForgotten(db, ledger, log)).rejects.toThrow(/run weir erase --replay/)
  const whole = await readFile(ledger.path, 'utf8')
  const [head = ''] = whole.split('\n')
  await writeFile(ledger.path, `${head}\n`) // a copy from before everything
  await expect(replayErasures(weir.app.rights.deps, { withoutLedger: false })).rejects.toThrow(
    /lacks 2 that this database/,
  )
  await writeFile(ledger.path, '')
  await expect(refuseForgotten(db, ledger, log)).rejects.toThrow(/is not there/)
  await writeFile(ledger.path, whole.replace(/"installation":"./, '"installation":"_'))
  await expect(refuseForgotten(db, ledger, log)).rejects.toThrow(/not of this database's keys/)
  await writeFile(ledger.path, whole)
  await replayErasures(weir.app.rights.deps, { withoutLedger: false })
  await refuseForgotten(db, ledger, log)
})

test('without its ledger a restored database does not serve, unless somebody says that nobody was ever erased', async () => {
  const { db, ledger, log } = weir.app.rights.deps
  await weir.owner.$client.query('insert into weir.restore_guard default values')
  await rm(ledger.path)
  await expect(refuseForgotten(db, ledger, log)).rejects.toThrow(/ledger of erasures .* is not there/)
  await expect(replayErasures(weir.app.rights.deps, { withoutLedger: false })).rejects.toThrow(/ledger of erasures/)
  await replayErasures(weir.app.rights.deps, { withoutLedger: true })
  await refuseForgotten(db, ledger, log)
  const dan = `dan-${randomUUID()}`
  await buy(dan)
  await eraseNow(weir.app.rights.deps, {
    identifiers: identifiersOf(dan),
    caseId: 'DSR-9',
    regime: 'PIPL',
    language: 'en',
  })
  await refuseForgotten(db, ledger, log)
})
