import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import { withActiveEpoch } from '../../../src/keys/subject-keys.ts'
import { putContent } from '../../../src/rights/content.ts'
import { findRequest } from '../../../src/rights/rows.ts'
import { readRows } from '../../support/person-rows.ts'
import { provedRequest } from '../../support/proved-request.ts'
import { subjectOf } from '../../support/stored.ts'
import { createTestApp, newDevice, order, speakingFor, type TestApp, track } from '../../support/test-app.ts'

let weir: TestApp

beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

async function buy(user: string): Promise<void> {
  await weir.grant(user, 'attribution', 'personalisation')
  await weir.send(
    track(user, 'Product Viewed', { product_id: 'P-1' }),
    order(user, `o-${randomUUID()}`, ['P-1', 'P-2']),
  )
  await weir.settle()
}

async function asked(
  right: 'objection' | 'restriction',
  user: string,
  purposes: readonly string[] = [],
): Promise<string> {
  const id = await provedRequest(weir, right, [{ type: 'user_id', value: user, verified: true }])
  if (purposes.length > 0) {
    await withActiveEpoch(weir.keyring, () =>
      transaction(weir.db, (tx) => putContent(tx, weir.keyring, id, 'purposes', purposes)),
    )
  }
  await weir.app.rights.processAll()
  expect((await findRequest(weir.db, id))?.state).toBe('completed')
  return id
}

async function choicesOf(user: string): Promise<unknown> {
  return (await weir.server.get('/v1/consent', speakingFor({ userId: user }))).body.choices
}

async function rows(): Promise<readonly number[]> {
  const found = await readRows(weir)
  return [found['attribution.conversion']!, found['recommendation.order_line']!]
}

describe('an objection', () => {
  test('is a refusal of all that rests on consent: modules forget, nothing is handed over, until the person says yes again', async () => {
    const user = `objects-${randomUUID()}`
    await buy(user)
    const id = await asked('objection', user)
    await weir.settle()
    expect(await rows()).toEqual([0, 0])
    expect(await choicesOf(user)).toEqual({
      analytics: false,
      attribution: false,
      personalisation: false,
      advertising: false,
    })
    const { rows: ledger } = await weir.owner.$client.query(
      'select evidence, proof, source_id from weir.consent_ledger where subject_id = $1 order by consent_epoch desc limit 1',
      [await subjectOf(weir, 'user_id', user)],
    )
    expect(ledger).toEqual([{ evidence: 'request', proof: 'request', source_id: 0 }])
    expect(await weir.send(order(user, 'o-late', ['P-3']))).toEqual(['refused'])
    const entry = (await weir.entries('request.object')).find(({ resource }) => resource === `request:${id}`)
    expect(JSON.parse(entry!.more!)).toMatchObject({
      by: 'person',
      purposes: ['analytics', 'attribution', 'personalisation', 'advertising'],
    })
    await buy(user)
    expect((await rows()).every((n) => n > 0)).toBe(true)
  })

  test('to named purposes leaves the others, and what a contract needs cannot be objected to', async () => {
    const user = `names-${randomUUID()}`
    await buy(user)
    const before = await rows()
    await asked('objection', user, ['personalisation', 'essential'])
    await weir.settle()
    expect(await choicesOf(user)).toEqual({ attribution: true, personalisation: false })
    const [conversions, lines] = await rows()
    expect([conversions, lines! < before[1]!]).toEqual([before[0], true])
  })

  test('to a purpose that a contract or a law needs is refused when it is asked, with what can be objected to', async () => {
    const identifier = { type: 'user_id', value: `duty-${randomUUID()}` }
    for (const purposes of [['essential'], ['analytics', 'essential']]) {
      const { status, body } = await weir.server.post('/v1/requests', { right: 'objection', identifier, purposes })
      expect([status, body.code]).toEqual([400, 'purpose-not-open'])
      expect(body.detail).toContain('attribution, personalisation')
    }
    const purposes = ['personalisation']
    expect((await weir.server.post('/v1/requests', { right: 'objection', identifier, purposes })).status).toBe(202)
  })

  test('needs no proof for a user or a device that is named, and makes nobody of one that nobody has', async () => {
    const user = `says-${randomUUID()}`
    const device = newDevice()
    await buy(user)
    await weir.send({ ...order(user, 'o-dev', ['P-1']), anonymousId: device.anonymousId })
    const subjects = async () => (await weir.owner.$client.query('select from weir.subject')).rowCount
    const before = await subjects()
    for (const identifier of [
      { type: 'user_id', value: user },
      { type: 'anonymous_id', value: device.anonymousId },
      { type: 'user_id', value: `nobody-${randomUUID()}` },
    ]) {
      const { status } = await weir.server.post('/v1/requests', { right: 'objection', identifier })
      expect(status).toBe(202)
    }
    await weir.app.rights.processAll()
    await weir.settle()
    expect(await choicesOf(user)).toMatchObject({ attribution: false, personalisation: false })
    expect(await subjects()).toBe(before)
  })
})

describe('a restriction', () => {
  const user = `rests-${randomUUID()}`

  test('keeps what is there and uses it for nothing, and stays when the request is done', async () => {
    await buy(user)
    await asked('restriction', user)
    const [, linesOfAll] = await rows()
    await weir.settle()
    const [, linesAfter] = await rows()
    expect(linesAfter!).toBeLessThan(linesOfAll!)
    const subject = await subjectOf(weir, 'user_id', user)
    const { rowCount } = await weir.owner.$client.query('select from weir.sealed where subject_id = $1', [subject])
    expect(rowCount).toBeGreaterThan(0)
    expect(await weir.send(track(user, 'Product Viewed', { product_id: 'P-7' }))).toEqual(['suppressed'])
    const served = await weir.server.get('/v1/recommendations?placement=home&n=3', speakingFor({ userId: user }))
    expect(served.body.mode).not.toBe('personal')
  })
})
