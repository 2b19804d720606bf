import { createHmac, randomUUID } from 'node:crypto'
import { base64url, type JWTPayload } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import type { Caller } from '../../support/test-app.ts'
import { until } from '../../support/until.ts'
import { type AskedFor, type House, makeSigner, newBrowser, openHouse, type Person, tokenIn } from './house.ts'

let house: House
let victim: Person
let mallory: Person
beforeAll(async () => {
  house = await openHouse()
  victim = await house.person()
  mallory = await house.person()
})
afterAll(() => house.stop())

const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` })
const verify = ({ requestId, secret }: AskedFor, body: JsonObject): ReturnType<House['call']> =>
  house.call('POST', `/v1/requests/${requestId}/verify`, body, bearer(secret))

async function subjectsOf(requestId: string): Promise<string[]> {
  const { rows } = await house.weir.owner.$client.query<{ subject_id: string }>(
    'select subject_id from weir.request_person where request_id = $1 order by 1',
    [requestId],
  )
  return rows.map((row) => row.subject_id)
}

/** Whose data a server that vouches for a user reaches: what a request may reach at most. */
async function scopeOf({ userId: value }: Person): Promise<string[]> {
  const asked = await house.ask({ right: 'access', identifier: { type: 'user_id', value } }, house.weir.server)
  await house.work()
  house.mailsTo(mallory.email)
  house.mailsTo(victim.email)
  return subjectsOf(asked.requestId)
}

describe('another person named beside oneself', () => {
  test.each(['phone', 'email'] as const)(
    'by %s: what is proved is the scope, and the other is written nothing',
    async (type) => {
      const own = await scopeOf(mallory)
      for (const right of ['access', 'erasure'] as const) {
        const subjectToken = await house.session(mallory.userId, { claims: { auth_time: clock() } })
        const identifier = { type, value: victim[type] }
        const asked = await house.ask({
          right,
          identifier,
          subjectToken,
          verifyBy: type === 'phone' ? 'sms-code' : 'mail-code',
        })
        await house.work()
        expect(await subjectsOf(asked.requestId)).toEqual(own)
        if (right === 'access') {
          const kept = await house.weir.owner.$client.query(
            `select from weir.request where request_id = $1 and needs_officer`,
            [asked.requestId],
          )
          expect(kept.rows).toEqual([])
        }
        await house.call('POST', `/v1/requests/${asked.requestId}/cancel`, {}, bearer(asked.secret))
        await house.work()
      }
      expect(house.mailsTo(victim.email)).toEqual([])
      expect(house.smsTo(victim.phone)).toEqual([])
      house.mailsTo(mallory.email)
      house.smsTo(mallory.phone)
    },
  )

  test('an erasure that names somebody else’s address waits for an officer, as one that names nobody’s does', async () => {
    const told: unknown[] = []
    for (const value of [victim.email, 'nobody-at-all@mail.example']) {
      const subjectToken = await house.session(mallory.userId, { claims: { auth_time: clock() } })
      const asked = await house.ask({ right: 'erasure', identifier: { type: 'email', value }, subjectToken })
      await house.work()
      expect(await house.row(asked.requestId)).toMatchObject({ needs_officer: true, state: 'verified' })
      const { requestId: _, receivedAt: __, promisedBy: ___, legalDueBy: ____, ...status } = await house.status(asked)
      told.push(status)
      await house.call('POST', `/v1/requests/${asked.requestId}/cancel`, {}, bearer(asked.secret))
      await house.work()
    }
    expect(told[0]).toEqual(told[1]) // else it could be asked whose addresses are known
    house.mailsTo(mallory.email)
    house.smsTo(mallory.phone)
  })

  test('by user id is refused at once, and there is no place for a second identifier', async () => {
    const identifier = { type: 'user_id', value: victim.userId }
    const subjectToken = await house.session(mallory.userId)
    const other = await house.page.post('/v1/requests', { right: 'access', identifier, subjectToken })
    expect(other).toMatchObject({ status: 403, body: { code: 'not-yours' } })
    for (const more of [{ phone: victim.phone }, { identifiers: [identifier] }, { contact: mallory.email }]) {
      const own = { type: 'user_id', value: mallory.userId }
      const answer = await house.page.post('/v1/requests', { right: 'access', identifier: own, ...more })
      expect(answer).toMatchObject({ status: 400, body: { code: 'request-invalid' } })
    }
  })

  test('a public key vouches for nobody', async () => {
    const asked = await house.ask({ right: 'access', identifier: { type: 'user_id', value: victim.userId } })
    await house.work()
    expect(await house.row(asked.requestId)).toMatchObject({
      state: 'identity_pending',
      verified_by: null,
      subjects: 0,
    })
    house.mailsTo(victim.email)
  })
})

describe('a link', () => {
  test('that somebody else asked for and the victim opens gives the one who asked nothing', async () => {
    const asked = await house.ask({
      right: 'access',
      identifier: { type: 'email', value: victim.email },
      verifyBy: 'mail-link',
    })
    await house.work()
    const token = tokenIn(house.mailsTo(victim.email).join(), 'confirm')
    const opened = await house.call('POST', `/v1/requests/${asked.requestId}/verify`, { token })
    expect(opened.status).toBe(200)
    for (const path of ['', '/cancel', '/resend']) {
      const method = path === '' ? 'GET' : 'POST'
      const answer = await house.call(
        method,
        `/v1/requests/${asked.requestId}${path}`,
        path === '' ? undefined : {},
        bearer(asked.secret),
      )
      expect(answer).toMatchObject({ status: 404, body: { code: 'request-unknown' } })
    }
    await house.work()
    house.mailsTo(victim.email)
  })

  test('that is forwarded works in no other browser, nor after it was replaced, and a GET changes nothing', async () => {
    const browser = newBrowser()
    const asked = await house.ask({ right: 'access', identifier: { type: 'email', value: victim.email }, browser })
    await house.work()
    const token = tokenIn(house.mailsTo(victim.email).join(), 'confirm')
    for (const [more, code] of [
      [{}, 'other-browser'],
      [{ browser: newBrowser() }, 'other-browser'],
    ] as const) {
      expect(await verify(asked, { token, ...more })).toMatchObject({ status: 403, body: { code } })
      const without = await house.call('POST', `/v1/requests/${asked.requestId}/verify`, { token, ...more })
      expect(without).toMatchObject({ status: 403, body: { code } })
    }
    for (const path of ['verify', 'cancel', `confirm/${token}`, `cancel/${token}`]) {
      const opened = await house.call('GET', `/v1/requests/${asked.requestId}/${path}`, undefined, bearer(asked.secret))
      expect([404, 405]).toContain(opened.status)
    }
    expect((await house.row(asked.requestId)).state).toBe('identity_pending')
    await house.call('POST', `/v1/requests/${asked.requestId}/resend`, {}, bearer(asked.secret))
    await until('another is sent', async () => {
      await house.work()
      return house.mailbox.received.length > 0
    })
    expect(await verify(asked, { token, browser })).toMatchObject({ status: 403, body: { code: 'code-wrong' } })
    house.mailsTo(victim.email)
  })

  test('to prove is none to cancel, and the other way round', async () => {
    const asked = await house.ask({
      right: 'erasure',
      identifier: { type: 'email', value: mallory.email },
      verifyBy: 'mail-link',
    })
    await house.work()
    const token = tokenIn(house.mailsTo(mallory.email).join(), 'confirm')
    const cancel = `/v1/requests/${asked.requestId}/cancel`
    expect(await house.call('POST', cancel, { token })).toMatchObject({ status: 404 })
    const proven = await verify(asked, { token })
    expect(proven.status).toBe(200)
    await house.work()
    const undo = tokenIn(house.mailsTo(mallory.email).join(), 'cancel')
    const other = await house.ask({ right: 'erasure', identifier: { type: 'email', value: mallory.email } })
    await house.work()
    expect(await house.call('POST', `/v1/requests/${other.requestId}/cancel`, { token: undo })).toMatchObject({
      status: 404,
    })
    expect(await house.call('POST', `/v1/requests/${other.requestId}/verify`, { token: undo })).toMatchObject({
      status: 404,
    })
    expect(await house.call('POST', cancel, { token: undo })).toMatchObject({ status: 200 })
    await house.work()
    house.mailsTo(mallory.email)
    house.smsTo(mallory.phone)
  })
})

/** Seconds since 1970 by the gateway's clock. */
function clock(): number {
  return Math.floor(house.weir.app.rights.deps.now() / 1000)
}

describe('a session token', () => {
  const ask = (
    subjectToken: string,
    right = 'access',
    by: Caller | undefined = house.page,
  ): Promise<{ status: number; body: JsonObject }> => {
    const body = { right, identifier: { type: 'user_id', value: mallory.userId }, subjectToken }
    return by === undefined ? house.call('POST', '/v1/requests', body) : by.post('/v1/requests', body)
  }

  test('is good once: not again, not without a key, not signed anew under the same number, not with its signature written otherwise', async () => {
    const jti = randomUUID()
    const token = await house.session(mallory.userId, { claims: { jti } })
    expect((await ask(token)).status).toBe(202)
    const replays = [await ask(token), await ask(token, 'access', undefined), await ask(token, 'erasure')]
    const anew = await ask(await house.session(mallory.userId, { claims: { jti, iat: clock() - 1 } }))
    for (const answer of [...replays, anew])
      expect(answer).toMatchObject({ status: 401, body: { code: 'used-already' } })
    const shop = await makeSigner('ES256')
    const page = await house.weir.source({ kind: 'browser', origins: ['https://es.example'], subjectKey: shop.jwk })
    const es = await shop.sign({ sub: mallory.userId, aud: 'weir', iat: clock(), exp: clock() + 60 })
    expect((await ask(es, 'access', page)).status).toBe(202)
    expect(await ask(otherSignature(es), 'access', page)).toMatchObject({ status: 401, body: { code: 'used-already' } })
  })

  test('used many times at once is used once', async () => {
    const token = await house.session(mallory.userId)
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(token)))
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1)
    expect(answers.filter(({ body }) => body.code === 'used-already')).toHaveLength(11)
  })

  test.each<[string, JWTPayload, string?]>([
    ['older than five minutes', { iat: -330, exp: 600 }],
    ['of the future', { iat: 600, exp: 900 }],
    ['that is over', { iat: -100, exp: -50 }],
    ['without an end', { exp: 'none' } as unknown as JWTPayload],
    ['for another audience', { aud: 'https://elsewhere.example' }],
    ['for another right', { right: 'portability' }],
    ['of nobody', { sub: '' }],
    ['of another kind', {}, 'at+jwt'],
    ['that is a mandate', {}, 'dsr-mandate+jwt'],
  ])('%s is refused', async (_, claims, typ) => {
    const { iat, exp, ...rest } = claims
    const times = {
      ...(iat === undefined ? {} : { iat: clock() + iat }),
      ...(typeof exp === 'number' ? { exp: clock() + exp } : {}),
    }
    const token = await house.session(mallory.userId, {
      claims: { ...rest, ...times },
      ...(typ === undefined ? {} : { typ }),
    })
    const shown =
      (exp as unknown) === 'none' ? await house.signed.sign({ sub: mallory.userId, aud: 'weir', iat: clock() }) : token
    expect(await ask(shown)).toMatchObject({ status: 401, body: { code: 'bad-session-token' } })
  })

  test('of another key, unsigned, or signed with the public key as a secret, is refused', async () => {
    const claims = { sub: mallory.userId, aud: 'weir', iat: clock(), exp: clock() + 60 }
    const stranger = await makeSigner()
    const payload = base64url.encode(JSON.stringify(claims))
    const none = `${base64url.encode('{"alg":"none"}')}.${payload}.`
    const head = `${base64url.encode('{"alg":"HS256"}')}.${payload}`
    const mac = createHmac('sha256', String(house.signed.jwk.x)).update(head).digest('base64url')
    for (const token of [await stranger.sign(claims), none, `${head}.${mac}`, 'x', 'a.b.c']) {
      expect(await ask(token)).toMatchObject({ status: 401, body: { code: 'bad-session-token' } })
    }
  })

  test('that says when somebody signed in says it was just now, or erases nothing', async () => {
    const erase = async (claims: JWTPayload, typ?: string) =>
      ask(await house.session(mallory.userId, { claims, ...(typ === undefined ? {} : { typ }) }), 'erasure')
    const old = { auth_time: clock() - 620 }
    expect(await erase(old)).toMatchObject({ status: 401, body: { code: 'sign-in-again' } })
    expect(await erase({}, 'dsr-session+jwt')).toMatchObject({ status: 401, body: { code: 'sign-in-again' } })
    expect(await erase({ auth_time: clock() + 3_600 })).toMatchObject({ status: 401, body: { code: 'sign-in-again' } })
    const asked = await erase({ auth_time: clock() - 500, right: 'erasure' }, 'dsr-session+jwt')
    expect(asked.status).toBe(202)
    await house.work()
    expect((await house.row(String(asked.body.requestId))).state).toBe('cooling_off')
    const { requestId, secret } = asked.body as unknown as AskedFor
    await house.call('POST', `/v1/requests/${requestId}/cancel`, {}, bearer(secret))
    await house.work()
    house.mailsTo(mallory.email)
    house.smsTo(mallory.phone)
  })

  test('of a request is shown in no log and no answer', async () => {
    const token = await house.session(mallory.userId, { claims: { aud: 'nobody' } })
    const answer = await ask(token)
    expect(JSON.stringify(answer.body)).not.toContain(token.slice(0, 20))
    expect(house.weir.logged()).not.toContain(token.slice(-20))
  })
})

/** The other signature over the same: (r, n − s) holds where (r, s) does. */
function otherSignature(token: string): string {
  const [head, payload, signature = ''] = token.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const s = n - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  const twin = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
  return `${head}.${payload}.${twin.toString('base64url')}`
}
