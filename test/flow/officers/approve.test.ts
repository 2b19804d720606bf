import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import type { AppError } from '../../../src/errors.ts'
import { approvalOptions, verifyApproval } from '../../../src/officers/approve.ts'
import type { OfficerDeps } from '../../../src/officers/deps.ts'
import { officerDeps } from '../../../src/officers/officers.ts'
import { makeOfficer, type Officer } from '../../support/officers.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

// With a code; with an authenticator it is in test/browser/webauthn.test.ts.

let weir: TestApp
let deps: OfficerDeps
let now = Date.now()

beforeAll(async () => {
  weir = await createTestApp()
  const { db, keyring } = weir
  deps = officerDeps({
    db,
    keyring,
    audit: { append: async () => undefined },
    publicUrl: 'http://weir.test',
    now: () => now,
  })
})
afterAll(() => weir.stop())

const approve = (officer: Officer, challenge: Buffer, totp: string): Promise<unknown> =>
  transaction(weir.db, (tx) => verifyApproval(deps, tx, { officer: officer.officer, challenge, totp })).catch(
    (error: AppError) => error.code,
  )
const request = (): Buffer => createHash('sha256').update(randomBytes(16)).digest()

test('a code approves where there is no authenticator, and what remains is its step', async () => {
  const officer = await makeOfficer(weir, 'compliance')
  expect(await approvalOptions(deps, { officer: officer.officer, challenge: request() })).toBeUndefined()
  expect(await approve(officer, request(), officer.code(now))).toEqual({
    method: 'totp',
    step: Math.floor(now / 30_000),
  })
})

test('a code counts once, for one approval, and so does an approval', async () => {
  const officer = await makeOfficer(weir, 'compliance')
  const challenge = request()
  const code = officer.code(now)
  expect(await approve(officer, challenge, code)).toMatchObject({ method: 'totp' })
  expect(await approve(officer, request(), code)).toBe('factor-wrong')
  expect(await approve(officer, challenge, officer.code(now, 1))).toBe('approval-replayed')
  now += 60_000
  const both = await Promise.all([request(), request()].map((one) => approve(officer, one, officer.code(now))))
  expect(both.filter((one) => one === 'factor-wrong')).toHaveLength(1)
})

test('an approval that is rolled back used nothing up, and a wrong code is counted all the same', async () => {
  const officer = await makeOfficer(weir, 'compliance')
  const challenge = request()
  const code = officer.code(now)
  const given = { officer: officer.officer, challenge, totp: code }
  const undone = transaction(weir.db, async (tx) => {
    await verifyApproval(deps, tx, given)
    throw new Error('the request had expired')
  })
  await expect(undone).rejects.toThrow('expired')
  expect(await approve(officer, challenge, code)).toMatchObject({ method: 'totp' })
  for (let i = 0; i < 5; i++) expect(await approve(officer, request(), '000000')).toBe('factor-wrong')
  expect(await approve(officer, request(), officer.code(now, 1))).toBe('too-many-attempts')
})

test('a code of another officer approves nothing', async () => {
  const [one, other] = [await makeOfficer(weir, 'compliance'), await makeOfficer(weir, 'compliance')]
  expect(await approve(one, request(), other.code(now))).toBe('factor-wrong')
})
