import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import { recipientStates } from '../../../src/destinations/outbox.ts'
import { withActiveEpoch } from '../../../src/keys/subject-keys.ts'
import { putContent } from '../../../src/rights/content.ts'
import { createLift } from '../../../src/rights/lift.ts'
import type { RequestContent, Right } from '../../../src/rights/request.ts'
import { provedRequest } from '../../support/proved-request.ts'
import { sent, startRecipient } from '../../support/recipients.ts'
import { subjectOf } from '../../support/stored.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'
import { until } from '../../support/until.ts'

// Who got data of somebody hears of every right that changes what may be done with it (GDPR art. 19).
let weir: TestApp
let crm: Awaited<ReturnType<typeof startRecipient>>

beforeAll(async () => {
  weir = await createTestApp()
  crm = await startRecipient(weir, 'crm')
})
afterAll(() => weir.stop())

async function asked<Kind extends keyof RequestContent>(
  right: Right,
  says?: readonly [Kind, RequestContent[Kind]],
): Promise<string> {
  const user = `told-${randomUUID()}`
  await weir.grant(user, 'personalisation')
  await sent(weir, (await subjectOf(weir, 'user_id', user))!, crm.destinationId, ['user_id:raw', user], {
    fields: ['traits.firstName'],
    at: Date.now(),
    recordId: 'one',
  })
  const id = await provedRequest(weir, right, [{ type: 'user_id', value: user, verified: true }])
  if (says !== undefined) {
    const [kind, value] = says
    await withActiveEpoch(weir.keyring, () =>
      transaction(weir.db, (tx) => putContent(tx, weir.keyring, id, kind, value)),
    )
  }
  await weir.app.rights.processAll()
  return id
}

async function toldOf(id: string): Promise<string[]> {
  return (await recipientStates(weir.db, id)).map(({ destination, kind }) => `${destination} ${kind}`)
}

test('of a correction of what they got, and of nothing that they never had', async () => {
  const first = { event: 'identify', path: 'traits.firstName', to: 'Ann' }
  const contact = { event: 'contact', path: 'email', to: `${randomUUID()}@mail.example` }
  const id = await asked('correction', ['changes', [first, contact]])
  expect(await toldOf(id)).toEqual(['crm correction'])
  await until('the recipient was told', async () => {
    await weir.app.rights.processAll()
    return crm.told.length > 0
  })
  expect(JSON.stringify(crm.told)).toContain('Ann')
  expect(JSON.stringify(crm.told)).not.toContain('mail.example')
  expect(await toldOf(await asked('correction', ['changes', [contact]]))).toEqual([])
})

test('of an objection, whichever purposes it names, where the policy knows none for them', async () => {
  expect(await toldOf(await asked('objection'))).toEqual(['crm objection'])
  expect(await toldOf(await asked('objection', ['purposes', ['attribution']]))).toEqual(['crm objection'])
  expect(await toldOf(await asked('objection', ['purposes', ['essential']]))).toEqual([])
})

test('of a restriction, and of its end', async () => {
  const id = await asked('restriction')
  expect(await toldOf(id)).toEqual(['crm restriction'])
  const lift = createLift({ ...weir.app.rights.deps, told: () => undefined })
  await lift.byOfficer({ by: { kind: 'officer', id: randomUUID() }, id, told: 'otherwise' })
  expect((await toldOf(id)).sort()).toEqual(['crm restriction', 'crm restriction-lifted'])
})
