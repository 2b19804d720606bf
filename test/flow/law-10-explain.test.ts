import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Json, JsonObject } from '../../src/event/event.ts'
import { answerSchema } from '../../src/http/routes/decisions.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { policyWith, recordingModule, twoModules } from '../support/recording-module.ts'
import { makeShop } from '../support/subject-tokens.ts'
import { type Caller, createTestApp, newDevice, speakingFor, type TestApp, track } from '../support/test-app.ts'

const second = recordingModule('second', 'attribution')
let weir: TestApp
let policyDir: string
let officer: Caller
beforeAll(async () => {
  policyDir = await policyWith(twoModules)
  weir = await createTestApp({ policyDir, modules: [recommendation, second.module], prepare: second.prepare })
  officer = await weir.token('compliance')
})
afterAll(async () => {
  await weir.stop()
  await rm(policyDir, { recursive: true })
})

const BOTH = { personalisation: true, attribution: true }

async function choose(userId: string, choices: JsonObject): Promise<string> {
  const { body } = await weir.server.post('/v1/consent', { userId, choices })
  return String(body.recordId)
}

/** Sends one event and returns its id. */
async function send(
  event: JsonObject,
  by: Caller = weir.server,
  headers: Record<string, string> = {},
): Promise<string> {
  const messageId = randomUUID()
  expect((await by.post('/v1/batch', { batch: [{ messageId, ...event }] }, headers)).status).toBe(200)
  return messageId
}

async function explanation(messageId: string): Promise<JsonObject> {
  const answer = await officer.get(`/api/decisions/${messageId}`)
  expect(answer.status).toBe(200)
  answerSchema.parse(answer.body) // every field as /openapi.json has it
  return answer.body
}

interface Route {
  destination: string
  permitted: boolean
  clauses: { clause: string; says: string; line: number }[]
  wouldPermit?: { choices: { purpose: string; act: string }[] }
}

function route(body: JsonObject, destination: string): Route {
  return (body.destinations as unknown as Route[]).find((one) => one.destination === destination)!
}

const view = (userId: string, more: JsonObject = {}): JsonObject =>
  track(userId, 'Product Viewed', { product_id: 'tea', price: 3, brand: 'Leaf', shoe_size: 9 }, more)

test('an accepted event: every destination with its clause, the policy, the record, the removed fields', async () => {
  const recordId = await choose('eve', BOTH)
  const body = await explanation(await send(view('eve')))
  expect(body).toMatchObject({
    event: 'Product Viewed',
    outcome: 'permitted',
    source: 'shop-server',
    policy: { name: 'shop', version: weir.app.active().compiled.version },
    consent: { granted: ['attribution', 'personalisation'], refused: [], refusedBySignal: [] },
    consentRecord: recordId,
    consentEpoch: 1,
    fields: { removed: ['properties.brand'], unclassified: 1 },
  })
  for (const destination of ['recommendation', 'second']) {
    expect(route(body, destination)).toMatchObject({
      permitted: true,
      clauses: [{ clause: 'granted', line: expect.any(Number) }],
    })
  }
  expect(body.wouldRefuse).toMatchObject({ choices: [{ act: 'refuse' }] })
})

test('the entry in the audit log names the same position as the answer', async () => {
  const { position } = await explanation(await send(view('nobody-at-all')))
  const { body } = await officer.get('/api/audit/entries?action=decision.read&limit=1000')
  const entries = body.entries as unknown as { resource: string }[]
  expect(entries.at(-1)?.resource).toBe(`decision:${String(position)}`)
})

test('an event that one destination may have and another not', async () => {
  const recordId = await choose('half', { personalisation: true, attribution: false })
  const body = await explanation(await send(view('half')))
  expect(body).toMatchObject({ outcome: 'permitted', consentRecord: recordId })
  expect((body.fields as JsonObject).removed).toEqual(['properties.brand', 'properties.price'])
  expect(route(body, 'recommendation').permitted).toBe(true)
  expect(route(body, 'second')).toMatchObject({
    permitted: false,
    clauses: [{ clause: 'refused-by-person' }, { clause: 'no-consent' }],
    wouldPermit: {
      choices: [
        { purpose: 'attribution', act: 'take-back-refusal' },
        { purpose: 'attribution', act: 'grant' },
      ],
    },
  })
})

describe('refused, each for its reason, and the advice that is given works', () => {
  test('no consent: the smallest grant opens it', async () => {
    const body = await explanation(await send(view('nobody-yet')))
    expect(body).toMatchObject({ outcome: 'refused', reason: 'no-consent', consentRecord: null, consentEpoch: null })
    expect(route(body, 'second').clauses).toMatchObject([{ clause: 'no-consent' }])
    await follow('nobody-yet', body)
  })

  test('refused by the person: the record of the refusal is named, and taking it back opens it', async () => {
    await choose('refuser', BOTH)
    const recordId = await choose('refuser', { personalisation: false, attribution: false })
    const body = await explanation(await send(view('refuser')))
    expect(body).toMatchObject({ outcome: 'refused', reason: 'refused-by-person', consentRecord: recordId })
    await follow('refuser', body)
  })

  test('refused by a signal: the same event without the signal is accepted', async () => {
    const recordId = await choose('gpc', { attribution: true, personalisation: false })
    const body = await explanation(await send(view('gpc'), weir.server, { 'sec-gpc': '1' }))
    expect(body).toMatchObject({
      outcome: 'refused',
      reason: 'refused-by-signal',
      consentRecord: recordId,
      consent: { granted: ['attribution'], refusedBySignal: ['attribution', 'advertising'] },
      wouldPermit: { choices: [{ purpose: 'attribution', act: 'send-without-signal' }] },
    })
    expect(await explanation(await send(view('gpc')))).toMatchObject({ outcome: 'permitted' })
  })

  test('narrowed by Sec-GPC: one destination is closed by the signal, the other stays open', async () => {
    await choose('gpc-2', BOTH)
    const body = await explanation(await send(view('gpc-2'), weir.server, { 'sec-gpc': '1' }))
    expect(body).toMatchObject({ outcome: 'permitted' })
    expect(route(body, 'recommendation').permitted).toBe(true)
    expect(route(body, 'second')).toMatchObject({ permitted: false, clauses: [{ clause: 'refused-by-signal' }] })
  })

  test('unknown event: no destination, and no choice would have opened it', async () => {
    await choose('eve-2', BOTH)
    const body = await explanation(await send(track('eve-2', 'Never Heard Of', { secret: 'x' })))
    expect(body).toMatchObject({ outcome: 'refused', reason: 'unknown-event', destinations: [] })
    expect(body.wouldPermit).toBeUndefined()
    expect(JSON.stringify(body)).not.toContain('Never Heard Of') // the name was not kept: it could say anything
  })

  test('an event that goes to nobody', async () => {
    const body = await explanation(await send(track('eve-2', 'Product Shared', { product_id: 'tea' })))
    expect(body).toMatchObject({ outcome: 'refused', reason: 'no-route', destinations: [] })
    expect(body.wouldPermit).toBeUndefined()
  })

  test('nobody to hold it for: a browser that names only a user', async () => {
    const body = await explanation(await send(view('eve-2'), weir.browser))
    expect(body).toMatchObject({ outcome: 'refused', reason: 'no-subject', consentRecord: null })
  })

  test('a withdrawal does not rewrite what was decided before it: the explanation says what was erased since', async () => {
    await choose('changed-her-mind', BOTH)
    const messageId = await send(view('changed-her-mind'))
    const before = await explanation(messageId)
    expect(before).toMatchObject({ outcome: 'permitted', erasedSince: [] })
    await choose('changed-her-mind', { personalisation: false, attribution: false })
    await weir.settle()
    const after = await explanation(messageId)
    expect(after).toMatchObject({ outcome: 'permitted', consent: before.consent })
    expect((after.erasedSince as string[]).length).toBeGreaterThan(0)
  })

  test('too old: what was granted then would have been kept too long', async () => {
    await choose('old', BOTH)
    const body = await explanation(await send(view('old', { timestamp: '2019-01-01T00:00:00Z' })))
    expect(body).toMatchObject({ outcome: 'refused', reason: 'expired' })
    expect(route(body, 'second')).toMatchObject({ permitted: false, clauses: [{ clause: 'expired' }] })
    expect(body.wouldPermit).toBeUndefined()
  })

  test('a refusal that came over a confirmed device names the record of that device’s choice', async () => {
    const device = newDevice()
    await weir.server.post('/v1/consent', { userId: 'linked', anonymousId: device.anonymousId, choices: BOTH })
    const refusal = await weir.server.post('/v1/consent', {
      anonymousId: device.anonymousId,
      choices: { personalisation: false, attribution: false },
    })
    const body = await explanation(await send(view('linked')))
    expect(body).toMatchObject({
      outcome: 'refused',
      reason: 'refused-by-person',
      consentRecord: refusal.body.recordId,
    })
  })

  test('the user’s grant that permits is named, not the device’s record of something else', async () => {
    const { anonymousId } = newDevice()
    await weir.server.post('/v1/consent', { anonymousId, choices: { analytics: true } })
    const grant = await weir.server.post('/v1/consent', { userId: 'granter', choices: BOTH })
    const body = await explanation(await send(view('granter', { anonymousId })))
    expect(body).toMatchObject({ outcome: 'permitted', consentRecord: grant.body.recordId })
  })

  test('a refusal that a new link brought along is named by the record that its device was told', async () => {
    const { anonymousId } = newDevice()
    const choices = { personalisation: false, attribution: false }
    const refusal = await weir.server.post('/v1/consent', { anonymousId, choices })
    await weir.server.post('/v1/consent', { userId: 'merged', choices: BOTH })
    await weir.server.post('/v1/alias', { userId: 'merged', previousId: anonymousId })
    const body = await explanation(await send(view('merged')))
    expect(body).toMatchObject({ outcome: 'refused', consentRecord: refusal.body.recordId })
  })

  test('too many new devices: said to the officer, and not to the browser', async () => {
    const shop = await makeShop()
    const source = await weir.source({ kind: 'browser', origins: ['https://shop.example'], subjectKey: shop.jwk })
    await choose('crowd', BOTH)
    const batch = Array.from({ length: 640 }, () => ({
      messageId: randomUUID(),
      ...view('crowd', { anonymousId: randomUUID() }),
    }))
    const headers = { 'weir-subject-token': await shop.sign('crowd') }
    const answer = await source.post('/v1/batch', { batch }, headers)
    expect(new Set((answer.body.results as { outcome: string }[]).map((one) => one.outcome))).toEqual(
      new Set(['accepted']),
    )
    const reasons = await Promise.all(
      batch.slice(-20).map(async (event) => (await explanation(event.messageId)).reason),
    )
    expect(reasons).toContain('too-many-new-subjects')
  })

  /** Makes exactly the choices that were advised, and sends the event again. */
  async function follow(userId: string, body: JsonObject): Promise<void> {
    const { choices, destinations } = body.wouldPermit as unknown as {
      choices: { purpose: string }[]
      destinations: string[]
    }
    await choose(userId, Object.fromEntries(choices.map(({ purpose }) => [purpose, true])))
    const after = await explanation(await send(view(userId)))
    expect(after.outcome).toBe('permitted')
    for (const destination of destinations) expect(route(after, destination).permitted).toBe(true)
    const others = (after.destinations as unknown as Route[]).filter((one) => !destinations.includes(one.destination))
    expect(others.map((one) => one.permitted)).not.toContain(true) // the smallest change opened no more than it said
  }
})

test('what is told of the event holds nothing of its content, its ids or its subject', async () => {
  await choose('private', BOTH)
  const messageId = await send(view('private', { context: { campaign: { source: 'mail' } } }))
  const { rows } = await weir.owner.$client.query('select subject_id from weir.event_log order by pos desc limit 1')
  const told = JSON.stringify(await explanation(messageId))
  for (const value of ['private', 'Leaf', 'shoe', String(rows[0].subject_id)]) expect(told).not.toContain(value)
})

test('an event decided under an earlier policy is explained by that one', async () => {
  await choose('then', BOTH)
  const messageId = await send(view('then'))
  const version = weir.app.active().compiled.version
  await weir.owner.$client.query(
    `insert into weir.policy_version (fingerprint, source) select 'later', source from weir.policy_version where version = $1`,
    [version],
  )
  expect(await explanation(messageId)).toMatchObject({ policy: { version } })
})

describe('who may look, and that every look is recorded first', () => {
  async function entries(): Promise<{ actor: string; action: string; resource: string; outcome: string }[]> {
    const all = await weir.entries()
    return all.map(({ actor, action, resource, outcome }) => ({ actor, action, resource, outcome }))
  }

  test('only compliance and auditors; everybody else is 403, and without a token 401', async () => {
    const messageId = await send(view('eve'))
    for (const role of ['compliance', 'auditor'] as const) {
      expect((await (await weir.token(role)).get(`/api/decisions/${messageId}`)).status).toBe(200)
    }
    const before = (await entries()).length
    for (const role of ['analyst', 'merchandiser', 'operator'] as const) {
      const answer = await (await weir.token(role)).get(`/api/decisions/${messageId}`)
      expect([role, answer.status]).toEqual([role, 403])
      expect(answer.text).not.toContain('destinations')
    }
    expect((await fetch(`${weir.url}/api/decisions/${messageId}`)).status).toBe(401)
    const added = (await entries()).slice(before)
    expect(added.map((entry) => entry.outcome)).toEqual(['refused', 'refused', 'refused']) // they tried: that is a look too
    expect(JSON.stringify(added)).not.toContain(messageId)
  })

  test('the entry is there before the answer, names the looker and not the person; also where nothing is found', async () => {
    const messageId = await send(view('eve'))
    const before = (await entries()).length
    await explanation(messageId)
    expect((await officer.get(`/api/decisions/${randomUUID()}`)).status).toBe(404)
    const added = (await entries()).slice(before)
    expect(added).toEqual([
      {
        actor: expect.stringMatching(/^token:/),
        action: 'decision.read',
        resource: expect.stringMatching(/^decision:\d+$/),
        outcome: 'released',
      },
      {
        actor: expect.stringMatching(/^token:/),
        action: 'decision.read',
        resource: 'decision:unknown',
        outcome: 'refused',
      },
    ])
    expect(JSON.stringify(added)).not.toContain(messageId)
  })

  test('where the entry cannot be written, nothing is released: no decision, no choices, no recommendation, no log', async () => {
    await choose('guarded', BOTH)
    await weir.send(view('guarded'))
    await weir.settle()
    const messageId = await send(view('guarded'))
    const looks: [Caller, string, Record<string, string>][] = [
      [officer, `/api/decisions/${messageId}`, {}],
      [officer, '/api/audit/entries', {}],
      [weir.server, '/v1/consent', speakingFor({ userId: 'guarded' })],
      [weir.server, '/v1/recommendations?placement=for_you', speakingFor({ userId: 'guarded' })],
    ]
    await weir.owner.$client.query('revoke insert on weir.audit_queue from weir_app')
    try {
      for (const [caller, path, headers] of looks) {
        const answer = await caller.get(path, headers)
        expect([path, answer.status]).toEqual([path, path.startsWith('/api/') ? 500 : 503]) // SDKs are told to come again
        expect(answer.text).not.toMatch(/destinations|choices|entries|items|personal/)
      }
    } finally {
      await weir.owner.$client.query('grant insert on weir.audit_queue to weir_app')
    }
    for (const [caller, path, headers] of looks) expect((await caller.get(path, headers)).status).toBe(200)
  })

  test('entries cannot be changed or removed, by the gateway or by the owner', async () => {
    for (const db of [weir.db, weir.owner]) {
      for (const statement of [
        "update weir.audit_entry set actor = 'x'",
        'delete from weir.audit_entry',
        'truncate weir.audit_entry',
      ]) {
        await expect(db.$client.query(statement)).rejects.toMatchObject({ code: '42501' })
      }
    }
  })

  test('entries are numbered without a gap, also when many look at once', async () => {
    await Promise.all(Array.from({ length: 40 }, () => weir.server.get('/v1/consent', speakingFor({ userId: 'eve' }))))
    await weir.entries()
    const { rows } = await weir.owner.$client.query(
      'select count(*)::int as n, max(index)::int as last, min(index)::int as first from weir.audit_entry',
    )
    expect(rows[0]).toMatchObject({ first: 0, last: rows[0].n - 1 })
  })

  test('a page of the log shows what was asked for, and a cursor that is none is refused', async () => {
    const auditor = await weir.token('auditor')
    const seen: Json[] = []
    let cursor = ''
    for (let page = 0; page < 50; page++) {
      const { body } = await auditor.get(`/api/audit/entries?limit=20&action=decision.read${cursor}`)
      seen.push(...(body.entries as Json[]))
      if (body.next === null) break
      cursor = `&cursor=${String(body.next)}`
    }
    const all = (await entries()).filter((entry) => entry.action === 'decision.read')
    expect(seen).toHaveLength(all.length)
    expect((await auditor.get('/api/audit/entries?cursor=letters')).status).toBe(400)
  })
})
