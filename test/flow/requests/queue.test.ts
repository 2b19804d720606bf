import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import type { JsonObject } from '../../../src/event/event.ts'
import { createLog } from '../../../src/log.ts'
import { type AlarmDeps, raiseAlarms } from '../../../src/rights/alarms.ts'
import { putContent, readContent } from '../../../src/rights/content.ts'
import { dueOf } from '../../../src/rights/due.ts'
import { compose } from '../../../src/rights/messages/compose.ts'
import type { Template } from '../../../src/rights/messages/queue.ts'
import { move } from '../../../src/rights/move.ts'
import { makeOwnKey } from '../../../src/rights/own-key.ts'
import type { Request, State } from '../../../src/rights/request.ts'
import { restrict } from '../../../src/rights/restrict.ts'
import { findRequest, insertRequest, lockRequest, type NewRequest, setSubjects } from '../../../src/rights/rows.ts'
import { findIn, makeMarkers } from '../../support/leaks.ts'
import { auditEntries } from '../../support/officers.ts'
import { subjectOf } from '../../support/stored.ts'
import { type Caller, createTestApp, order, type TestApp } from '../../support/test-app.ts'

const DAY = 86_400_000
const START = '2026-11-02T09:00:00Z' // a Monday

const markers = makeMarkers()
let weir: TestApp
let compliance: Caller
let auditor: Caller
/** The gateway's clock, moved with it. */
let now = Date.parse(START)

beforeAll(async () => {
  weir = await createTestApp({ now: START })
  compliance = await weir.token('compliance')
  auditor = await weir.token('auditor')
})
afterAll(() => weir.stop())

function pass(ms: number): void {
  now += ms
  weir.moveClock(ms)
}

/** The gateway's clock goes on while a test runs. */
function isNow(iso: unknown): boolean {
  const ms = Date.parse(String(iso)) - now
  return ms >= 0 && ms < 600_000
}

/** A request as a door makes it. */
async function newRequest(given: Partial<NewRequest> & { readonly words?: string } = {}): Promise<string> {
  const { words, ...rest } = given
  const id = randomUUID()
  const right = rest.right ?? 'correction'
  const regime = rest.regime ?? 'GDPR'
  const { because: _, ...due } = dueOf({ right, regime, receivedAt: now })
  const secretHash = createHash('sha256').update(randomBytes(32)).digest()
  const state: State = rest.state ?? 'verified'
  await transaction(weir.db, async (tx) => {
    const own = {
      id,
      right,
      door: 'api',
      regime,
      language: 'en',
      state,
      receivedAt: now,
      secretHash,
      nextAt: now + DAY,
    } as const
    await insertRequest(tx, { ...due, ...own, ...rest }, now)
    await makeOwnKey(tx, weir.keyring, id)
    await putContent(tx, weir.keyring, id, 'contact', { mail: 'somebody@shop.example' })
    if (words === undefined) return
    const change = { event: 'identify', path: 'traits.firstName', to: words }
    await putContent(tx, weir.keyring, id, 'changes', [change])
  })
  return id
}

const read = async (id: string): Promise<Request> => (await findRequest(weir.db, id))!
const act = (id: string, what: string, body: JsonObject = {}, as = compliance) =>
  as.post(`/api/requests/${id}/${what}`, body)
const historyOf = async (id: string): Promise<string[]> => {
  const { body } = await compliance.get(`/api/requests/${id}`)
  return (body.history as JsonObject[]).map(({ what, more }) =>
    more === null ? String(what) : `${String(what)} ${String(more)}`,
  )
}
const messagesOf = async (id: string): Promise<string[]> => {
  const { rows } = await weir.owner.$client.query<{ template: string }>(
    'select template from weir.request_message where request_id = $1 order by due_at, template',
    [id],
  )
  return rows.map(({ template }) => template)
}

/** What the person is written, as it would be sent now. */
async function mailOf(request: string, template: Template): Promise<string> {
  const deps = { db: weir.db, keyring: weir.keyring, publicUrl: weir.url, shopName: 'Tea House', now: () => now }
  const message = { id: randomUUID(), request, channel: 'mail', template, proof: undefined, attempts: 0 } as const
  return (await compose(deps, message))!.text
}

describe('a request in the queue', () => {
  test('is shown with its clocks, where they come from, and nothing of a person', async () => {
    const id = await newRequest({ needsOfficer: true, verifiedBy: 'mail-link', words: markers.text('name') })
    const { status, body, text } = await compliance.get(`/api/requests/${id}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      right: 'correction',
      regime: 'GDPR',
      state: 'verified',
      receivedAt: new Date(now).toISOString(),
      targetAt: new Date(now + 15 * DAY).toISOString(),
      endsAt: new Date(now + 15 * DAY).toISOString(),
      legalDueAt: new Date(now + 30 * DAY).toISOString(),
      late: 'no',
      verifiedBy: 'mail-link',
      needsOfficer: true,
      decision: null,
      content: ['changes', 'contact'],
      subjects: 0,
      recipients: [],
      clocks: [
        {
          id: 'eu-gdpr-answer',
          article: 'GDPR art. 12(3)',
          term: { months: 1 },
          confidence: 'text-seen',
          force: 'law',
        },
      ],
    })
    expect(findIn(text, markers.needles)).toEqual([])
    expect(body.refusable).toContain('data-correct')
    expect(body.refusable).not.toContain('law-requires-keeping')
  })

  test('is listed newest first, page by page, and by what narrows', async () => {
    const ids = [
      await newRequest({ right: 'access', regime: 'LGPD' }),
      await newRequest({ right: 'access', regime: 'LGPD' }),
    ]
    const first = (await auditor.get('/api/requests?right=access&regime=LGPD&limit=1')).body
    const second = (await auditor.get(`/api/requests?right=access&regime=LGPD&limit=1&cursor=${String(first.next)}`))
      .body
    const idsOf = (page: JsonObject): unknown[] => (page.requests as JsonObject[]).map(({ id }) => id)
    expect([...idsOf(first), ...idsOf(second)]).toEqual(ids.toReversed())
    expect(second.next).toBeNull()
    const waiting = (await auditor.get('/api/requests?needs_officer=true&state=open')).body.requests as JsonObject[]
    expect(waiting.every(({ needsOfficer }) => needsOfficer === true)).toBe(true)
    expect((await auditor.get('/api/requests?right=forgetting')).status).toBe(400)
  })

  test('says what waits for recipients, one by one', async () => {
    const id = await newRequest()
    await weir.owner.$client.query(
      `insert into weir.recipient_message (message_id, request_id, destination_id, kind, state, due_at, next_at)
       select $1, $2, destination_id, 'correction', 'acknowledged', $3, $3 from weir.destination where name = 'attribution'`,
      [randomUUID(), id, new Date(now)],
    )
    const { recipients } = (await compliance.get(`/api/requests/${id}`)).body
    expect(recipients).toMatchObject([{ recipient: 'attribution', kind: 'correction', state: 'acknowledged' }])
  })

  test('of nobody is 404', async () => {
    for (const what of ['accept', 'acknowledge']) expect((await act(randomUUID(), what)).status).toBe(404)
    expect((await compliance.get(`/api/requests/${randomUUID()}`)).status).toBe(404)
  })
})

describe('what a person wrote', () => {
  test('is opened with a case only, which stands in the audit log before', async () => {
    const name = markers.text('first-name')
    const id = await newRequest({ words: name })
    expect((await act(id, 'open')).status).toBe(400)
    expect((await act(id, 'open', { caseId: 'CASE-7' }, auditor)).status).toBe(403)
    const { body } = await act(id, 'open', { caseId: 'CASE-7' })
    expect(body).toEqual({ changes: [{ event: 'identify', path: 'traits.firstName', to: name }], words: null })
    const [entry] = await weir
      .entries('request.open')
      .then((all) => all.filter(({ resource }) => resource === `request:${id}`))
    expect(entry).toMatchObject({ case_id: 'CASE-7', outcome: 'released', purpose: 'rights' })
  })

  test('stands in no log', () => {
    expect(findIn(weir.logged(), markers.needles)).toEqual([])
  })
})

describe('accepting', () => {
  test('sends the request on at once, and is entered with it', async () => {
    const id = await newRequest({ needsOfficer: true })
    const { status, body } = await act(id, 'accept')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      state: 'verified',
      needsOfficer: false,
      decision: 'accepted',
    })
    expect(isNow(body.nextAt)).toBe(true)
    expect(body.decidedBy).toMatch(/^[0-9a-f-]{36}$/)
    expect(await historyOf(id)).toEqual(['accepted'])
    expect((await auditEntries(weir)).filter(({ resource }) => resource === `request:${id}`)).toMatchObject([
      { action: 'request.accept', outcome: 'done' },
      { action: 'request.show', outcome: 'released' },
    ])
  })

  test('is done once, of what waits for an officer, in its state, and not by an auditor', async () => {
    const id = await newRequest({ needsOfficer: true })
    expect((await act(id, 'accept', {}, auditor)).status).toBe(403)
    await act(id, 'accept')
    expect(await act(id, 'accept')).toMatchObject({ status: 409, body: { code: 'nothing-to-decide' } })
    const plain = await newRequest({ right: 'access' })
    expect(await act(plain, 'accept')).toMatchObject({ status: 409, body: { code: 'nothing-to-decide' } })
    const early = await newRequest({ needsOfficer: true, state: 'identity_pending' })
    expect(await act(early, 'accept')).toMatchObject({ status: 409, body: { code: 'request-state' } })
    const refused = (await auditEntries(weir)).filter(({ resource }) => resource === `request:${early}`)
    expect(refused).toMatchObject([{ action: 'request.accept', outcome: 'refused' }])
  })
})

describe('refusing', () => {
  test('tells the person why, in words that stay sealed, and closes the request', async () => {
    const words = markers.text('refusal')
    const id = await newRequest({ needsOfficer: true })
    const { status, body, text } = await act(id, 'refuse', { reason: 'data-correct', words })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      state: 'denied',
      reason: 'data-correct',
      decision: 'refused',
      needsOfficer: false,
      refusable: [],
    })
    expect(isNow(body.closedAt)).toBe(true)
    expect(findIn(text, markers.needles)).toEqual([])
    expect(await readContent(weir.db, weir.keyring, id, 'words')).toBe(words)
    expect(await messagesOf(id)).toEqual(['refused'])
    const mail = await mailOf(id, 'refused')
    for (const part of [words, 'accurate and complete', 'GDPR art. 16', 'art. 77']) expect(mail).toContain(part)
    expect(await historyOf(id)).toEqual(['refused data-correct'])
    const [entry] = (await weir.entries('request.refuse')).filter(({ resource }) => resource === `request:${id}`)
    expect(JSON.parse(entry!.more!)).toEqual({ right: 'correction', reason: 'data-correct', article: 'GDPR art. 16' })
  })

  test('needs a reason that the law knows for that right', async () => {
    const id = await newRequest({ right: 'access' })
    expect(await act(id, 'refuse', { reason: 'law-requires-keeping' })).toMatchObject({
      status: 400,
      body: { code: 'reason-not-there' },
    })
    expect((await act(id, 'refuse', { reason: 'because' })).status).toBe(400)
    expect((await act(id, 'refuse')).status).toBe(400)
    expect((await read(id)).state).toBe('verified')
  })

  test('is done once, before anything is done, and not by an auditor', async () => {
    const id = await newRequest()
    expect((await act(id, 'refuse', { reason: 'data-correct' }, auditor)).status).toBe(403)
    await act(id, 'refuse', { reason: 'data-correct' })
    for (const what of ['refuse', 'accept', 'extend', 'acknowledge']) {
      const body = { refuse: { reason: 'data-correct' }, extend: { reason: 'complex' } }[what] ?? {}
      expect(await act(id, what, body as JsonObject)).toMatchObject({ status: 409, body: { code: 'request-state' } })
    }
    const begun = await newRequest({ right: 'erasure', state: 'executing' })
    expect(await act(begun, 'refuse', { reason: 'suspected-fraud' })).toMatchObject({
      status: 409,
      body: { code: 'request-state' },
    })
  })

  test('two at once refuse once', async () => {
    const id = await newRequest()
    const answers = await Promise.all([1, 2, 3].map(() => act(id, 'refuse', { reason: 'data-correct' })))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409])
    expect(await messagesOf(id)).toEqual(['refused'])
  })

  test('of an erasure lifts its restriction', async () => {
    await weir.grant('ann', 'attribution')
    await weir.send(order('ann', 'o-1', ['tea']))
    const subject = (await subjectOf(weir, 'user_id', 'ann'))!
    const id = await newRequest({ right: 'erasure', regime: 'PIPL', state: 'cooling_off' })
    await transaction(weir.db, async (tx) => {
      await setSubjects(tx, id, [subject])
      await restrict(tx, { active: weir.app.active }, { request: id, subjects: [subject], now })
    })
    const restricted = async (): Promise<unknown> =>
      (await weir.owner.$client.query('select restricted_by from weir.subject where subject_id = $1', [subject]))
        .rows[0]
    expect(await restricted()).toEqual({ restricted_by: id })
    expect((await act(id, 'refuse', { reason: 'law-requires-keeping' })).status).toBe(200)
    expect(await restricted()).toEqual({ restricted_by: null })
    const [entry] = (await weir.entries('request.refuse')).filter(({ resource }) => resource === `request:${id}`)
    expect((JSON.parse(entry!.more!) as JsonObject).subjects).toHaveLength(1)
  })
})

describe('an extension', () => {
  test('is told, entered, and moves nothing but itself', async () => {
    const id = await newRequest({ right: 'access' })
    const before = await read(id)
    const { status, body } = await act(id, 'extend', { reason: 'complex' })
    expect(status).toBe(200)
    const after = await read(id)
    expect({ ...after, extendedUntil: undefined }).toEqual(before)
    expect(body.endsAt).toBe(body.extendedUntil)
    expect(body.extendedUntil).toBe('2027-02-02T09:00:00.000Z') // three months in Brussels, winter time
    expect(await messagesOf(id)).toEqual(['extended'])
    expect(await mailOf(id, 'extended')).toMatch(/2027-02-02[\s\S]*Your request is complex/)
    expect(await historyOf(id)).toEqual(['extended complex'])
    expect(await act(id, 'extend', { reason: 'complex' })).toMatchObject({ body: { code: 'extended-already' } })
  })

  test('is refused without a reason, beyond the law, and where the law knows none', async () => {
    const id = await newRequest({ right: 'access' })
    expect((await act(id, 'extend')).status).toBe(400)
    const until = new Date(now + 200 * DAY).toISOString()
    expect(await act(id, 'extend', { reason: 'complex', until })).toMatchObject({
      status: 400,
      body: { code: 'extension-too-long' },
    })
    const optOut = await newRequest({ right: 'objection', regime: 'CCPA' })
    expect(await act(optOut, 'extend', { reason: 'complex' })).toMatchObject({
      status: 409,
      body: { code: 'not-extensible' },
    })
  })
})

test('an acknowledgement is told once', async () => {
  const id = await newRequest({ right: 'erasure', regime: 'CCPA', state: 'identity_pending' })
  expect((await compliance.get(`/api/requests/${id}`)).body.acknowledgeBy).toBe('2026-11-17T09:00:00.000Z') // Veterans Day
  expect(isNow((await act(id, 'acknowledge')).body.acknowledgedAt)).toBe(true)
  expect(await act(id, 'acknowledge')).toMatchObject({ status: 409, body: { code: 'acknowledged-already' } })
  expect(await messagesOf(id)).toEqual(['received'])
})

test('what-if shows the clocks of every regime, and enters nothing', async () => {
  const before = (await auditEntries(weir)).length
  const { status, body } = await auditor.get('/api/requests/what-if?received_at=2026-01-31T10:00:00Z&right=erasure')
  expect(status).toBe(200)
  const dates = (body.regimes as JsonObject[]).map(({ regime, legalDueAt }) => [regime, legalDueAt])
  expect(dates).toEqual([
    ['PIPL', null],
    ['GDPR', '2026-02-28T10:00:00.000Z'],
    ['UK-GDPR', '2026-02-28T10:00:00.000Z'],
    ['CCPA', '2026-03-17T09:00:00.000Z'], // summer time there
    ['LGPD', null],
  ])
  expect((await auditor.get('/api/requests/what-if')).status).toBe(400)
  expect((await auditEntries(weir)).length).toBe(before)
})

test('every table of a move fits: what may not follow is refused, what ended stays', async () => {
  const id = await newRequest({ right: 'access' })
  const to = (state: State) =>
    transaction(weir.db, async (tx) => move(tx, await lockRequest(tx, id), state, { actor: 'weir', now }))
  await expect(to('scanning')).rejects.toMatchObject({ code: 'request-state' })
  const stale = await read(id)
  await to('executing')
  await expect(transaction(weir.db, (tx) => move(tx, stale, 'denied', { actor: 'weir', now }))).rejects.toMatchObject({
    code: 'request-state',
  })
  expect((await to('completed')).closedAt).toBe(now)
  await expect(to('executing')).rejects.toMatchObject({ code: 'request-state' })
  expect(await historyOf(id)).toEqual(['executing', 'completed'])
})

describe('alarms', () => {
  const lines: JsonObject[] = []
  const counted: number[] = []
  const watching = (): AlarmDeps => ({
    db: weir.db,
    now: () => now,
    log: createLog({ to: { write: (line: string) => lines.push(JSON.parse(line) as JsonObject) } }),
    metrics: { alarm: (percent) => counted.push(percent) },
  })
  const mine = (id: string): unknown[] => lines.filter(({ request }) => request === id).map(({ percent }) => percent)

  test('are raised at 50, 80 and 100 percent, once each, whatever the state; an extension gives time back', async () => {
    await raiseAlarms(watching())
    const id = await newRequest({ right: 'access' })
    const failed = await newRequest({ right: 'access', state: 'failed' })
    pass(7 * DAY)
    await raiseAlarms(watching())
    expect(mine(id)).toEqual([])
    pass(DAY) // 8 of 15
    await Promise.all([raiseAlarms(watching()), raiseAlarms(watching())])
    await raiseAlarms(watching())
    expect(mine(id)).toEqual([50])
    pass(4 * DAY)
    await raiseAlarms(watching())
    pass(3 * DAY)
    await raiseAlarms(watching())
    expect(mine(id)).toEqual([50, 80, 100])
    expect(mine(failed)).toEqual([50, 80, 100])
    expect(await historyOf(id)).toEqual(['alarm 50', 'alarm 80', 'alarm 100'])
    const late = (await auditor.get('/api/requests?overdue=true&limit=500')).body.requests as JsonObject[]
    expect(late.find((one) => one.id === id)).toMatchObject({ late: 'promise', alarmed: 100 })

    expect((await act(id, 'extend', { reason: 'many-requests' })).body).toMatchObject({ late: 'no', alarmed: 0 })
    await raiseAlarms(watching())
    expect(mine(id)).toEqual([50, 80, 100])
    pass(40 * DAY) // past half of the three months
    await raiseAlarms(watching())
    expect(mine(id)).toEqual([50, 80, 100, 50])
    expect(await act(failed, 'extend', { reason: 'complex' })).toMatchObject({ body: { code: 'deadline-over' } })
    expect((await compliance.get(`/api/requests/${failed}`)).body.late).toBe('law')
    expect(counted.filter((percent) => percent === 100).length).toBeGreaterThanOrEqual(2)
  })

  test('jump to what is due where nobody looked, and leave closed requests alone', async () => {
    const id = await newRequest({ right: 'access' })
    const over = await newRequest({ right: 'access' })
    await act(over, 'refuse', { reason: 'others-rights' })
    pass(14 * DAY)
    await raiseAlarms(watching())
    expect([mine(id), mine(over)]).toEqual([[80], []])
  })

  test('and the figures are in the metrics', async () => {
    const text = await (await fetch(`${weir.url}/metrics`)).text()
    expect(text).toMatch(/^weir_requests_open\{right="access",state="failed"\} 1$/m)
    const figure = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
    expect(figure('weir_request_oldest_open_seconds')).toBeGreaterThanOrEqual(69 * 86_400)
    expect(figure('weir_requests_overdue\\{past="law"\\}')).toBeGreaterThan(0)
    expect(figure('weir_request_hours_left')).toBeLessThan(0)
  })
})
