import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import type { AppError } from '../../../src/errors.ts'
import { disableOfficer } from '../../../src/officers/administration.ts'
import { auditEntries, type Browser, makeOfficer, signedIn, signIn } from '../../support/officers.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

let weir: TestApp
let first: Awaited<ReturnType<typeof signedIn>>

beforeAll(async () => {
  weir = await createTestApp()
  first = await signedIn(weir, 'compliance')
})
afterAll(() => weir.stop())

const isOpen = async (browser: Browser): Promise<boolean> => (await browser.call('GET', '/api/session')).status === 200

test('the list shows every officer, and that it was looked at stands in the audit log first', async () => {
  const auditor = await makeOfficer(weir, 'auditor')
  const { body } = await first.call('GET', '/api/officers')
  const { officers } = body as { officers: { officer: string; email: string }[] }
  expect(officers.find(({ officer }) => officer === auditor.officer)).toMatchObject({
    email: auditor.email,
    role: 'auditor',
    disabledAt: null,
  })
  expect((await auditEntries(weir)).at(-1)).toEqual({
    actor: `officer:${first.officer.officer}`,
    action: 'officer.list',
    resource: 'officers',
    outcome: 'released',
  })
})

test('another role ends the sessions that had the old one', async () => {
  const browser = await signedIn(weir, 'auditor')
  const { officer } = browser.officer
  expect((await first.call('PUT', `/api/officers/${officer}/role`, { role: 'analyst' })).status).toBe(200)
  expect(await isOpen(browser)).toBe(false)
  const again = await signIn(weir, browser.officer, { steps: 1 })
  expect((await again.call('GET', '/api/session')).body.role).toBe('analyst')
  expect((await again.call('GET', '/api/audit/entries')).status).toBe(403)
})

test('a disabled officer has no session any more and gets none', async () => {
  const browser = await signedIn(weir, 'auditor')
  const { officer } = browser.officer
  expect((await first.call('POST', `/api/officers/${officer}/disable`)).status).toBe(200)
  expect(await isOpen(browser)).toBe(false)
  await expect(signIn(weir, browser.officer, { steps: 1 })).rejects.toThrow('401')
})

test('a session of a disabled officer is none, even were its row still there', async () => {
  const browser = await signedIn(weir, 'auditor')
  await weir.owner.$client.query('update weir.officer set disabled_at = now() where officer_id = $1', [
    browser.officer.officer,
  ])
  expect(await isOpen(browser)).toBe(false)
})

test('signing somebody out ends their sessions', async () => {
  const browser = await signedIn(weir, 'operator')
  expect((await first.call('DELETE', `/api/officers/${browser.officer.officer}/sessions`)).status).toBe(200)
  expect(await isOpen(browser)).toBe(false)
})

test.each([
  ['PUT', 'role', { role: 'auditor' }, 'officer.role'],
  ['POST', 'disable', undefined, 'officer.disable'],
])('nobody does it to their own account: %s %s', async (method, what, body, action) => {
  const path = `/api/officers/${first.officer.officer}/${what}`
  expect(await first.call(method, path, body)).toMatchObject({ status: 403, body: { code: 'own-account' } })
  const name = `officer:${first.officer.officer}`
  expect((await auditEntries(weir)).at(-1)).toEqual({ actor: name, action, resource: name, outcome: 'refused' })
})

test('an officer who is not there is 404', async () => {
  const answer = await first.call('POST', '/api/officers/00000000-0000-4000-8000-000000000000/disable')
  expect(answer.status).toBe(404)
})

test('of two compliance officers who are disabled at once one stays, also by the command line', async () => {
  const second = await makeOfficer(weir, 'compliance')
  const one = (id: string): Promise<string> =>
    transaction(weir.owner, (tx) => disableOfficer(tx, id, Date.now())).then(
      () => 'disabled',
      (error: AppError) => error.code,
    )
  const outcomes = await Promise.all([one(second.officer), one(first.officer.officer)])
  expect(outcomes.toSorted()).toEqual(['disabled', 'last-compliance'])
  const { rows } = await weir.owner.$client.query(
    `select from weir.officer where role = 'compliance' and disabled_at is null`,
  )
  expect(rows).toHaveLength(1)
})
