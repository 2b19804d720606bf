import { createHash, createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import { DPO, type House, openHouse, type Person, REASON } from './house.ts'

let house: House
let ann: Person
let ben: Person
let id: string

beforeAll(async () => {
  house = await openHouse()
  ann = await house.officer('compliance')
  ben = await house.officer('auditor')
})
afterAll(() => house.stop())

test('ann asks, and is shown nothing yet', async () => {
  id = await house.ask(ann)
  expect(await house.read(ann, id)).toMatchObject({ status: 409, body: { code: 'not-approved' } })
})

test('ben sees that it waits, why, and what to sign', async () => {
  const { body: list } = await ben.call('GET', '/api/disclosures?waiting=decision')
  expect(list).toMatchObject({ disclosures: [{ id, state: 'asked', askedBy: ann.id, caseId: 'CASE-12' }], next: null })
  expect(JSON.stringify(list)).not.toContain('qxvreasonmarker')
  const { body } = await ben.call('GET', `/api/disclosures/${id}`)
  expect(body).toMatchObject({ reason: REASON, reads: 2, used: 0, fields: ['properties.order_id'] })
  expect(createHash('sha256').update(String(body.request)).digest('base64url')).toBe(body.challenge)
  expect((body.options as JsonObject).challenge).toBe(body.challenge)
  expect(String(body.request)).not.toMatch(/qxvreasonmarker|alice/)
  expect(body.request).not.toContain(house.alice)
})

test('ben approves with his authenticator, and the data protection officer is told', async () => {
  expect(await house.approve(ben, id)).toMatchObject({ status: 200, body: { state: 'approved', decidedBy: ben.id } })
  await house.weir.app.mail!.processAll()
  const [mail, ...others] = house.mailbox.received
  expect(others).toEqual([])
  expect(mail).toMatchObject({ from: 'weir@weir.test', to: [DPO] })
  for (const said of [id, ann.id, ben.id, 'CASE-12', '披露申请已获批准', 'A disclosure was approved', '可读次数：2']) {
    expect(mail!.text).toContain(said)
  }
  expect(mail!.text).not.toMatch(/qxvreasonmarker|qxvordermarker|alice/)
})

test('ann reads what was approved and nothing else, as often as was approved', async () => {
  const first = await house.read(ann, id)
  expect(first).toMatchObject({ status: 200, body: { id, kind: 'fields', read: 1, reads: 2, more: false } })
  expect(first.body.events).toEqual([
    {
      at: expect.any(String),
      event: 'Order Completed',
      fields: { order: { properties: { order_id: 'qxvordermarker' } } },
    },
  ])
  expect(first.headers.get('cache-control')).toBe('no-store')
  expect(await house.read(ann, id)).toMatchObject({ status: 200, body: { read: 2 } })
  expect(await house.read(ann, id)).toMatchObject({ status: 409, body: { code: 'reads-used-up' } })
})

test('the log has all of it, with the evidence, and alice sees in hers that an officer looked', async () => {
  const ofRequest = (await house.entries()).filter(({ resource }) => resource === `disclosure:${id}`)
  expect(ofRequest.map(({ actor, action, outcome }) => [actor, action, outcome])).toEqual([
    [`officer:${ann.id}`, 'disclosure.ask', 'done'],
    [`officer:${ann.id}`, 'disclosure.read', 'refused'],
    [`officer:${ben.id}`, 'disclosure.show', 'released'],
    [`officer:${ben.id}`, 'disclosure.show', 'released'],
    [`officer:${ben.id}`, 'disclosure.approve', 'done'],
    [`officer:${ann.id}`, 'disclosure.read', 'released'],
    [`officer:${ann.id}`, 'disclosure.read', 'released'],
    [`officer:${ann.id}`, 'disclosure.read', 'refused'],
  ])
  expect(ofRequest.every(({ caseId, more }) => caseId === 'CASE-12' && Array.isArray(more.subjects))).toBe(true)
  expect(ofRequest[5]!.more).toMatchObject({ read: 1, fields: ['properties.order_id'], kind: 'fields' })
  expect(JSON.stringify(ofRequest)).not.toMatch(/qxvreasonmarker|qxvordermarker|alice/)
  const { body } = await house.weir.server.get('/v1/accesses', { 'weir-user-id': 'alice' })
  const looks = (body.accesses as JsonObject[]).filter(({ action }) => action === 'disclosure.read')
  expect(looks).toHaveLength(4)
  expect(looks[1]).toMatchObject({ by: 'officer', purpose: 'essential', outcome: 'released' })
})

test('anybody can check from the log alone that ben’s authenticator signed this request', async () => {
  const approval = (await house.entries()).find(({ action }) => action === 'disclosure.approve')!
  const { request, evidence } = approval.more as { request: string; evidence: Record<string, string> }
  const clientData = Buffer.from(evidence.clientDataJSON!, 'base64url')
  expect(JSON.parse(clientData.toString('utf8'))).toMatchObject({ challenge: request, type: 'webauthn.get' })
  const { rows } = await house.weir.owner.$client.query<{ public_key: Buffer }>(
    'select public_key from weir.officer_authenticator where credential_id = $1',
    [Buffer.from(evidence.credentialId!, 'base64url')],
  )
  const cose = rows[0]!.public_key
  const x = cose.subarray(10, 42).toString('base64url')
  const y = cose.subarray(45, 77).toString('base64url')
  const key = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y } })
  const signed = Buffer.concat([
    Buffer.from(evidence.authenticatorData!, 'base64url'),
    createHash('sha256').update(clientData).digest(),
  ])
  expect(verify('sha256', signed, key, Buffer.from(evidence.signature!, 'base64url'))).toBe(true)
})

test('nothing of it was logged, and the reason stands nowhere in clear', async () => {
  expect(house.weir.logged()).not.toMatch(/qxvreasonmarker|qxvordermarker/)
  const { rows } = await house.weir.owner.$client.query<{ found: boolean }>(
    `select exists (select from weir.disclosure d where d::text like '%qxvreasonmarker%')
       or exists (select from weir.audit_entry e where e::text like '%qxvreasonmarker%') as found`,
  )
  expect(rows[0]!.found).toBe(false)
})
