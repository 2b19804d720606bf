import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Endpoint } from '../../../src/destinations/endpoints.ts'
import { MESSAGE_KINDS } from '../../../src/destinations/outbox.ts'
import { isSigned } from '../../../src/destinations/standard-webhooks.ts'
import type { ToTell } from '../../../src/destinations/told.ts'
import { webhookRequest } from '../../../src/destinations/webhook.ts'
import type { Incoming } from '../../../src/rights/protocols/door.ts'
import {
  callbackDocument,
  cancelledDocument,
  discoveryDocument,
  errorDocument,
  parseOpenDsr,
  statusDocument,
  submittedDocument,
} from '../../../src/rights/protocols/opendsr.ts'
import { isFromShopify, parseShopify, type ShopifyTopic, strongestOf } from '../../../src/rights/protocols/shopify.ts'
import type { Request, State } from '../../../src/rights/request.ts'

// test/golden/doors: what each protocol says, and what it becomes here.
// biome-ignore lint/suspicious/noExplicitAny: golden files are read as they are written
function golden(name: string): any {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/doors', `${name}.json`), 'utf8'))
}

const at = (text: string): number => Date.parse(text)
const shown = (incoming: Incoming) => ({ ...incoming, receivedAt: new Date(incoming.receivedAt).toISOString() })

describe('an OpenDSR controller', () => {
  const requests = golden('opendsr-requests')
  test.each<{ name: string; body: unknown; incoming: object }>(requests.cases)('$name', ({ body, incoming }) => {
    const parsed = parseOpenDsr(body, { ...requests.context, now: at(requests.context.now) })
    if ('errors' in parsed) throw new Error(parsed.errors.map(({ message }) => message).join())
    expect(shown(parsed)).toEqual(incoming)
  })

  const refusals = golden('opendsr-refusals')
  test.each<{ name: string; body: unknown; reasons: string[] }>(refusals.cases)(
    'is refused $name',
    ({ body, reasons }) => {
      const parsed = parseOpenDsr(body, { ...refusals.context, now: at(refusals.context.now) })
      if (!('errors' in parsed)) throw new Error('it was taken in')
      expect(parsed.errors.map(({ reason, message }) => `${reason} ${message.split(':')[0]}`)).toEqual(reasons)
      const said = JSON.stringify(errorDocument(400, 'no', parsed))
      for (const text of ['hunter2', 'password', '0d4c1f', 'shoe_size', '169.254']) expect(said).not.toContain(text)
    },
  )
})

describe('an OpenDSR answer', () => {
  const answers = golden('opendsr-answers')
  const told = { controller: 'crm', foreignId: answers.submitted.document.subject_request_id as string }
  const request = (more: Partial<Request>): Request =>
    ({ targetAt: at(answers.targetAt), state: 'received', ...more }) as Request

  test('to discovery, a submission, a cancellation and an error is as it was agreed', () => {
    expect(discoveryDocument('https://weir.example')).toEqual(answers.discovery)
    const more = { raw: Buffer.from(answers.submitted.raw as string), now: at(answers.now) }
    expect(submittedDocument(request({}), told, more)).toEqual(answers.submitted.document)
    expect(cancelledDocument(told, at(answers.now))).toEqual(answers.cancelled)
    expect(errorDocument(400, 'what', { errors: [{ reason: 'invalid', message: 'what' }] })).toEqual(answers.error)
  })

  test.each<{ state: State; document: object; reason?: string; receipt?: string }>(answers.statuses)(
    'of a request that is $state',
    ({ state, document, ...columns }) => {
      const one = request({ state, ...columns })
      const more = { domain: 'weir.example', foundNobody: false }
      expect(statusDocument(one, told, more)).toEqual(document)
      const url = answers.callbackUrl as string
      expect(callbackDocument(one, told, { ...more, url })).toEqual({
        ...document,
        status_callback_url: url,
      })
    },
  )

  test('is later where somebody decided to take longer', () => {
    const more = { domain: 'weir.example', foundNobody: true }
    const document = statusDocument(request({ extendedUntil: at('2027-01-01T00:00:00Z') }), told, more)
    expect(document).toMatchObject({ expected_completion_time: '2027-01-01T00:00:00.000Z', results_count: 0 })
  })
})

describe('a webhook of Shopify', () => {
  const shopify = golden('shopify')
  const context = { controller: shopify.controller as string, now: at(shopify.now) }
  test.each<{ topic: ShopifyTopic; userIds: 'plain' | 'prefixed'; body: object; incoming: object }>(shopify.cases)(
    '$topic with $userIds user ids',
    ({ topic, userIds, body, incoming }) => {
      const raw = Buffer.from(JSON.stringify(body))
      const parsed = parseShopify(topic, raw, { ...context, userIds, webhookId: 'w-1' })!
      const { foreignId, ...rest } = shown(parsed)
      expect(rest).toEqual(incoming)
      expect(parseShopify(topic, raw, { ...context, userIds, webhookId: 'w-1' })!.foreignId).toBe(foreignId)
      expect(parseShopify(topic, raw, { ...context, userIds, webhookId: 'w-2' })!.foreignId).not.toBe(foreignId)
    },
  )

  test('that is not as it should be is not read', () => {
    for (const text of ['', '{', '[]', '{"shop_id":1}', '{"shop_id":1,"shop_domain":"a","customer":[]}']) {
      const raw = Buffer.from(text)
      expect(
        parseShopify('customers/redact', raw, { ...context, userIds: 'plain', webhookId: undefined }),
      ).toBeUndefined()
    }
  })

  test('is signed over its very bytes with the secret of the app', () => {
    const raw = Buffer.from('{"shop_id": 1}')
    const signature = createHmac('sha256', 'shpss_secret').update(raw).digest('base64')
    expect(isFromShopify('shpss_secret', signature, raw)).toBe(true)
    expect(isFromShopify('shpss_secret', signature, Buffer.from('{"shop_id":1}'))).toBe(false)
    expect(isFromShopify('another', signature, raw)).toBe(false)
    for (const forged of [undefined, '', 'AAAA', signature.slice(0, -4)]) {
      expect(isFromShopify('shpss_secret', forged, raw)).toBe(false)
    }
  })

  test('reaches the strongest identifier that is known; a phone number beside it is a hint alone', () => {
    const { topic, userIds, body } = shopify.cases[1]
    const incoming = parseShopify(topic, Buffer.from(JSON.stringify(body)), { ...context, userIds, webhookId: 'w' })!
    const reached = (...known: string[]) =>
      strongestOf(incoming, ({ type }) => known.includes(type)).identifiers.map(({ type, verified }) => [
        type,
        verified,
      ])
    expect(reached('user_id', 'email', 'phone')).toEqual([
      ['user_id', true],
      ['email', false],
      ['phone', false],
    ])
    expect(reached('user_id')).toEqual([['user_id', true]])
    expect(reached('email', 'phone')).toEqual([
      ['email', true],
      ['phone', false],
    ])
    expect(reached('phone')).toEqual([['phone', true]])
    expect(reached()).toEqual([['user_id', true]])
    expect(strongestOf(incoming, () => true).losses).toContain('identity-hint')
  })
})

describe('a signed webhook of ours', () => {
  const file = golden('webhook')
  const endpoint: Endpoint = {
    destinationId: 7,
    name: 'crm',
    protocol: 'webhook',
    url: 'https://crm.example/privacy',
    secret: file.secret as string,
    certificate: undefined,
    slaDays: 14,
  }
  const told: ToTell = { ...file.told, madeAt: at(file.told.madeAt), dueAt: at(file.told.dueAt), regime: undefined }

  test('says what it is to say, signed as another implementation signs it', () => {
    const { method, url, headers, body } = webhookRequest(endpoint, told, at(file.now))
    expect([method, url]).toEqual(['POST', endpoint.url])
    expect(JSON.parse(body!.toString())).toEqual(file.body)
    expect(headers).toEqual(file.headers)
    expect(isSigned(endpoint.secret, { headers: headers!, body: body!, now: at(file.now) + 299_000 })).toBe(true)
  })

  test('has a name for every kind', () => {
    const kinds = MESSAGE_KINDS.map((kind) => {
      const { body } = webhookRequest(endpoint, { ...told, kind }, at(file.now))
      return [kind, (JSON.parse(body!.toString()) as { kind: string }).kind]
    })
    expect(Object.fromEntries(kinds)).toEqual(file.kinds)
  })

  test('is good for five minutes, for its own id and for its own bytes', () => {
    const { headers = {}, body = Buffer.alloc(0) } = webhookRequest(endpoint, told, at(file.now))
    const signed = (more: object, bytes = body, now = at(file.now), secret = endpoint.secret): boolean =>
      isSigned(secret, { headers: { ...headers, ...more }, body: bytes, now })
    expect(signed({})).toBe(true)
    expect(signed({ 'webhook-signature': `v1,AAAA ${headers['webhook-signature']}` })).toBe(true) // a key is being replaced
    expect(signed({ 'webhook-signature': `v1a,${headers['webhook-signature']!.slice(3)}` })).toBe(false)
    expect(signed({ 'webhook-id': 'another' })).toBe(false)
    expect(signed({ 'webhook-timestamp': '1795420801' })).toBe(false)
    expect(signed({ 'webhook-timestamp': '1795420800.0' })).toBe(false)
    expect(signed({ 'webhook-id': undefined })).toBe(false)
    expect(signed({}, Buffer.from('{}'))).toBe(false)
    expect(signed({}, body, at(file.now) + 301_000)).toBe(false)
    expect(signed({}, body, at(file.now) - 301_000)).toBe(false)
    expect(signed({}, body, at(file.now), 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')).toBe(false)
  })
})
