import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import { createExports } from '../../../src/rights/access/desk.ts'
import { accessDocument, portabilityDocument } from '../../../src/rights/access/schema.ts'
import { openZip } from '../../support/open-zip.ts'
import { newDevice } from '../../support/test-app.ts'
import { type AskedFor, type House, openHouse, type Person } from './house.ts'

// A copy is handed to the person, who proves themselves again, and to nobody else.

const PASSPHRASE = 'correct horse battery staple'
const DAY = 86_400_000

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house?.stop())

interface Download {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
  readonly code: string | undefined
}

async function download({ requestId, secret }: AskedFor, body: JsonObject): Promise<Download> {
  const response = await fetch(`${house.weir.url}/v1/requests/${requestId}/download`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'weir-request-secret': secret },
    body: JSON.stringify({ passphrase: PASSPHRASE, ...body }),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  const isProblem = response.headers.get('content-type')?.includes('problem') === true
  const code = isProblem ? (JSON.parse(bytes.toString()) as { code: string }).code : undefined
  return { status: response.status, headers: response.headers, bytes, code }
}

/** A request that is done: its copy can be downloaded. */
async function ready(person: Person, right: 'access' | 'portability' = 'access'): Promise<AskedFor> {
  const asked = await house.ask({
    right,
    identifier: { type: 'user_id', value: person.userId },
    subjectToken: await house.session(person.userId),
    language: 'en',
  })
  await house.work()
  expect(await house.row(asked.requestId)).toMatchObject({ state: 'completed' })
  return asked
}

describe('a download', () => {
  test('is an archive of everything under the passphrase, to who signs in again; the look is entered first', async () => {
    const person = await house.person()
    const asked = await ready(person)
    const got = await download(asked, { subjectToken: await house.session(person.userId) })
    expect(got.status).toBe(200)
    expect(got.headers.get('content-type')).toBe('application/zip')
    expect(got.headers.get('content-disposition')).toMatch(/^attachment; filename="weir-access-\d{4}-\d\d-\d\d\.zip"$/)
    expect(got.headers.get('cache-control')).toBe('no-store')
    const files = openZip(got.bytes, PASSPHRASE)
    expect([...files.keys()]).toEqual(
      expect.arrayContaining(['README.txt', 'README.zh-CN.txt', 'access.html', 'access.json', 'access-1.schema.json']),
    )
    expect([...files.keys()].filter((name) => name.endsWith('.csv')).length).toBeGreaterThan(10)
    const document = accessDocument.parse(JSON.parse(files.get('access.json')!.toString()))
    expect(document.you.identifiers.map(({ value }) => value)).toEqual(
      expect.arrayContaining([person.userId, person.email, person.phone]),
    )
    expect(document.requestId).toBe(asked.requestId)
    expect(document.requests.map(({ id, right }) => [id, right])).toEqual([[asked.requestId, 'access']])
    expect(document.accesses.map(({ action }) => action)).toContain('access.export')
    expect(files.get('events.csv')!.toString().split('\r\n')).toHaveLength(document.events.length + 2)
    const [entry] = await house.weir.entries('access.export')
    expect(entry).toMatchObject({ actor: 'weir', resource: `request:${asked.requestId}`, outcome: 'released' })
    expect(JSON.parse(entry!.more!)).toMatchObject({ by: 'person', proof: 'session-token', format: 'all' })
    expect(house.weir.logged()).not.toContain(PASSPHRASE)
  })

  test('goes with a fresh code to the address on file, once', async () => {
    const person = await house.person()
    const asked = await ready(person)
    house.mailsTo(person.email)
    const headers = { 'weir-request-secret': asked.secret }
    const sent = await house.call('POST', `/v1/requests/${asked.requestId}/download/code`, {}, headers)
    expect(sent).toMatchObject({ status: 202, body: { asked: true } })
    await house.work()
    const [mail] = house.mailsTo(person.email)
    const code = /^[2-9A-Z]{8}$/m.exec(mail ?? '')?.[0]
    expect(code).toBeDefined()
    expect((await download(asked, { code: 'AAAAAAAA' })).code).toBe('code-wrong')
    expect((await download(asked, { code: code!, format: 'json' })).status).toBe(200)
    expect((await download(asked, { code: code! })).code).toBe('code-wrong')
  })

  test('of a device goes with that device’s secret', async () => {
    const device = newDevice()
    const choices = { personalisation: true }
    await house.weir.browser.post('/v1/consent', { ...device, choices })
    const event = { type: 'track', event: 'Product Viewed', properties: { product_id: 'P-7' }, messageId: randomUUID() }
    await house.weir.browser.post('/v1/batch', { batch: [{ ...event, anonymousId: device.anonymousId }] })
    const asked = await house.ask({
      right: 'access',
      identifier: { type: 'anonymous_id', value: device.anonymousId },
      anonymousSecret: device.anonymousSecret,
      language: 'en',
    })
    await house.work()
    expect((await download(asked, { ...newDevice() })).code).toBe('prove-again')
    const got = await download(asked, { ...device, format: 'json' })
    const document = JSON.parse(openZip(got.bytes, PASSPHRASE).get('access.json')!.toString()) as JsonObject
    expect(document).toMatchObject({ you: { identifiers: [{ type: 'anonymous_id', value: device.anonymousId }] } })
  })

  test('of what one provided is for another service: no decisions, nothing inferred', async () => {
    const person = await house.person()
    const asked = await ready(person, 'portability')
    const files = openZip(
      (await download(asked, { subjectToken: await house.session(person.userId) })).bytes,
      PASSPHRASE,
    )
    const data = portabilityDocument.parse(JSON.parse(files.get('data.json')!.toString()))
    expect(data.events.map(({ event }) => event)).toEqual(expect.arrayContaining(['Product Viewed', 'Order Completed']))
    expect(files.has('access.html')).toBe(false)
    expect(files.has('decisions.csv')).toBe(false)
  })

  test('is refused without a proof, with another person’s, and with one that was used', async () => {
    const [person, other] = [await house.person(), await house.person()]
    const asked = await ready(person)
    expect((await download(asked, {})).code).toBe('prove-again')
    expect((await download(asked, { subjectToken: await house.session(other.userId) })).code).toBe('prove-again')
    const subjectToken = await house.session(person.userId)
    expect((await download(asked, { subjectToken, format: 'csv' })).status).toBe(200)
    expect((await download(asked, { subjectToken })).code).toBe('prove-again')
  })

  test('is refused with a wrong secret, before it is ready, and with a weak passphrase, which uses nothing up', async () => {
    const person = await house.person()
    const asked = await ready(person)
    expect(await download({ ...asked, secret: 'x'.repeat(43) }, {})).toMatchObject({
      status: 404,
      code: 'request-unknown',
    })
    const early = await house.ask({ right: 'access', identifier: { type: 'user_id', value: person.userId } })
    expect((await download(early, {})).code).toBe('request-state')
    const weak = await download(asked, { passphrase: 'too short', subjectToken: await house.session(person.userId) })
    expect(weak).toMatchObject({ status: 400, code: 'passphrase-weak' })
  })

  test('may be made three times', async () => {
    const person = await house.person()
    const asked = await ready(person)
    const statuses: (number | string | undefined)[] = []
    for (let i = 0; i < 4; i++) {
      const got = await download(asked, { subjectToken: await house.session(person.userId), format: 'csv' })
      statuses.push(got.code ?? got.status)
    }
    expect(statuses).toEqual([200, 200, 200, 'download-over'])
  })

  test('waits where three are being made, and none is made for who hung up', async () => {
    const person = await house.person()
    const asked = await ready(person)
    const { id, secret } = { id: asked.requestId, secret: asked.secret }
    const exports = createExports({ ...house.weir.app.rights.deps, told: () => undefined })
    const ask = async () => ({
      id,
      secret,
      passphrase: PASSPHRASE,
      format: 'all' as const,
      addressPrefix: '203.0.113.0/24',
      subjectToken: await house.session(person.userId),
    })
    const open = [
      await exports.download(await ask()),
      await exports.download(await ask()),
      await exports.download(await ask()),
    ]
    await expect(exports.download(await ask())).rejects.toMatchObject({
      code: 'exports-busy',
      status: 503,
      retryAfter: 10,
    })
    for (const { archive } of open) {
      const closed = once(archive, 'close')
      archive.destroy()
      await closed
    }
    await expect(exports.download(await ask())).rejects.toMatchObject({ code: 'download-over' }) // not busy any more
  })

  test('that fails before its first byte uses nothing up', async () => {
    const person = await house.person()
    const asked = await ready(person)
    const { deps } = house.weir.app.rights
    const away = { append: () => Promise.reject(new Error('the log is away')) }
    const broken = createExports({ ...deps, audit: away, told: () => undefined })
    for (let i = 0; i < 4; i++) {
      const subjectToken = await house.session(person.userId)
      const more = { passphrase: PASSPHRASE, format: 'all' as const, addressPrefix: '203.0.113.0/24', subjectToken }
      await expect(broken.download({ id: asked.requestId, secret: asked.secret, ...more })).rejects.toThrow(
        'the log is away',
      )
    }
    expect((await download(asked, { subjectToken: await house.session(person.userId), format: 'csv' })).status).toBe(
      200,
    )
  })

  test('is refused once the person is erased', async () => {
    const person = await house.person()
    const asked = await ready(person)
    const { db } = house.weir
    await db.$client.query('delete from weir.request_person where request_id = $1', [asked.requestId])
    const got = await download(asked, { subjectToken: await house.session(person.userId) })
    expect(got).toMatchObject({ status: 409, code: 'person-erased' })
  })

  test('is over after seven days', async () => {
    const person = await house.person()
    const asked = await ready(person)
    house.weir.moveClock(7 * DAY + 1_000)
    try {
      const got = await download(asked, { subjectToken: await house.session(person.userId) })
      expect(got).toMatchObject({ status: 409, code: 'download-over' })
    } finally {
      house.weir.moveClock(-(7 * DAY + 1_000))
    }
  })
})

test('the schemas are served', async () => {
  const answer = await house.call('GET', '/schemas/access-1.json')
  expect(answer.headers.get('content-type')).toContain('application/schema+json')
  expect(answer.body).toMatchObject({ $id: 'urn:weir:schema:weir-access-1' })
  expect((await house.call('GET', '/schemas/other.json')).status).toBe(404)
})
