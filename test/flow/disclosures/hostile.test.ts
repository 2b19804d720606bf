import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import type { Role } from '../../../src/officers/roles.ts'
import { newBrowser } from '../../support/officers.ts'
import { track } from '../../support/test-app.ts'
import { aboutAlice, byPseudonym, type Entered, type House, MINUTE_MS, openHouse, type Person } from './house.ts'

let house: House
let ann: Person
let ben: Person
let cam: Person

beforeAll(async () => {
  house = await openHouse()
  ann = await house.officer('compliance')
  ben = await house.officer('auditor')
  cam = await house.officer('compliance', { authenticator: false })
})
afterAll(() => house.stop())

/** The newest entry of the log about a disclosure, or about a route that refused. */
async function last(): Promise<Entered> {
  return (await house.entries()).at(-1)!
}

async function approved(asked: JsonObject = {}): Promise<string> {
  const id = await house.ask(ann, aboutAlice(asked))
  expect((await house.approve(ben, id)).status).toBe(200)
  return id
}

async function refusedRead(id: string, code: string, by: Person = ann): Promise<void> {
  const answer = await house.read(by, id)
  expect(answer.body.code).toBe(code)
  expect(answer.status).toBeGreaterThanOrEqual(403)
  expect(answer.text).not.toContain('qxvordermarker')
  expect(await last()).toMatchObject({
    actor: `officer:${by.id}`,
    action: 'disclosure.read',
    outcome: 'refused',
    resource: `disclosure:${id}`,
    more: { refused: code },
  })
}

test('approvals that come all at once do not use up the database', async () => {
  const dan = await house.officer('auditor', { authenticator: false })
  const id = await house.ask(ann)
  const answers = await Promise.all(
    Array.from({ length: 24 }, () => dan.call('POST', `/api/disclosures/${id}/approval`, { totp: '000000' })),
  )
  const codes = answers.map(({ body }) => body.code)
  expect(codes).toContain('factor-wrong')
  expect(codes).not.toContain('database-away')
})

describe('an approval', () => {
  const path = (id: string) => `/api/disclosures/${id}/approval`

  async function refused(by: Person, id: string, body: JsonObject, code: string): Promise<void> {
    const answer = await by.call('POST', path(id), body)
    expect(answer.body.code).toBe(code)
    expect(await last()).toMatchObject({ actor: `officer:${by.id}`, outcome: 'refused', more: { refused: code } })
  }

  test('by the requester is refused, with whatever factor', async () => {
    const id = await house.ask(ann)
    const challenge = await house.challenge(ann, id)
    expect((await ann.call('GET', `/api/disclosures/${id}`)).body.options).toBeNull()
    await refused(ann, id, { assertion: ann.authenticator!.sign(challenge) }, 'own-request')
    await refused(ann, id, { totp: ann.officer.code(house.now(), 1) }, 'own-request')
    await refusedRead(id, 'not-approved')
  })

  test('by the requester is refused by the table too', async () => {
    const id = await house.ask(ann)
    const change = `update weir.disclosure set decision = 'approved', decided_by = asked_by, decided_at = now(),
      expires_at = now() + interval '1 minute' where disclosure_id = $1`
    for (const who of [house.weir.db, house.weir.owner]) {
      await expect(who.$client.query(change, [id])).rejects.toMatchObject({ code: '23514' })
    }
  })

  test('that is shown again is refused, for the same request and for another', async () => {
    const [one, other] = [await house.ask(ann), await house.ask(ann)]
    const assertion = ben.authenticator!.sign(await house.challenge(ben, one))
    expect((await ben.call('POST', path(one), { assertion })).status).toBe(200)
    await refused(ben, one, { assertion }, 'request-decided')
    await refused(ben, other, { assertion }, 'factor-wrong')
    await refusedRead(other, 'not-approved')
  })

  test('over another hash is refused, and so is one that nobody verified, or of another page', async () => {
    const id = await house.ask(ann)
    const challenge = await house.challenge(ben, id)
    const wrong = Buffer.alloc(32, 7).toString('base64url')
    await refused(ben, id, { assertion: ben.authenticator!.sign(wrong) }, 'factor-wrong')
    await refused(ben, id, { assertion: ben.authenticator!.sign(challenge, { verified: false }) }, 'factor-wrong')
    await refused(
      ben,
      id,
      { assertion: ben.authenticator!.sign(challenge, { origin: 'http://evil.test' }) },
      'factor-wrong',
    )
    expect((await ben.call('POST', path(id), { assertion: ben.authenticator!.sign(challenge) })).status).toBe(200)
  })

  test('with the authenticator of somebody else is refused', async () => {
    const id = await house.ask(ann)
    const assertion = ann.authenticator!.sign(await house.challenge(ann, id))
    await refused(ben, id, { assertion }, 'factor-wrong')
  })

  test('without a second factor is refused; with a code only where there is no authenticator', async () => {
    const id = await house.ask(ann)
    await refused(ben, id, {}, 'factor-missing')
    await refused(ben, id, { totp: ben.officer.code(house.now(), 1) }, 'authenticator-needed')
    const { body } = await cam.call('GET', `/api/disclosures/${id}`)
    expect(body.options).toBeNull()
    const code = cam.officer.code(house.now(), 1)
    expect((await cam.call('POST', path(id), { totp: code })).body).toMatchObject({
      state: 'approved',
      decidedBy: cam.id,
    })
    expect((await last()).more).toMatchObject({
      request: body.challenge,
      evidence: { method: 'totp', step: Math.floor(house.now() / 30_000) + 1 },
    })
    const next = await house.ask(ann)
    await refused(cam, next, { totp: code }, 'factor-wrong')
  })

  test('of two at once one counts', async () => {
    const id = await house.ask(ann)
    const dan = await house.officer('compliance')
    const both = await Promise.all([house.approve(ben, id), house.approve(dan, id)])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
  })

  test('after a day is too late', async () => {
    const id = await house.ask(ann)
    house.tick(24 * 60 * MINUTE_MS)
    await Promise.all([ann, ben, cam].map((one) => one.signIn()))
    await refused(ben, id, { assertion: ben.authenticator!.sign(await house.challenge(ben, id)) }, 'request-expired')
  })
})

describe('a read', () => {
  test('after the minutes that were approved is refused', async () => {
    const id = await approved({ minutes: 1 })
    expect((await house.read(ann, id)).status).toBe(200)
    house.tick(MINUTE_MS)
    await refusedRead(id, 'grant-expired')
  })

  test('by anybody but who asked is refused', async () => {
    const id = await approved()
    await refusedRead(id, 'not-your-request', cam)
    expect((await house.read(ben, id)).status).toBe(403) // an auditor reads nothing at all
    expect((await ann.call('GET', `/api/disclosures/${id}`)).body.used).toBe(0)
  })

  test('of two at once for the last one, one is shown something', async () => {
    const id = await approved({ reads: 1 })
    const both = await Promise.all([house.read(ann, id), house.read(ann, id)])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
    await refusedRead(id, 'reads-used-up')
  })

  test('of a request that was refused is refused', async () => {
    const id = await house.ask(ann)
    expect((await ben.call('POST', `/api/disclosures/${id}/refusal`)).body).toMatchObject({ state: 'refused' })
    await refusedRead(id, 'request-refused')
    expect((await house.approve(ben, id)).body.code).toBe('request-decided')
  })

  test('shows no class and no field that was not approved, and they are absent', async () => {
    const id = await approved({ fields: ['properties.products[].product_id', 'technical'] })
    const { body, text } = await house.read(ann, id)
    expect(body.events).toEqual([
      {
        at: expect.any(String),
        event: 'Order Completed',
        fields: { order: { properties: { products: [{ product_id: 'tea' }, { product_id: 'cup' }] } } },
      },
    ])
    expect(text).not.toContain('qxvordermarker')
    expect(text).not.toContain('null')
    const behaviour = await approved({ fields: ['behaviour'] })
    const events = (await house.read(ann, behaviour)).body.events as JsonObject[]
    expect(events.map(({ fields }) => Object.keys(fields as JsonObject))).toEqual([['behaviour']])
  })

  test('under a purpose that the person did not consent to, or takes back, is refused', async () => {
    const [never, taken] = [await approved({ purpose: 'advertising' }), await approved({ purpose: 'analytics' })]
    await refusedRead(never, 'purpose-refused')
    await refusedRead(taken, 'purpose-refused')
  })
})

describe('who asked or approved and is not in that role any more', () => {
  test.each([
    ['the requester is disabled', 'update weir.officer set disabled_at = now() where officer_id = $1', 'asker'],
    ['the requester has another role', `update weir.officer set role = 'auditor' where officer_id = $1`, 'asker'],
    ['the approver is disabled', 'update weir.officer set disabled_at = now() where officer_id = $1', 'approver'],
    ['the approver has another role', `update weir.officer set role = 'operator' where officer_id = $1`, 'approver'],
  ])('%s: the grant is dead, and stays so', async (_name, change, who) => {
    const [eve, fay] = [await house.officer('compliance'), await house.officer('compliance')]
    const id = await house.ask(eve)
    expect((await house.approve(fay, id)).status).toBe(200)
    await house.weir.owner.$client.query(change, [who === 'asker' ? eve.id : fay.id])
    await house.weir.owner.$client.query(
      `update weir.officer set disabled_at = null, role = 'compliance' where officer_id = any($1::uuid[])`,
      [[eve.id, fay.id]],
    )
    await refusedRead(id, 'request-void', eve)
  })

  test('a request of theirs is approved by nobody', async () => {
    const eve = await house.officer('compliance')
    const id = await house.ask(eve)
    await house.weir.owner.$client.query(`update weir.officer set role = 'auditor' where officer_id = $1`, [eve.id])
    expect((await house.approve(ben, id)).body.code).toBe('request-void')
  })
})

describe('asking', () => {
  test.each(['analyst', 'merchandiser', 'operator', 'auditor'] satisfies Role[])('as %s is refused', async (role) => {
    const somebody = await house.officer(role)
    expect(await somebody.call('POST', '/api/disclosures', aboutAlice())).toMatchObject({
      status: 403,
      body: { code: 'role-missing' },
    })
    expect(await last()).toMatchObject({
      actor: `officer:${somebody.id}`,
      action: 'disclosure.ask',
      outcome: 'refused',
    })
  })

  test('with a token instead of a session is refused, and so is reading', async () => {
    const token = await house.weir.token('compliance')
    expect(await token.post('/api/disclosures', aboutAlice())).toMatchObject({
      status: 403,
      body: { code: 'session-needed' },
    })
    expect(await last()).toMatchObject({ action: 'disclosure.ask', outcome: 'refused' })
    const id = await approved()
    expect((await token.get(`/api/disclosures/${id}/data`)).body.code).toBe('session-needed')
  })

  test('without the session’s csrf is refused', async () => {
    const bare = Object.assign(newBrowser(house.weir.url), { cookie: ann.browser.cookie })
    expect(await bare.call('POST', '/api/disclosures', aboutAlice())).toMatchObject({
      status: 403,
      body: { code: 'csrf-wrong' },
    })
    expect(await last()).toMatchObject({ action: 'disclosure.ask', outcome: 'refused' })
  })

  test('with a second factor of an hour ago is refused', async () => {
    const eve = await house.officer('compliance')
    house.tick(11 * MINUTE_MS)
    expect((await eve.call('POST', '/api/disclosures', aboutAlice())).body.code).toBe('step-up-needed')
    await Promise.all([ann, ben, cam].map((one) => one.signIn()))
  })

  test('about nobody is answered, approved and read like about anybody, and shows nothing', async () => {
    const nobody = aboutAlice({ identifier: { type: 'user_id', value: 'qxvnobodymarker' } })
    const [of, known] = [
      await ann.call('POST', '/api/disclosures', nobody),
      await ann.call('POST', '/api/disclosures', aboutAlice()),
    ]
    expect([of.status, Object.keys(of.body)]).toEqual([known.status, Object.keys(known.body)])
    const id = String(of.body.id)
    expect((await ben.call('GET', `/api/disclosures/${id}`)).body).toMatchObject({ reason: aboutAlice().reason })
    expect((await house.approve(ben, id)).status).toBe(200)
    const read = await house.read(ann, id)
    expect(read).toMatchObject({ status: 200, body: { kind: 'fields', events: [], more: false, read: 1 } })
    expect(await last()).toMatchObject({ action: 'disclosure.read', outcome: 'released' })
    expect(JSON.stringify(await house.entries()) + house.weir.logged()).not.toContain('qxvnobodymarker')
  })

  test.each([
    ['a field that the policy does not have', { fields: ['properties.secret'] }, 'field-unknown'],
    ['a purpose that the policy does not have', { purpose: 'curiosity' }, 'purpose-unknown'],
    ['more reads than twenty', { reads: 21 }, 'request-invalid'],
    ['more minutes than fifteen', { minutes: 16 }, 'request-invalid'],
    ['an approver of one’s own choice', { decidedBy: 'me' }, 'request-invalid'],
  ])('for %s is refused', async (_what, more, code) => {
    const { status, body } = await ann.call('POST', '/api/disclosures', aboutAlice(more as JsonObject))
    expect({ status, code: body.code }).toEqual({ status: 400, code })
  })

  test('whose purpose is an address is refused, and the address stands nowhere', async () => {
    const { body } = await ann.call('POST', '/api/disclosures', aboutAlice({ purpose: 'qxvpurpose@mail.example' }))
    expect(body.code).toBe('purpose-unknown')
    expect(await last()).toMatchObject({ action: 'disclosure.ask', more: { refused: 'purpose-unknown' } })
    const { rows } = await house.weir.owner.$client.query<{ purpose: string }>(
      `select purpose from weir.audit_entry where action = 'disclosure.ask' order by index desc limit 1`,
    )
    expect(rows).toEqual([{ purpose: 'unknown' }])
    expect(house.weir.logged()).not.toContain('qxvpurpose')
  })

  test('by a destination that the policy does not have is refused', async () => {
    const asked = byPseudonym('reidentify', `p1.AAAB.${'A'.repeat(22)}`, { destination: 'nowhere', types: ['user_id'] })
    expect((await ann.call('POST', '/api/disclosures', asked)).body.code).toBe('destination-unknown')
  })
})

test('a request cannot be changed once it was asked, nor forgotten', async () => {
  const id = await house.ask(ann)
  for (const change of [
    `update weir.disclosure set reads = 20 where disclosure_id = $1`,
    `update weir.disclosure set wanted = '{contact}' where disclosure_id = $1`,
    `delete from weir.disclosure where disclosure_id = $1`,
  ]) {
    for (const who of [house.weir.db, house.weir.owner]) {
      await expect(who.$client.query(change, [id])).rejects.toMatchObject({ code: '42501' })
    }
  }
})

test('a request whose person somebody exchanged in the database shows nobody', async () => {
  await house.weir.grant('bob', 'personalisation')
  await house.weir.send(track('bob', 'Product Viewed', { product_id: 'jar' }))
  const id = await approved({ fields: ['behaviour'] })
  await house.weir.owner.$client.query(
    `update weir.disclosure_person set subject_id = (select subject_id from weir.subject where subject_id <> $2 limit 1)
     where disclosure_id = $1`,
    [id, house.alice],
  )
  const { status, text } = await house.read(ann, id)
  expect(status).toBeGreaterThanOrEqual(409)
  expect(text).not.toMatch(/tea|jar/)
})

describe('while the audit log', () => {
  afterEach(async () => {
    await house.weir.owner.$client.query('grant insert on weir.audit_queue to weir_app')
    await house.weir.owner.$client.query('grant execute on function weir.audit_extend to weir_sequencer')
  })

  test('cannot be written, nothing is asked, approved or shown', async () => {
    const [id, waiting] = [await approved(), await house.ask(ann)]
    const assertion = ben.authenticator!.sign(await house.challenge(ben, waiting))
    await house.weir.owner.$client.query('revoke insert on weir.audit_queue from weir_app')
    const answers = [
      await house.read(ann, id),
      await ann.call('POST', '/api/disclosures', aboutAlice()),
      await ann.call('GET', `/api/disclosures/${id}`),
      await ben.call('POST', `/api/disclosures/${waiting}/approval`, { assertion }),
    ]
    for (const { status, text } of answers) {
      expect(status).toBeGreaterThanOrEqual(500)
      expect(text).not.toMatch(/qxvordermarker|qxvreasonmarker/)
    }
    await house.weir.owner.$client.query('grant insert on weir.audit_queue to weir_app')
    expect((await ann.call('GET', `/api/disclosures/${waiting}`)).body.state).toBe('asked')
  })

  test('is not taken into the tree, a read is answered 503 and shows nothing', async () => {
    const id = await approved()
    await house.entries() // all of them are in the tree
    await house.weir.owner.$client.query(
      `insert into weir.audit_queue (at, actor, action, resource, purpose, outcome)
       values (now() - interval '1 minute', 'weir', 'test.waits', 'test', 'test', 'done')`,
    )
    await house.weir.owner.$client.query('revoke execute on function weir.audit_extend from weir_sequencer')
    const { status, text, body } = await house.read(ann, id)
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'audit-behind' })
    expect(text).not.toContain('qxvordermarker')
  })
})

test('a person who was erased between approval and read is shown no more: 409', async () => {
  const id = await approved()
  const { rows } = await house.weir.owner.$client.query<{ n: number }>(
    'select count(*)::int as n from weir.disclosure_person where subject_id = $1',
    [house.alice],
  )
  expect(rows[0]!.n).toBeGreaterThan(0)
  for (const table of ['audit_detail', 'sealed', 'subject_key', 'identifier', 'subject']) {
    await house.weir.owner.$client.query(`delete from weir.${table} where subject_id = $1`, [house.alice])
  }
  const left = await house.weir.owner.$client.query('select from weir.disclosure_person where subject_id = $1', [
    house.alice,
  ])
  expect(left.rowCount).toBe(0)
  await refusedRead(id, 'person-erased')
  const { body } = await ben.call('GET', `/api/disclosures/${id}`)
  expect(body).toMatchObject({ reason: null, used: 0 })
})
