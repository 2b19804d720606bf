import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newDevice, track } from '../../support/test-app.ts'
import { until } from '../../support/until.ts'
import { codeIn, type House, newBrowser, openHouse, type Person, tokenIn } from './house.ts'

const HOUR = 3_600_000

let house: House
let ann: Person
beforeAll(async () => {
  house = await openHouse()
  ann = await house.person()
})
afterAll(() => house.stop())

const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` })

describe('contacts', () => {
  test('are found, sealed, and another’s stay theirs', async () => {
    const ben = await house.person()
    const taken = await house.weir.server.post('/v1/contacts', { userId: ben.userId, email: ann.email.toUpperCase() })
    expect(taken).toMatchObject({ status: 409, body: { code: 'contact-taken' } })
    const asked = await house.ask({ right: 'access', identifier: { type: 'email', value: ben.email } })
    await house.work() // and Ben’s is still his: nothing of the refused change stayed
    expect(house.mailsTo(ben.email)).toHaveLength(1)
    expect((await house.row(asked.requestId)).state).toBe('identity_pending')
    const { rows } = await house.weir.owner.$client.query<{ text: string }>(
      `select string_agg(i::text, ' ') as text from weir.identifier i`,
    )
    expect(rows[0]!.text).not.toContain(Buffer.from(ann.email).toString('hex'))
  })

  test('are vouched for by a server key alone, and only of whom something is held', async () => {
    const body = { userId: ann.userId, email: 'mallory@evil.example' }
    expect(await house.page.post('/v1/contacts', body)).toMatchObject({
      status: 403,
      body: { code: 'server-key-needed' },
    })
    const unknown = await house.weir.server.post('/v1/contacts', { userId: 'nobody', email: 'nobody@mail.example' })
    expect(unknown).toMatchObject({ status: 404, body: { code: 'user-unknown' } })
    const bad = await house.weir.server.post('/v1/contacts', {
      userId: ann.userId,
      email: 'a@b\r\nBcc: x@evil.example',
    })
    expect(bad).toMatchObject({ status: 400, body: { code: 'bad-identifier' } })
  })

  test('are taken off with null', async () => {
    const cleo = await house.person()
    await house.weir.server.post('/v1/contacts', { userId: cleo.userId, email: null })
    await house.ask({ right: 'access', identifier: { type: 'email', value: cleo.email } })
    await house.ask({ right: 'access', identifier: { type: 'user_id', value: cleo.userId } })
    await house.work()
    expect(house.mailsTo(cleo.email)).toEqual([])
    expect(house.smsTo(cleo.phone)).toHaveLength(1)
  })
})

describe('a link by mail', () => {
  test('proves who asks in the browser that asked, once', async () => {
    const browser = newBrowser()
    const identifier = { type: 'email', value: ann.email.toUpperCase() }
    const asked = await house.ask({ right: 'access', identifier, language: 'zh-CN', browser })
    expect(await house.status(asked)).toMatchObject({ state: 'received', proven: false, next: 'prove' })
    await house.work()
    const [mail = ''] = house.mailsTo(ann.email)
    expect(mail).toContain('请确认您的请求')
    const token = tokenIn(mail, 'confirm')
    const path = `/v1/requests/${asked.requestId}/verify`
    expect(await house.call('GET', path)).toMatchObject({ status: 405 }) // a scanner that opens it changes nothing
    expect(await house.call('POST', path, { token })).toMatchObject({ status: 403, body: { code: 'other-browser' } })
    const proven = await house.call('POST', path, { token, browser })
    expect(proven).toMatchObject({ status: 200, body: { state: 'verified', proven: true } })
    expect(proven.body.secret).toBeUndefined()
    expect(await house.call('POST', path, { token, browser })).toMatchObject({ status: 409 })
    expect(await house.row(asked.requestId)).toMatchObject({ verified_by: 'mail-link', subjects: 1 })
    await house.work()
    expect(await house.status(asked)).toMatchObject({ state: 'completed', next: 'download', provenBy: 'mail-link' })
    expect(house.mailsTo(ann.email).join()).toContain('您的信息可以下载了')
    const looks = await house.weir.entries('request.read')
    expect(looks.length).toBeGreaterThan(0)
    expect(await house.weir.entries('request.verify')).toMatchObject([{ outcome: 'done' }])
  })

  test('that no browser asked for passes the request to whoever opened it', async () => {
    const dora = await house.person()
    const identifier = { type: 'email', value: dora.email }
    const asked = await house.ask({ right: 'access', identifier, verifyBy: 'mail-link' })
    await house.work()
    const token = tokenIn(house.mailsTo(dora.email).join(), 'confirm')
    const proven = await house.call('POST', `/v1/requests/${asked.requestId}/verify`, { token })
    expect(proven.status).toBe(200)
    const old = await house.call('GET', `/v1/requests/${asked.requestId}`, undefined, bearer(asked.secret))
    expect(old).toMatchObject({ status: 404, body: { code: 'request-unknown' } })
    const secret = String(proven.body.secret)
    expect(await house.status({ ...asked, secret })).toMatchObject({ proven: true })
  })
})

describe('a code', () => {
  test('by mail is typed where it was asked for; blanks and small letters do no harm', async () => {
    const emil = await house.person()
    const asked = await house.ask({
      right: 'access',
      identifier: { type: 'user_id', value: emil.userId },
      language: 'en',
    })
    await house.work()
    const [mail = ''] = house.mailsTo(emil.email)
    expect(mail).toContain('Please confirm your request')
    const code = codeIn(mail)
    const typed = `${code.slice(0, 4)} ${code.slice(4)}`.toLowerCase()
    const path = `/v1/requests/${asked.requestId}/verify`
    expect(await house.call('POST', path, { code: typed })).toMatchObject({ status: 404 }) // without the secret
    expect(await house.call('POST', path, { code: typed }, bearer(asked.secret))).toMatchObject({ status: 200 })
    expect(await house.row(asked.requestId)).toMatchObject({ verified_by: 'mail-code', needs_officer: false })
  })

  test('by SMS proves as much, but an export then waits for an officer', async () => {
    const fay = await house.person()
    const asked = await house.ask({ right: 'access', identifier: { type: 'phone', value: fay.phone } })
    await house.work()
    const [text = ''] = house.smsTo(fay.phone)
    expect(house.mailsTo(fay.email)).toEqual([])
    const headers = { 'weir-request-secret': asked.secret }
    const path = `/v1/requests/${asked.requestId}/verify`
    expect(await house.call('POST', path, { code: codeIn(text) }, headers)).toMatchObject({ status: 200 })
    expect(await house.row(asked.requestId)).toMatchObject({ verified_by: 'sms-code', needs_officer: true })
    await house.work()
    expect(await house.status(asked)).toMatchObject({ state: 'verified' })
    expect(String((await house.status(asked)).stateText)).toContain('A person looks at it')
  })

  test('is good for a quarter of an hour from when it was sent', async () => {
    const gus = await house.person()
    const asked = await house.ask({ right: 'access', identifier: { type: 'email', value: gus.email } })
    await house.work()
    const code = codeIn(house.mailsTo(gus.email).join())
    house.weir.moveClock(15 * 60_000 + 1_000)
    const path = `/v1/requests/${asked.requestId}`
    const late = await house.call('POST', `${path}/verify`, { code }, bearer(asked.secret))
    expect(late).toMatchObject({ status: 403, body: { code: 'code-wrong' } })
    expect(await house.call('POST', `${path}/resend`, {}, bearer(asked.secret))).toMatchObject({ status: 202 })
    await until('it is sent again', async () => {
      await house.work()
      return house.mailbox.received.length > 0
    })
    const again = codeIn(house.mailsTo(gus.email).join())
    expect(again).not.toBe(code)
    expect(await house.call('POST', `${path}/verify`, { code: again }, bearer(asked.secret))).toMatchObject({
      status: 200,
    })
  })

  test('comes another way where that is asked for, and not for ever', async () => {
    const hal = await house.person()
    const asked = await house.ask({ right: 'access', identifier: { type: 'email', value: hal.email } })
    await house.work()
    expect(house.mailsTo(hal.email)).toHaveLength(1)
    const again = (body: object) =>
      house.call('POST', `/v1/requests/${asked.requestId}/resend`, { ...body }, bearer(asked.secret))
    expect((await again({ verifyBy: 'sms-code' })).status).toBe(202)
    await until('it comes by SMS', async () => {
      await house.work()
      return house.smsTo(hal.phone).length === 1
    })
    expect((await again({})).status).toBe(202)
    expect((await again({})).status).toBe(202)
    const refused = await again({})
    expect(refused).toMatchObject({ status: 429, body: { code: 'sent-too-often' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    await house.work()
  })

  test('that a mail server does not take waits, and is good from when it does', async () => {
    const ida = await house.person()
    house.mailbox.refuse(true)
    const asked = await house.ask({ right: 'access', identifier: { type: 'email', value: ida.email } })
    await house.work()
    house.weir.moveClock(20 * 60_000) // longer than a code is good
    await house.work()
    house.mailbox.refuse(false)
    house.weir.moveClock(20 * 60_000)
    await house.work()
    const [mail = '', ...more] = house.mailsTo(ida.email)
    expect(more).toEqual([])
    const path = `/v1/requests/${asked.requestId}/verify`
    expect((await house.call('POST', path, { code: codeIn(mail) }, bearer(asked.secret))).status).toBe(200)
    expect(house.weir.logged()).toContain('a message to a person was not sent')
    expect(house.weir.logged()).not.toContain(ida.email)
  })

  test('that no server takes is given up after a day of tries, and the history says so', async () => {
    const ivo = await house.person()
    house.mailbox.refuse(true)
    const asked = await house.ask({ right: 'access', identifier: { type: 'email', value: ivo.email } })
    for (let i = 0; i < 26; i++) {
      await house.work()
      house.weir.moveClock(HOUR)
    }
    house.mailbox.refuse(false)
    await house.work()
    expect(house.mailsTo(ivo.email)).toEqual([])
    const { rows } = await house.weir.owner.$client.query(
      `select what, more from weir.request_event where request_id = $1 and what = 'message-given-up'`,
      [asked.requestId],
    )
    expect(rows).toEqual([{ what: 'message-given-up', more: 'proof' }])
  })
})

describe('who is signed in', () => {
  test('is proved by a session token, once, and reaches what is theirs alone', async () => {
    const subjectToken = await house.session(ann.userId)
    const identifier = { type: 'user_id', value: ann.userId }
    const asked = await house.ask({ right: 'access', identifier, subjectToken })
    await house.work()
    expect(await house.status(asked)).toMatchObject({ state: 'completed', provenBy: 'session-token' })
    const again = await house.page.post('/v1/requests', { right: 'access', identifier, subjectToken })
    expect(again).toMatchObject({ status: 401, body: { code: 'used-already' } })
  })

  test('in the privacy centre needs no write key: any shop’s key that is registered will do', async () => {
    const subjectToken = await house.session(ann.userId)
    const identifier = { type: 'user_id', value: ann.userId }
    const asked = await house.call('POST', '/v1/requests', { right: 'access', identifier, subjectToken })
    expect(asked.status).toBe(202)
    const { rows } = await house.weir.owner.$client.query('select door from weir.request where request_id = $1', [
      asked.body.requestId,
    ])
    expect(rows).toEqual([{ door: 'privacy' }])
  })

  test('erases after a second proof where the token does not say that they signed in just now', async () => {
    const jan = await house.person()
    const identifier = { type: 'user_id', value: jan.userId }
    const subjectToken = await house.session(jan.userId)
    const asked = await house.ask({ right: 'erasure', identifier, subjectToken })
    await house.work()
    expect(await house.row(asked.requestId)).toMatchObject({ state: 'identity_pending', subjects: 0 })
    const code = codeIn(house.mailsTo(jan.email).join())
    const path = `/v1/requests/${asked.requestId}/verify`
    expect(await house.call('POST', path, { code }, bearer(asked.secret))).toMatchObject({ status: 200 })
    await house.work()
    expect(await house.status(asked)).toMatchObject({ state: 'cooling_off', canCancel: true })
  })

  test('as a server says so, is who the server says', async () => {
    const identifier = { type: 'user_id', value: ann.userId }
    const asked = await house.ask({ right: 'portability', identifier }, house.weir.server)
    await house.work()
    expect(await house.row(asked.requestId)).toMatchObject({ state: 'completed', verified_by: 'server-key' })
    house.mailsTo(ann.email)
  })
})

describe('an erasure', () => {
  async function begun(): Promise<{ person: Person; asked: Awaited<ReturnType<House['ask']>> }> {
    const person = await house.person()
    const identifier = { type: 'user_id', value: person.userId }
    const asked = await house.ask({ right: 'erasure', identifier, language: 'en' }, house.weir.server)
    await house.work()
    return { person, asked }
  }

  test('is told to every contact on file, and is taken back by the link in either', async () => {
    const { person, asked } = await begun()
    const mails = house.mailsTo(person.email)
    expect(mails).toHaveLength(1)
    expect(mails[0]).toContain('Your data is about to be erased')
    const [sms = ''] = house.smsTo(person.phone)
    expect(await house.weir.send(track(person.userId, 'Product Viewed', { product_id: 'P-1' }))).toEqual(['suppressed'])
    const token = tokenIn(sms, 'cancel')
    expect(tokenIn(mails[0]!, 'cancel')).toBe(token)
    const path = `/v1/requests/${asked.requestId}/cancel`
    expect(
      await house.call('POST', path, { token: token.replace(/^./, (c) => (c === 'a' ? 'b' : 'a')) }),
    ).toMatchObject({
      status: 404,
    })
    const cancelled = await house.call('POST', path, { token })
    expect(cancelled).toMatchObject({ status: 200, body: { state: 'cancelled', canCancel: false } })
    expect(await house.call('POST', path, { token })).toMatchObject({ status: 200 })
    expect(await house.weir.send(track(person.userId, 'Product Viewed', { product_id: 'P-1' }))).toEqual(['accepted'])
    await house.work()
    expect(house.mailsTo(person.email).join()).toContain('Your request was taken back')
    const { rows } = await house.weir.owner.$client.query(
      'select from weir.request_content where request_id = $1 union all select from weir.subject_key where subject_id = $1',
      [asked.requestId],
    )
    expect(rows).toEqual([]) // and what it said is forgotten
  })

  test('is taken back with its secret too, and not once it has begun', async () => {
    const { asked } = await begun()
    house.weir.moveClock(25 * HOUR)
    await house.work()
    const status = await house.status(asked)
    expect(['completed', 'completed_partial']).toContain(status.state)
    expect(String(status.receipt).split('.')).toHaveLength(3)
    expect(String(status.receiptSalt)).toMatch(/^[\w-]{43}$/)
    const late = await house.call('POST', `/v1/requests/${asked.requestId}/cancel`, {}, bearer(asked.secret))
    expect(late).toMatchObject({ status: 409, body: { code: 'request-state' } })
  })

  test('is told of when it is done, to who was on file before', async () => {
    const { person, asked } = await begun()
    house.mailsTo(person.email)
    house.weir.moveClock(25 * HOUR)
    await house.work()
    expect(house.mailsTo(person.email).join()).toContain('Your data is erased')
    const kinds = await house.weir.owner.$client.query<{ kind: string }>(
      'select kind from weir.request_content where request_id = $1',
      [asked.requestId],
    )
    expect(kinds.rows.map(({ kind }) => kind)).not.toContain('contact')
    house.weir.moveClock(31 * 24 * HOUR)
    await house.work()
    const { rows } = await house.weir.owner.$client.query('select from weir.subject_key where subject_id = $1', [
      asked.requestId,
    ])
    expect(rows).toEqual([])
  })
})

describe('without an account', () => {
  test('the secret of a device proves that device alone', async () => {
    const device = newDevice()
    await house.page.post('/v1/consent', { ...device, choices: { analytics: true } })
    const { anonymousId: value, anonymousSecret } = device
    const identifier = { type: 'anonymous_id', value }
    const asked = await house.ask({ right: 'access', identifier, anonymousSecret })
    const wrong = await house.ask({ right: 'access', identifier, anonymousSecret: newDevice().anonymousSecret })
    const none = await house.ask({ right: 'access', identifier })
    await house.work()
    expect(await house.row(asked.requestId)).toMatchObject({
      state: 'completed',
      verified_by: 'device-secret',
      subjects: 1,
    })
    for (const { requestId } of [wrong, none]) {
      expect(await house.row(requestId)).toMatchObject({ state: 'identity_pending', subjects: 0 })
    }
  })

  test('no needs no proof, and shows nothing', async () => {
    const kim = await house.person()
    const asked = await house.ask({ right: 'objection', identifier: { type: 'email', value: kim.email } })
    await house.work()
    const status = await house.status(asked)
    expect(status).toMatchObject({ state: 'completed', proven: false })
    expect(Object.keys(status)).not.toContain('recipients')
    expect(house.mailsTo(kim.email)).toEqual([])
  })
})

test('a request that nobody proves expires, and nobody is told', async () => {
  const asked = await house.ask({ right: 'access', identifier: { type: 'email', value: 'nobody@mail.example' } })
  await house.work()
  house.weir.moveClock(15 * 24 * HOUR)
  await house.work()
  expect(await house.status(asked)).toMatchObject({ state: 'expired', next: 'nothing' })
  expect(house.mailsTo('nobody@mail.example')).toEqual([])
})
