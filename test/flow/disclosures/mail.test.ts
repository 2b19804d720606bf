import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { aboutAlice, type House, openHouse, type Person } from './house.ts'

describe('a mail to the data protection officer', () => {
  let house: House
  let ann: Person
  let ben: Person
  beforeAll(async () => {
    house = await openHouse()
    ann = await house.officer('compliance')
    ben = await house.officer('compliance')
  })
  afterAll(() => house.stop())

  async function waiting(): Promise<number> {
    const text = await house.weir.app.metrics.registry.metrics()
    return Number(/^weir_mail_oldest_waiting_seconds (.+)$/m.exec(text)?.[1])
  }

  test('that the server does not take is tried again later, and none is lost; its address stands in no log', async () => {
    house.mailbox.refuse(true)
    const id = await house.ask(ann)
    await house.approve(ben, id)
    await house.weir.app.mail!.processAll()
    await house.weir.app.mail!.processAll()
    expect(house.weir.logged()).toContain('a mail was not sent')
    expect(house.weir.logged()).not.toContain('dpo@shop.example')
    house.mailbox.refuse(false)
    await house.weir.app.mail!.processAll()
    expect(house.mailbox.received).toEqual([]) // not before its time
    house.tick(29_000)
    expect(await waiting()).toBeGreaterThanOrEqual(29)
    house.tick(1_000)
    await house.weir.app.mail!.processAll()
    expect(house.mailbox.received.splice(0)).toHaveLength(1)
    expect(await waiting()).toBe(0)
  })

  test('of an emergency comes before anything is shown: until the server took it nobody looks', async () => {
    house.mailbox.refuse(true)
    const id = await house.ask(ann, aboutAlice({ emergency: true, reads: 2, minutes: 15 }))
    await house.weir.app.mail!.processAll()
    house.tick(14 * 60_000)
    await ann.signIn()
    house.tick(60_000)
    expect(await house.read(ann, id)).toMatchObject({ status: 409, body: { code: 'dpo-not-told' } })
    house.mailbox.refuse(false)
    await house.weir.app.mail!.processAll()
    expect((await house.read(ann, id)).status).toBe(200)
    expect(house.mailbox.received.splice(0).length).toBeGreaterThan(0)
    house.tick(16 * 60_000)
    await Promise.all([ann.signIn(), ben.signIn()])
    const review = await ben.call('POST', `/api/disclosures/${id}/review`, { outcome: 'justified' })
    expect(review.status).toBe(200)
  })

  test('is sent once where several nodes send', async () => {
    await house.approve(ben, await house.ask(ann))
    await Promise.all([1, 2, 3].map(() => house.weir.app.mail!.processAll()))
    expect(house.mailbox.received.splice(0)).toHaveLength(1)
  })

  test('is not there where the approval was not', async () => {
    const id = await house.ask(ann)
    await ann.call('POST', `/api/disclosures/${id}/approval`, { totp: '000000' })
    await house.weir.app.mail!.processAll()
    expect(house.mailbox.received).toEqual([])
  })

  test('is sent by the worker on its own', async () => {
    house.weir.app.mail!.start()
    await house.approve(ben, await house.ask(ann))
    await until('a mail', () => house.mailbox.received.length === 1)
    await house.weir.app.mail!.stop()
    expect(house.mailbox.received[0]!.messageId).toMatch(/^<[0-9a-f-]{36}@weir\.test>$/)
  })
})

describe('without a way to the data protection officer', () => {
  test('nothing is disclosed in production, and the answer says what to set', async () => {
    const house = await openHouse({ withoutMail: true, mode: 'production' })
    try {
      const ann = await house.officer('compliance')
      const { status, body, headers } = await ann.call('POST', '/api/disclosures', aboutAlice())
      expect({ status, code: body.code }).toEqual({ status: 503, code: 'dpo-unreachable' })
      expect(body.detail).toMatch(/WEIR_SMTP_URL.*WEIR_DPO_EMAIL/)
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      expect((await house.read(ann, '00000000-0000-4000-8000-000000000000')).status).toBe(503)
    } finally {
      await house.stop()
    }
  })

  test('development goes on, and what would be sent waits', async () => {
    const house = await openHouse({ withoutMail: true })
    try {
      const [ann, ben] = [await house.officer('compliance'), await house.officer('compliance')]
      const id = await house.ask(ann)
      expect((await house.approve(ben, id)).status).toBe(200)
      expect((await house.read(ann, id)).status).toBe(200)
      expect(house.weir.app.mail).toBeUndefined()
      const { rowCount } = await house.weir.owner.$client.query('select from weir.mail_outbox where sent_at is null')
      expect(rowCount).toBe(1)
    } finally {
      await house.stop()
    }
  })
})
