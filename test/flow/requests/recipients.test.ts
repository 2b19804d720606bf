import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import { stopEndpoint } from '../../../src/destinations/endpoints.ts'
import { takeMessage } from '../../../src/destinations/messages.ts'
import { recipientStates, type Telling, tellRecipients } from '../../../src/destinations/outbox.ts'
import { recipientsOf } from '../../../src/destinations/register.ts'
import { createRecipientWorker } from '../../../src/destinations/worker.ts'
import type { SubjectId } from '../../../src/event/ids.ts'
import { withActiveEpoch } from '../../../src/keys/subject-keys.ts'
import { finishRenewals, renewSubjectKey } from '../../../src/pipeline/renew-subject-key.ts'
import { deps, otherKey, sent, sha256, startProcessor, startRecipient, wait } from '../../support/recipients.ts'
import { subjectOf } from '../../support/stored.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'
import { until } from '../../support/until.ts'

// What recipients are told of a person's request, over real HTTP.
const DAY_MS = 86_400_000
let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

let people = 0
async function somebody(): Promise<SubjectId> {
  const userId = `person-${++people}`
  await weir.grant(userId, 'personalisation')
  return (await subjectOf(weir, 'user_id', userId))!
}

async function tellAll(telling: Omit<Telling, 'request'>, at = deps(weir).now()): Promise<string> {
  const request = randomUUID()
  await withActiveEpoch(weir.keyring, () =>
    transaction(weir.db, (tx) => tellRecipients(tx, { keyring: weir.keyring, now: () => at }, { request, ...telling })),
  )
  return request
}

const worker = () => createRecipientWorker(deps(weir))
/** Lets time pass and works, until nothing of the request is open. */
async function workOn(request: string, stepMs: number, turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    if ((await recipientStates(weir.db, request)).every(({ open }) => !open)) return
    wait(weir, stepMs)
    await worker().processAll()
  }
}

async function ownKeys(request: string): Promise<number> {
  const { rows } = await weir.owner.$client.query<{ n: number }>(
    `select count(*)::integer as n from weir.subject_key k join weir.recipient_message m on m.message_id = k.subject_id
     where m.request_id = $1`,
    [request],
  )
  return rows[0]!.n
}

describe('the register', () => {
  test('adds up what a recipient got under one identifier, and keeps identifiers apart', async () => {
    const crm = await startRecipient(weir, 'register-crm')
    const ann = await somebody()
    const form = ['email:sha256', sha256('ann@example.com')] as const
    await sent(weir, ann, crm.destinationId, form, { fields: ['properties.total', 'event'], at: 2000, recordId: 'two' })
    await sent(weir, ann, crm.destinationId, form, { fields: ['properties.currency'], at: 1000, recordId: 'one' })
    await sent(weir, ann, crm.destinationId, ['user_id:raw', 'u-ann'], { at: 3000, recordId: 'two' })
    const { rows } = await weir.owner.$client.query('select entry_id from weir.recipient where subject_id = $1', [ann])
    expect(rows.length).toBe(2)
    const found = await withActiveEpoch(weir.keyring, () => recipientsOf(weir.db, weir.keyring, [ann]))
    expect(found.sort((a, b) => a.firstAt - b.firstAt)).toEqual([
      {
        subject: ann,
        destinationId: crm.destinationId,
        identifierForm: 'email:sha256',
        identifier: sha256('ann@example.com'),
        fields: ['event', 'properties.currency', 'properties.total'],
        firstAt: 1000,
        lastAt: 2000,
        records: ['two', 'one'],
      },
      {
        subject: ann,
        destinationId: crm.destinationId,
        identifierForm: 'user_id:raw',
        identifier: 'u-ann',
        fields: ['properties.total'],
        firstAt: 3000,
        lastAt: 3000,
        records: ['two'],
      },
    ])
    await crm.close()
  })

  test('opens under a renewed key of the person, and for nobody once the person is gone', async () => {
    const crm = await startRecipient(weir, 'renewed-crm')
    const bob = await somebody()
    await sent(weir, bob, crm.destinationId, ['user_id:raw', 'u-bob'])
    const renewing = { db: weir.db, keyring: weir.keyring, classNames: weir.app.active().classNames, actor: 'cli' }
    await renewSubjectKey({ ...renewing, now: () => Date.now() }, bob)
    await finishRenewals({ ...renewing, now: () => Date.now() + 2 * 3_600_000 })
    weir.keyring.forgetAll()
    const read = () => withActiveEpoch(weir.keyring, () => recipientsOf(weir.db, weir.keyring, [bob]))
    expect((await read()).map(({ identifier }) => identifier)).toEqual(['u-bob'])
    await sent(weir, bob, crm.destinationId, ['user_id:raw', 'u-bob'])
    expect((await read()).length).toBe(1)
    await weir.owner.$client.query('delete from weir.subject_key where subject_id = $1', [bob])
    weir.keyring.forget(bob)
    expect(await read()).toEqual([])
    await expect(sent(weir, bob, crm.destinationId, ['user_id:raw', 'u-bob'])).rejects.toMatchObject({
      code: 'subject-erased',
    })
    await crm.close()
  })
})

describe('a signed webhook', () => {
  test('is told the identifier that it received and no other, also of somebody who is gone by then', async () => {
    const crm = await startRecipient(weir, 'crm')
    const ads = await startRecipient(weir, 'ads')
    const ann = await somebody()
    await sent(weir, ann, crm.destinationId, ['user_id:raw', 'u-ann-1'])
    await sent(weir, ann, ads.destinationId, ['email:sha256', sha256('ann@example.com')])
    const request = await tellAll({ kind: 'erasure', subjects: [ann] })
    for (const table of ['recipient', 'identifier', 'subject_key', 'subject']) {
      await weir.owner.$client.query(`delete from weir.${table} where subject_id = $1`, [ann])
    }
    weir.keyring.forget(ann)
    const before = await recipientStates(weir.db, request)
    expect(before.map(({ destination, state, open }) => [destination, state, open])).toEqual([
      ['ads', 'waiting', true],
      ['crm', 'waiting', true],
    ])
    await worker().processAll()
    expect(crm.told.map(identitiesOf)).toEqual([
      [{ identitySpace: 'user_id', identityFormat: 'raw', identityValue: 'u-ann-1' }],
    ])
    expect(ads.told.map(identitiesOf)).toEqual([
      [{ identitySpace: 'email', identityFormat: 'sha256', identityValue: sha256('ann@example.com') }],
    ])
    expect(crm.asked[0]!.text).not.toContain(sha256('ann@example.com'))
    const ackSha256 = createHash('sha256').update('{"taken":true}').digest('hex')
    const after = await recipientStates(weir.db, request)
    expect(after).toEqual(
      ['ads', 'crm'].map((destination) =>
        expect.objectContaining({ destination, protocol: 'webhook', state: 'acknowledged', ackSha256, open: false }),
      ),
    )
    expect(await ownKeys(request)).toBe(0)
    await crm.close()
    await ads.close()
  })

  test('is told what to correct, and once for each request and kind', async () => {
    const crm = await startRecipient(weir, 'corrected')
    const ann = await somebody()
    await sent(weir, ann, crm.destinationId, ['user_id:raw', 'u-ann'])
    const changes = [{ event: 'identify', path: 'traits.firstName', from: 'An', to: 'Ann' }]
    const request = await tellAll({ kind: 'correction', subjects: [ann], changes })
    const again = await withActiveEpoch(weir.keyring, () =>
      transaction(weir.db, (tx) => tellRecipients(tx, deps(weir), { request, kind: 'correction', subjects: [ann] })),
    )
    expect(again).toBe(0)
    await worker().processAll()
    expect(crm.told).toEqual([
      expect.objectContaining({ kind: 'CorrectionRequest', request: expect.objectContaining({ changes }) }),
    ])
    await crm.close()
  })

  test('that fails is told again, later each time, under one number, and given up after its own term', async () => {
    const crm = await startRecipient(weir, 'flaky')
    crm.fail({ kind: 'status', status: 503 }, 1)
    crm.fail({ kind: 'cut' }, 1)
    crm.fail({ kind: 'hang' }, 1)
    crm.fail({ kind: 'status', status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 1)
    const ann = await somebody()
    await sent(weir, ann, crm.destinationId, ['user_id:raw', 'u-ann'])
    const request = await tellAll({ kind: 'erasure', subjects: [ann] })
    const seen: unknown[] = []
    for (let turn = 0; turn < 5; turn++) {
      await worker().processAll()
      const [one] = await recipientStates(weir.db, request)
      seen.push([one!.state, one!.failure])
      await worker().processAll() // not due yet: nothing happens
      wait(weir, 61_000 * 2 ** turn)
    }
    expect(seen).toEqual([
      ['sent', 'http-503'],
      ['sent', 'no-answer'],
      ['sent', 'no-answer'],
      ['sent', 'redirect'],
      ['acknowledged', undefined],
    ])
    expect(crm.asked.length).toBe(5)
    expect(new Set(crm.asked.map(({ headers }) => headers['webhook-id'])).size).toBe(1)

    crm.fail({ kind: 'status', status: 401 }, 1000)
    const refused = await tellAll({ kind: 'restriction', subjects: [ann] })
    await workOn(refused, DAY_MS, 15)
    expect(await recipientStates(weir.db, refused)).toEqual([
      expect.objectContaining({ state: 'failed', failure: 'http-401', open: false }),
    ])
    expect(await ownKeys(refused)).toBe(0)
    await crm.close()
  })

  test('that is stopped, or was never named, is failed at once and seen as such', async () => {
    const crm = await startRecipient(weir, 'stopped')
    const ann = await somebody()
    await sent(weir, ann, crm.destinationId, ['user_id:raw', 'u-ann'])
    const first = await tellAll({ kind: 'erasure', subjects: [ann] })
    await transaction(weir.owner, (tx) => stopEndpoint(tx, 'stopped'))
    const second = await tellAll({ kind: 'erasure', subjects: [ann] })
    await worker().processAll()
    for (const request of [first, second]) {
      expect(await recipientStates(weir.db, request)).toEqual([
        expect.objectContaining({ destination: 'stopped', state: 'failed', failure: 'no-endpoint', open: false }),
      ])
    }
    expect(crm.asked).toEqual([])
    await crm.close()
  })

  test('says by a signed callback that it is gone; nobody else can, nor can it say so of what it was not told', async () => {
    const crm = await startRecipient(weir, 'callback')
    const other = await startRecipient(weir, 'callback-other')
    const ann = await somebody()
    await sent(weir, ann, crm.destinationId, ['user_id:raw', 'u-ann'])
    const request = await tellAll({ kind: 'erasure', subjects: [ann] })
    const uid = await numberOf(request)
    expect((await crm.say(uid, 'completed')).body.code).toBe('message-state') // it was not told yet
    await worker().processAll()
    expect((await crm.say(uid, 'completed', { secret: other.secret })).body.code).toBe('signature-invalid')
    expect((await crm.say(uid, 'completed', { at: Date.now() - 301_000 })).body.code).toBe('signature-invalid')
    expect((await crm.say(uid, 'completed', { at: Date.now() + 301_000 })).body.code).toBe('signature-invalid')
    expect((await other.say(uid, 'completed')).body.code).toBe('message-unknown')
    expect((await other.say(randomUUID(), 'completed')).body.code).toBe('message-unknown')
    const nobody = await weir.server.post('/v1/recipients/nobody/callback', '{}')
    expect([nobody.status, nobody.body.code]).toEqual([401, 'signature-invalid'])
    expect((await recipientStates(weir.db, request))[0]!.state).toBe('acknowledged')
    expect((await crm.say(uid, 'in_progress')).status).toBe(200)
    expect((await recipientStates(weir.db, request))[0]!.state).toBe('acknowledged')
    expect((await crm.say(uid, 'completed')).status).toBe(200)
    expect((await crm.say(uid, 'completed')).status).toBe(200)
    expect((await crm.say(uid, 'denied')).status).toBe(200) // too late: it has said that it is gone
    const [state] = await recipientStates(weir.db, request)
    expect(state).toMatchObject({ state: 'verified-gone', verifiedAt: expect.any(Number) })
    const told = await weir.entries('recipient.tell')
    expect(told.filter(({ resource }) => resource === `recipient-message:${uid}`).map(({ more }) => more)).toEqual([
      expect.stringContaining('"state":"acknowledged"'),
      expect.stringContaining('"state":"verified-gone"'),
    ])
    await crm.close()
    await other.close()
  })

  test('holds nothing in clear while it waits', async () => {
    const crm = await startRecipient(weir, 'sealed')
    const ann = await somebody()
    const marker = `marker-${randomUUID()}`
    await sent(weir, ann, crm.destinationId, ['user_id:raw', marker], { fields: [`properties.${marker}`] })
    const request = await tellAll({ kind: 'erasure', subjects: [ann] })
    const { rows } = await weir.owner.$client.query<{ text: string }>(
      `select r::text as text from weir.recipient r union all select m::text from weir.recipient_message m where m.request_id = $1
       union all select e::text from weir.recipient_endpoint e`,
      [request],
    )
    const all = rows.map(({ text }) => text).join('\n')
    for (const text of [
      marker,
      Buffer.from(marker).toString('hex'),
      crm.secret,
      Buffer.from(crm.secret).toString('hex'),
    ]) {
      expect(all).not.toContain(text)
    }
    await worker().processAll()
    expect(JSON.stringify(crm.told)).toContain(marker)
    expect(weir.logged()).not.toContain(marker)
    await crm.close()
  })
})

describe('workers', () => {
  test('two at once tell each recipient once', async () => {
    const crm = await startRecipient(weir, 'two-workers')
    const ann = await somebody()
    for (let i = 0; i < 40; i++) await sent(weir, ann, crm.destinationId, ['user_id:raw', `u-${i}`])
    const request = await tellAll({ kind: 'erasure', subjects: [ann] })
    await Promise.all([worker().processAll(), worker().processAll(), worker().processAll()])
    const states = await recipientStates(weir.db, request)
    expect(states.map(({ state }) => state)).toEqual(Array.from({ length: 40 }, () => 'acknowledged'))
    expect(crm.asked.length).toBe(40)
    expect(new Set(crm.told.map((one) => JSON.stringify(identitiesOf(one)))).size).toBe(40)
    await crm.close()
  })

  test('one that is gone after it took a message loses none: another tells it, under the same number', async () => {
    const crm = await startRecipient(weir, 'abandoned')
    const ann = await somebody()
    await sent(weir, ann, crm.destinationId, ['user_id:raw', 'u-ann'])
    const request = await tellAll({ kind: 'erasure', subjects: [ann] })
    const taken = await takeMessage(weir.db, deps(weir).now())
    expect(taken?.requestId).toBe(request)
    await worker().processAll()
    expect(crm.asked).toEqual([]) // it is the other's for a minute
    wait(weir, 61_000)
    await worker().processAll()
    expect(crm.told.map((one) => one.metadata)).toEqual([{ uid: taken!.id }])
    await crm.close()
  })

  test('one that is killed while it tells loses none: the next one tells it again, under the same number', async () => {
    const crm = await startRecipient(weir, 'killed')
    crm.fail({ kind: 'hang' }, 1)
    const ann = await somebody()
    await sent(weir, ann, crm.destinationId, ['user_id:raw', 'u-ann'])
    const made = Date.now() // on the machine's clock, which the process of its own has
    const request = await tellAll({ kind: 'erasure', subjects: [ann] }, made)
    const { path, passphrase } = weir.keyset
    const place = {
      url: weir.database.appUrl,
      keyset: { path, passphrase: Buffer.from(passphrase).toString('base64') },
    }
    const script = join(import.meta.dirname, '../../support/recipient-worker.ts')
    const child = spawn(process.execPath, [script, JSON.stringify(place)], { stdio: ['ignore', 'ignore', 'inherit'] })
    const ended = once(child, 'exit')
    await until('the recipient was asked', () => crm.asked.length === 1)
    child.kill('SIGKILL')
    await ended
    expect((await recipientStates(weir.db, request))[0]).toMatchObject({ state: 'waiting', open: true })
    wait(weir, 61_000)
    await worker().processAll()
    expect((await recipientStates(weir.db, request))[0]).toMatchObject({ state: 'acknowledged', open: false })
    expect(crm.asked.map(({ headers }) => headers['webhook-id'])).toEqual(Array(2).fill(await numberOf(request)))
    await crm.close()
  })
})

describe('an OpenDSR processor', () => {
  test('is told, followed, and asked for access: what it finds nothing of is gone', async () => {
    const cdp = await startProcessor(weir, 'cdp', (type) =>
      type === 'erasure' ? { status: 'pending' } : { status: 'completed', found: 0 },
    )
    const ann = await somebody()
    await sent(weir, ann, cdp.destinationId, ['email:sha256', sha256('ann@example.com')])
    const request = await tellAll({ kind: 'erasure', subjects: [ann] })
    const id = await numberOf(request)
    await worker().processAll()
    expect([...cdp.requests.keys()]).toEqual([id])
    expect(cdp.requests.get(id)!.document).toEqual({
      regulation: 'gdpr',
      subject_request_id: id,
      subject_request_type: 'erasure',
      submitted_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      subject_identities: [
        { identity_type: 'email', identity_value: sha256('ann@example.com'), identity_format: 'sha256' },
      ],
      api_version: '2.0',
      status_callback_urls: ['http://weir.test/v1/recipients/cdp/callback'],
    })
    wait(weir, 120_000)
    await worker().processAll()
    expect((await recipientStates(weir.db, request))[0]).toMatchObject({ state: 'acknowledged', open: true })
    expect(cdp.requests.size).toBe(1) // not asked for access before it says that it is done
    cdp.requests.get(id)!.status = 'completed'
    await workOn(request, 3_600_000, 6)
    const [state] = await recipientStates(weir.db, request)
    expect(state).toMatchObject({ state: 'verified-gone', protocol: 'opendsr', open: false })
    expect([...cdp.requests.values()].map(({ document, times }) => [document.subject_request_type, times])).toEqual([
      ['erasure', 1],
      ['access', 1],
    ])
    expect(await ownKeys(request)).toBe(0)
    await cdp.close()
  })

  test('that still finds something after its term has failed; one that does not say stays acknowledged', async () => {
    for (const [found, expected] of [
      [7, { state: 'failed', failure: 'still-there' }],
      [undefined, { state: 'acknowledged', failure: 'not-verified' }],
    ] as const) {
      const cdp = await startProcessor(weir, `cdp-${found ?? 'silent'}`, () =>
        found === undefined ? { status: 'completed' } : { status: 'completed', found },
      )
      const ann = await somebody()
      await sent(weir, ann, cdp.destinationId, ['user_id:raw', 'u-ann'])
      const request = await tellAll({ kind: 'erasure', subjects: [ann] })
      await workOn(request, DAY_MS, 14)
      expect((await recipientStates(weir.db, request))[0]).toMatchObject({ ...expected, open: false })
      await cdp.close()
    }
  })

  test('that never says that it is done is asked for access after its term', async () => {
    const cdp = await startProcessor(weir, 'cdp-slow', (type) =>
      type === 'erasure' ? { status: 'in_progress' } : { status: 'completed', found: 0 },
    )
    const ann = await somebody()
    await sent(weir, ann, cdp.destinationId, ['user_id:raw', 'u-ann'])
    const request = await tellAll({ kind: 'erasure', subjects: [ann] })
    await workOn(request, DAY_MS, 8)
    expect(cdp.requests.size).toBe(1)
    await workOn(request, DAY_MS, 6)
    expect((await recipientStates(weir.db, request))[0]).toMatchObject({ state: 'verified-gone' })
    await cdp.close()
  })

  test('whose signature does not hold has acknowledged nothing', async () => {
    const cdp = await startProcessor(weir, 'cdp-forged', () => ({ status: 'completed', found: 0 }))
    cdp.signWith = otherKey()
    const ann = await somebody()
    await sent(weir, ann, cdp.destinationId, ['user_id:raw', 'u-ann'])
    const request = await tellAll({ kind: 'erasure', subjects: [ann] })
    await worker().processAll()
    expect((await recipientStates(weir.db, request))[0]).toMatchObject({ state: 'sent', failure: 'signature' })
    await workOn(request, DAY_MS, 14)
    expect((await recipientStates(weir.db, request))[0]).toMatchObject({ state: 'failed', failure: 'signature' })
    await cdp.close()
  })

  test('cannot be told what the protocol has no words for', async () => {
    const cdp = await startProcessor(weir, 'cdp-words', () => ({ status: 'completed', found: 0 }))
    const ann = await somebody()
    await sent(weir, ann, cdp.destinationId, ['user_id:raw', 'u-ann'])
    const corrected = await tellAll({ kind: 'correction', subjects: [ann], changes: [] })
    await worker().processAll()
    expect((await recipientStates(weir.db, corrected))[0]).toMatchObject({
      state: 'failed',
      failure: 'not-in-protocol',
    })
    const bob = await somebody()
    await sent(weir, bob, cdp.destinationId, ['phone:raw', '+8613800000000'])
    const erased = await tellAll({ kind: 'erasure', subjects: [bob] })
    await worker().processAll()
    expect((await recipientStates(weir.db, erased))[0]).toMatchObject({
      state: 'failed',
      failure: 'identifier-not-in-protocol',
    })
    expect(cdp.requests.size).toBe(0)
    await cdp.close()
  })
})

function identitiesOf(told: { request?: unknown }): unknown {
  return (told.request as { identities: unknown }).identities
}

async function numberOf(request: string): Promise<string> {
  const { rows } = await weir.owner.$client.query<{ message_id: string }>(
    'select message_id from weir.recipient_message where request_id = $1',
    [request],
  )
  return rows[0]!.message_id
}
