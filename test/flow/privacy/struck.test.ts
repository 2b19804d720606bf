import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SubjectId } from '../../../src/event/ids.ts'
import { finishRenewals, renewSubjectKey } from '../../../src/pipeline/renew-subject-key.ts'
import { readStruck, type StruckDeps, strike, unstrike } from '../../../src/pipeline/struck-tags.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

let weir: TestApp
let deps: StruckDeps
let subject: SubjectId

beforeAll(async () => {
  weir = await createTestApp()
  await weir.grant('ann', 'personalisation')
  const { rows } = await weir.owner.$client.query<{ subject_id: SubjectId }>('select subject_id from weir.subject')
  subject = rows[0]!.subject_id
  deps = { db: weir.db, keyring: weir.keyring, now: Date.now }
})
afterAll(() => weir?.stop())

const items = async (): Promise<string[]> =>
  (await readStruck(weir.db, weir.keyring, [subject])).map(({ item }) => item).sort()

test('what is struck out twice is struck out once, and opens for its person alone', async () => {
  expect(await strike(deps, subject, 'tea')).toBe('struck')
  expect(await strike(deps, subject, 'tea')).toBe('struck')
  expect(await strike(deps, subject, 'cup')).toBe('struck')
  expect(await items()).toEqual(['cup', 'tea'])
  await unstrike(deps, { subject, subjects: [subject] }, 'cup')
  expect(await items()).toEqual(['tea'])
  const actions = (await weir.entries()).map(({ action }) => action).filter((one) => one.startsWith('recommendation.'))
  expect(actions).toEqual([...Array<string>(3).fill('recommendation.strike'), 'recommendation.unstrike'])
})

test('a new key of the person seals it anew, and the strike can still be taken back', async () => {
  const classNames = weir.app.active().classNames
  let now = Date.now()
  const renewing = { db: weir.db, keyring: weir.keyring, classNames, now: () => now, actor: 'weir' }
  await renewSubjectKey(renewing, subject)
  expect(await items()).toEqual(['tea'])
  now += 2 * 3_600_000
  expect(await finishRenewals(renewing)).toEqual({ gone: 1, failed: 0 })
  expect(await items()).toEqual(['tea'])
  await unstrike(deps, { subject, subjects: [subject] }, 'tea')
  expect(await items()).toEqual([])
})

test('what is no item is refused, and so is a list without end', async () => {
  await expect(strike(deps, subject, '')).rejects.toMatchObject({ kind: 'invalid' })
  await expect(strike(deps, subject, 'x'.repeat(256))).rejects.toMatchObject({ kind: 'invalid' })
  await weir.owner.$client.query(
    `insert into weir.struck_tag (subject_id, tag, sealed)
     select $1, decode(md5(n::text), 'hex'), '\\x00' from generate_series(1, 500) as n`,
    [subject],
  )
  expect(await strike(deps, subject, 'one more')).toBe('too-many')
  expect(await items()).toEqual([]) // what does not open is nothing
})
