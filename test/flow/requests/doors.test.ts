import { createHmac, randomUUID, verify, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import type { JsonObject } from '../../../src/event/event.ts'
import { addController, revokeController } from '../../../src/rights/protocols/controllers.ts'
import { findRequest, lockRequest, subjectsOf, writeRequest } from '../../../src/rights/rows.ts'
import { type FaultyServer, startFaultyServer } from '../../support/faulty-server.ts'
import { sent, startRecipient, wait } from '../../support/recipients.ts'
import { subjectOf } from '../../support/stored.ts'
import { createTestApp, order, type TestApp } from '../../support/test-app.ts'

// The doors for other systems, over real HTTP.
const HOUR_MS = 3_600_000
const SECRET = 'shpss_0123456789abcdef0123456789abcdef'
let weir: TestApp
let crm: FaultyServer
let token: string
let other: string
let certificate: X509Certificate

beforeAll(async () => {
  weir = await createTestApp()
  crm = await startFaultyServer('application/json', () => ({ status: 200, body: {} }))
  const host = new URL(crm.url).host
  const add = (given: Parameters<typeof addController>[2]) =>
    transaction(weir.owner, (tx) => addController(tx, weir.keyring, given))
  token = (await add({ name: 'crm', protocol: 'opendsr', callbackHosts: [host] })).token!
  other = (await add({ name: 'other', protocol: 'opendsr' })).token!
  await add({ name: 'our-app', protocol: 'shopify', secret: SECRET })
  await add({ name: 'second-app', protocol: 'shopify', secret: `${SECRET}2`, userIds: 'prefixed' })
  const answer = await fetch(`${weir.url}/.well-known/opendsr-cert.pem`)
  certificate = new X509Certificate(await answer.text())
})
afterAll(async () => {
  await crm.close()
  await weir.stop()
})

/** For the gateway and for its recipients. */
function pass(ms: number): void {
  weir.moveClock(ms)
  wait(weir, ms)
}

interface Said {
  readonly status: number
  readonly body: JsonObject
  readonly signed: boolean
}

async function dsr(method: string, path: string, body?: unknown, bearer = token): Promise<Said> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await fetch(`${weir.url}/v2/opendsr${path}`, {
    method,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: text }),
  })
  const raw = Buffer.from(await answer.arrayBuffer())
  return {
    status: answer.status,
    body: JSON.parse(raw.toString()) as JsonObject,
    signed:
      answer.headers.get('x-opendsr-processor-domain') === 'weir.test' &&
      holds(raw, answer.headers.get('x-opendsr-signature')),
  }
}

function holds(raw: Buffer, signature: string | null | undefined): boolean {
  return verify('sha256', raw, certificate.publicKey, Buffer.from(signature ?? '', 'base64'))
}

function asking(more: JsonObject = {}): JsonObject & { subject_request_id: string } {
  return {
    regulation: 'gdpr',
    subject_request_id: randomUUID(),
    subject_request_type: 'erasure',
    submitted_time: '2026-11-20T10:00:00Z',
    subject_identities: [{ identity_type: 'controller_customer_id', identity_value: 'ann', identity_format: 'raw' }],
    api_version: '2.0',
    status_callback_urls: [`${crm.url}/privacy`],
    ...more,
  }
}

async function requestOf(protocol: string, controller: string): Promise<string[]> {
  const { rows } = await weir.owner.$client.query<{ request_id: string }>(
    `select o.request_id from weir.request_origin o join weir.request r using (request_id)
     where protocol = $1 and controller = $2 order by r.number`,
    [protocol, controller],
  )
  return rows.map((row) => row.request_id)
}

describe('OpenDSR', () => {
  test('says what it can, and signs it by the certificate that it names', async () => {
    const { status, body, signed } = await dsr('GET', '/discovery', undefined, '')
    expect([status, signed]).toEqual([200, true])
    expect(body).toMatchObject({
      api_version: '2.0',
      supported_subject_request_types: ['access', 'portability', 'erasure'],
      processor_certificate: 'http://weir.test/.well-known/opendsr-cert.pem',
    })
    expect(certificate.checkHost('weir.test')).toBe('weir.test')
  })

  test('takes nothing from whoever holds no token, or one that was revoked', async () => {
    const { token: gone } = await transaction(weir.owner, (tx) =>
      addController(tx, weir.keyring, { name: 'gone', protocol: 'opendsr' }),
    )
    await transaction(weir.owner, (tx) => revokeController(tx, 'opendsr', 'gone'))
    for (const bearer of ['', 'wc_nobody-nobody-nobody-nobody', gone!]) {
      for (const [method, path, body] of [
        ['POST', '/requests', asking()],
        ['GET', `/requests/${randomUUID()}`, undefined],
        ['DELETE', `/requests/${randomUUID()}`, undefined],
      ] as const) {
        const said = await dsr(method, path, body, bearer)
        expect([said.status, (said.body.error as JsonObject).code, said.signed]).toEqual([401, 401, true])
      }
    }
  })

  test('carries an erasure from pending to completed, and calls back at each state, in order and signed', async () => {
    await weir.grant('ann', 'attribution', 'personalisation')
    await weir.send(order('ann', 'o-1', ['sku-1']))
    const ann = (await subjectOf(weir, 'user_id', 'ann'))!
    const shop = await startRecipient(weir, 'told-by-door')
    await sent(weir, ann, shop.destinationId, ['user_id:raw', 'ann'])
    const document = asking()
    const path = `/requests/${document.subject_request_id}`
    const taken = await dsr('POST', '/requests', document)
    expect([taken.status, taken.signed]).toEqual([201, true])
    expect(taken.body).toEqual({
      controller_id: 'crm',
      expected_completion_time: '2026-12-05T10:00:00.000Z', // fifteen days from when the person asked the controller
      received_time: expect.stringMatching(/Z$/),
      encoded_request: Buffer.from(JSON.stringify(document)).toString('base64'),
      subject_request_id: document.subject_request_id,
    })
    const [id] = await requestOf('opendsr', 'crm')
    const request = (await findRequest(weir.db, id!))!
    expect(request).toMatchObject({ right: 'erasure', door: 'opendsr', regime: 'GDPR', verifiedBy: 'processor' })
    expect(new Date(request.receivedAt).toISOString()).toBe('2026-11-20T10:00:00.000Z')

    await weir.app.rights.processAll()
    expect((await findRequest(weir.db, id!))!.state).toBe('cooling_off')
    expect(await subjectsOf(weir.db, id!)).toEqual([ann])
    const pending = await dsr('GET', path)
    expect([pending.status, pending.body.request_status, pending.signed]).toEqual([200, 'pending', true])

    pass(25 * HOUR_MS)
    await weir.app.rights.processAll()
    pass(60_000)
    await weir.app.rights.processAll()
    const done = await dsr('GET', path)
    expect(done.body.request_status).toBe('completed')
    expect(done.body.extensions).toMatchObject({ 'weir.test': { receipt: expect.stringMatching(/^eyJ/) } })
    expect(shop.told.length).toBe(1)
    expect(await subjectOf(weir, 'user_id', 'ann')).toBeUndefined()

    pass(60_000)
    await weir.app.rights.processAll()
    const calls = crm.asked.filter(({ text }) => text.includes(document.subject_request_id))
    expect(calls.map(({ text }) => (JSON.parse(text) as JsonObject).request_status)).toEqual([
      'in_progress',
      'completed',
    ])
    for (const { headers, text } of calls) {
      expect(holds(Buffer.from(text), headers['x-opendsr-signature'] as string)).toBe(true)
      expect(headers['x-opengdpr-signature']).toBe(headers['x-opendsr-signature'])
      expect(JSON.parse(text)).toMatchObject({
        controller_id: 'crm',
        subject_request_id: document.subject_request_id,
        status_callback_url: `${crm.url}/privacy`,
      })
    }
    const { rows } = await weir.owner.$client.query(
      'select sealed, sent_at is not null as sent from weir.request_callback where request_id = $1',
      [id],
    )
    expect(rows).toEqual([{ sealed: null, sent: true }])
    await shop.close()
  })

  test('the same again, also at the same moment, is the same request', async () => {
    const before = (await requestOf('opendsr', 'crm')).length
    const document = asking({ status_callback_urls: [] })
    const answers = await Promise.all([1, 2, 3, 4].map(() => dsr('POST', '/requests', document)))
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201])
    expect((await requestOf('opendsr', 'crm')).length).toBe(before + 1)
    // Another controller's number is another request, and neither sees the other's.
    expect((await dsr('GET', `/requests/${document.subject_request_id}`, undefined, other)).status).toBe(404)
    const theirs = await dsr('POST', '/requests', document, other)
    expect(theirs.body.controller_id).toBe('other')
    expect((await requestOf('opendsr', 'other')).length).toBe(1)
  })

  test('is cancelled while it is pending, and not once it is under way', async () => {
    await weir.grant('bob', 'personalisation')
    const early = asking({
      subject_identities: [{ identity_type: 'controller_customer_id', identity_value: 'bob', identity_format: 'raw' }],
    })
    await dsr('POST', '/requests', early)
    await weir.app.rights.processAll()
    const cancelled = await dsr('DELETE', `/requests/${early.subject_request_id}`)
    expect([cancelled.status, cancelled.body.subject_request_id, cancelled.signed]).toEqual([
      202,
      early.subject_request_id,
      true,
    ])
    expect((await dsr('GET', `/requests/${early.subject_request_id}`)).body.request_status).toBe('cancelled')
    expect((await dsr('DELETE', `/requests/${early.subject_request_id}`)).status).toBe(202)
    const { rows } = await weir.owner.$client.query('select from weir.subject where restricted_at is not null')
    expect(rows).toEqual([])

    const late = asking({ subject_request_type: 'access' })
    await dsr('POST', '/requests', late)
    const [id] = (await requestOf('opendsr', 'crm')).slice(-1)
    await transaction(weir.owner, async (tx) => {
      await lockRequest(tx, id!)
      await writeRequest(tx, id!, { state: 'executing', nextAt: Date.now() + 9e9 })
    })
    const refused = await dsr('DELETE', `/requests/${late.subject_request_id}`)
    expect([refused.status, (refused.body.error as JsonObject).code, refused.signed]).toEqual([400, 400, true])
    expect((await dsr('GET', `/requests/${late.subject_request_id}`)).body.request_status).toBe('in_progress')
  })

  test('tells of a refusal as cancelled with its reason, and never as completed', async () => {
    const document = asking({ status_callback_urls: [] })
    await dsr('POST', '/requests', document)
    const [id] = (await requestOf('opendsr', 'crm')).slice(-1)
    await transaction(weir.owner, async (tx) => {
      await lockRequest(tx, id!)
      await writeRequest(tx, id!, { state: 'denied', reason: 'manifestly-unfounded', closedAt: Date.now() })
    })
    const { body } = await dsr('GET', `/requests/${document.subject_request_id}`)
    expect(body).toMatchObject({
      request_status: 'cancelled',
      extensions: { 'weir.test': { state: 'denied', denial_reason: 'manifestly-unfounded' } },
    })
  })

  test('says of which identities nothing was looked for, and then not that there is nothing', async () => {
    const identities = [
      { identity_type: 'email', identity_value: `nobody-${randomUUID()}@example.org`, identity_format: 'raw' },
      { identity_type: 'android_advertising_id', identity_value: randomUUID(), identity_format: 'raw' },
    ]
    for (const [subject_identities, expected] of [
      [identities, undefined],
      [identities.slice(0, 1), 0],
    ] as const) {
      const document = asking({ subject_request_type: 'access', status_callback_urls: [], subject_identities })
      await dsr('POST', '/requests', document)
      await weir.app.rights.processAll()
      const { body } = await dsr('GET', `/requests/${document.subject_request_id}`)
      expect(body).toMatchObject({ request_status: 'completed' })
      expect(body.results_count).toBe(expected)
      expect(body.extensions).toEqual(
        expected === 0 ? undefined : { 'weir.test': { identities_not_looked_for: ['identity-type'] } },
      )
    }
  })

  test('answers what it cannot read in its own form, and quotes nothing', async () => {
    const marker = `marker-${randomUUID()}`
    const bodies = [
      '{',
      '[]',
      '"text"',
      JSON.stringify(asking({ [marker]: marker })),
      JSON.stringify(asking({ subject_request_id: marker })),
      JSON.stringify(
        asking({ subject_identities: [{ identity_type: 'email', identity_value: marker, identity_format: 'sha256' }] }),
      ),
      JSON.stringify(asking({ status_callback_urls: [`https://${marker}.example/`] })),
      JSON.stringify(asking({ status_callback_urls: ['http://169.254.169.254/latest/meta-data'] })),
      '['.repeat(100) + ']'.repeat(100),
      JSON.stringify(asking({ extensions: { 'a.example': 'a'.repeat(70_000) } })),
    ]
    for (const body of bodies) {
      const { status, body: said, signed } = await dsr('POST', '/requests', body)
      expect([status, signed]).toEqual([400, true])
      expect(said).toEqual({
        error: { code: 400, message: expect.any(String), errors: [expect.objectContaining({ domain: 'weir' })] },
      })
      expect(JSON.stringify(said)).not.toContain(marker)
    }
    expect(weir.logged()).not.toContain(marker)
    for (const id of ['', '/', `/${marker}`, `/${randomUUID()}`]) {
      expect(
        (await fetch(`${weir.url}/v2/opendsr/requests${id}`, { headers: { authorization: `Bearer ${token}` } })).status,
      ).toBeGreaterThan(403)
    }
  })

  test('honours the earlier name of the protocol', async () => {
    const document = asking({ status_callback_urls: [] })
    expect((await dsr('POST', '/opengdpr_requests', document)).status).toBe(201)
    expect((await dsr('GET', `/opengdpr_requests/${document.subject_request_id}`)).body.request_status).toBe('pending')
    expect((await dsr('DELETE', `/requests/${document.subject_request_id}`)).status).toBe(202)
  })

  test('a callback that fails is tried again, and states come in order nonetheless', async () => {
    const document = asking({ subject_request_type: 'access' })
    await dsr('POST', '/requests', document)
    await weir.app.rights.runner.processAll()
    crm.fail({ kind: 'status', status: 500 }, 2, ({ text }) => text.includes(document.subject_request_id))
    const told = (): unknown[] =>
      crm.asked
        .filter(({ text }) => text.includes(document.subject_request_id))
        .map(({ text }) => (JSON.parse(text) as JsonObject).request_status)
    for (let turn = 0; turn < 3; turn++) {
      await weir.app.rights.processAll()
      pass(120_000)
    }
    expect(told()).toEqual(['in_progress', 'in_progress', 'in_progress', 'completed'])
  })

  test('keeps what a controller said sealed, and the losses of the protocol in the open', async () => {
    const marker = `marker-${randomUUID()}`
    const document = asking({
      subject_identities: [
        { identity_type: 'controller_customer_id', identity_value: marker, identity_format: 'raw' },
        { identity_type: 'android_id', identity_value: marker, identity_format: 'raw' },
        { identity_type: 'email', identity_value: marker, identity_format: 'md5' },
      ],
    })
    await dsr('POST', '/requests', document)
    const [id] = (await requestOf('opendsr', 'crm')).slice(-1)
    const { rows } = await weir.owner.$client.query<{ losses: string[]; text: string }>(
      `select o.losses, o::text || (select string_agg(c::text, '') from weir.request_content c where c.request_id = o.request_id)
         || (select string_agg(c::text, '') from weir.request_callback c where c.request_id = o.request_id) as text
       from weir.request_origin o where request_id = $1`,
      [id],
    )
    expect(rows[0]!.losses).toEqual(['identity-format', 'identity-type', 'language'])
    for (const text of [marker, document.subject_request_id, crm.url, '/privacy']) {
      expect(rows[0]!.text).not.toContain(text)
      expect(rows[0]!.text).not.toContain(Buffer.from(text).toString('hex'))
    }
  })
})

describe('Shopify', () => {
  const customer = { id: 42, email: 'ann@example.com', phone: '+8613800000000' }
  const body = (more: Record<string, unknown> = {}): string =>
    JSON.stringify({ shop_id: 1, shop_domain: 'main.myshopify.com', customer, orders_to_redact: [], ...more })

  function hook(
    topic: string,
    text: string,
    { secret = SECRET, ...headers }: Record<string, string> = {},
  ): Promise<Response> {
    const signature = createHmac('sha256', secret).update(text).digest('base64')
    return fetch(`${weir.url}/hooks/shopify/${topic}`, {
      method: 'POST',
      body: text,
      headers: {
        'content-type': 'application/json',
        'x-shopify-hmac-sha256': signature,
        'x-shopify-webhook-id': randomUUID(),
        ...headers,
      },
    })
  }

  test('is answered 401 unless the very bytes are signed with the secret of a known app', async () => {
    const forged: Record<string, string>[] = [
      { secret: 'shpss_another' },
      { 'x-shopify-hmac-sha256': '' },
      { 'x-shopify-hmac-sha256': 'AAAA' },
      { 'x-shopify-hmac-sha256': createHmac('sha256', SECRET).update(`${body()} `).digest('base64') },
      { 'x-shopify-hmac-sha256': createHmac('sha256', SECRET).update(body()).digest('hex') },
    ]
    for (const headers of forged) {
      const answer = await hook('customers/redact', body(), headers)
      expect([answer.status, ((await answer.json()) as JsonObject).code]).toEqual([401, 'hmac-invalid'])
    }
    expect(await requestOf('shopify', 'our-app')).toEqual([])
    expect((await hook('customers/redact', 'no JSON')).status).toBe(400)
  })

  test('a customer’s erasure is there when it is answered, once however often it is sent', async () => {
    await weir.grant('42', 'personalisation')
    const headers = { 'x-shopify-webhook-id': randomUUID() }
    const answers = await Promise.all([1, 2, 3].map(() => hook('customers/redact', body(), headers)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    const [id, ...more] = await requestOf('shopify', 'our-app')
    expect(more).toEqual([])
    expect(await findRequest(weir.db, id!)).toMatchObject({ right: 'erasure', door: 'shopify', state: 'received' })
    await weir.app.rights.runner.processAll()
    expect((await findRequest(weir.db, id!))!.state).toBe('cooling_off')
    expect(await subjectsOf(weir.db, id!)).toEqual([await subjectOf(weir, 'user_id', '42')])
  })

  test('a phone number that is another customer’s widens nothing: an officer decides', async () => {
    await weir.grant('43', 'personalisation')
    await weir.grant('victim', 'personalisation')
    await weir.send({ type: 'identify', userId: 'victim', traits: { phone: '+8613900000009' } })
    const contacts = await weir.server.post('/v1/contacts', { userId: 'victim', phone: '+8613900000009' })
    expect(contacts.status).toBeLessThan(300)
    await hook('customers/redact', body({ customer: { id: 43, phone: '+8613900000009' } }))
    const [id] = (await requestOf('shopify', 'our-app')).slice(-1)
    await weir.app.rights.runner.processAll()
    expect(await subjectsOf(weir.db, id!)).toEqual([await subjectOf(weir, 'user_id', '43')])
    expect(await findRequest(weir.db, id!)).toMatchObject({ state: 'verified', needsOfficer: true })
  })

  test('what was signed for one topic is not taken for another', async () => {
    const before = await requestOf('shopify', 'our-app')
    const copy = body({ orders_requested: [1], orders_to_redact: undefined })
    expect((await hook('customers/redact', copy)).status).toBe(400)
    expect((await hook('customers/redact', body({ data_request: { id: 9 } }))).status).toBe(400)
    expect((await hook('customers/data_request', body())).status).toBe(400)
    expect((await hook('shop/redact', body())).status).toBe(400)
    expect(await requestOf('shopify', 'our-app')).toEqual(before)
  })

  test('what a shop asks for as a whole is the officers’', async () => {
    expect((await hook('shop/redact', JSON.stringify({ shop_id: 1, shop_domain: 'a.myshopify.com' }))).status).toBe(200)
    const [id] = (await requestOf('shopify', 'our-app')).slice(-1)
    expect(await findRequest(weir.db, id!)).toMatchObject({ state: 'verified', needsOfficer: true, right: 'erasure' })
    await weir.app.rights.runner.processAll()
    expect((await findRequest(weir.db, id!))!.state).toBe('verified')
  })

  test('each app’s customers have the user ids that the operator said', async () => {
    await weir.grant('shopify:44', 'personalisation')
    const text = body({
      customer: { id: 44 },
      data_request: { id: 9 },
      orders_requested: [],
      orders_to_redact: undefined,
    })
    expect((await hook('customers/data_request', text, { secret: `${SECRET}2` })).status).toBe(200)
    const [id] = await requestOf('shopify', 'second-app')
    await weir.app.rights.runner.processAll()
    expect(await subjectsOf(weir.db, id!)).toEqual([await subjectOf(weir, 'user_id', 'shopify:44')])
    expect((await findRequest(weir.db, id!))!.right).toBe('access')
  })
})

test('the keys that check receipts are published', async () => {
  const answer = await fetch(`${weir.url}/.well-known/jwks.json`)
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  const { keys } = (await answer.json()) as { keys: JsonObject[] }
  expect(keys.map(({ kty, crv, alg, use }) => [kty, crv, alg, use])).toEqual([
    ['OKP', 'Ed25519', 'EdDSA', 'sig'],
    ['OKP', 'Ed25519', 'EdDSA', 'tlog'],
  ])
  expect(keys.some((key) => 'd' in key)).toBe(false)
})

test('in production there is no OpenDSR without a key and a certificate', async () => {
  const closed = await createTestApp({ mode: 'production', publicUrl: 'https://weir.example' })
  for (const path of [
    '/v2/opendsr/discovery',
    '/.well-known/opendsr-cert.pem',
    `/v2/opendsr/requests/${randomUUID()}`,
  ]) {
    expect((await fetch(closed.url + path)).status).toBe(404)
  }
  expect((await fetch(`${closed.url}/v2/opendsr/requests`, { method: 'POST', body: '{}' })).status).toBe(404)
  await closed.stop()
})
