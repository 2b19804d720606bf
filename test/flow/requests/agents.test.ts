import { randomUUID } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import type { Caller } from '../../support/test-app.ts'
import { type AskedFor, codeIn, type House, makeSigner, openHouse, type Person, type Signer, tokenIn } from './house.ts'

let house: House
let victim: Person
beforeAll(async () => {
  house = await openHouse()
  victim = await house.person()
})
afterAll(() => house.stop())

const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` })

/** Seconds since 1970 by the gateway's clock. */
function clock(): number {
  return Math.floor(house.weir.app.rights.deps.now() / 1000)
}

describe('an agent', () => {
  let agent: Signer
  let source: Caller
  beforeAll(async () => {
    agent = await makeSigner()
    source = await house.weir.source({
      kind: 'browser',
      name: 'helpful',
      origins: ['https://agent.example'],
      agentKey: agent.jwk,
    })
  })

  const mandate = (claims: JWTPayload = {}, typ = 'dsr-mandate+jwt', signer = agent): Promise<string> =>
    signer.sign(
      {
        agent: 'helpful',
        right: 'access',
        sub: victim.email,
        aud: 'weir/requests',
        jti: randomUUID(),
        exp: clock() + 86_400,
        ...claims,
      },
      typ,
    )
  const ask = (token: string | undefined, more: JsonObject = {}, by: Caller = source) =>
    by.post('/v1/requests', {
      right: 'access',
      identifier: { type: 'email', value: victim.email },
      ...(token === undefined ? {} : { agent: token }),
      ...more,
    })

  test.each<[string, JWTPayload, string?]>([
    ['of another agent', { agent: 'greedy' }],
    ['for another right', { right: 'erasure' }],
    ['for another person', { sub: 'somebody@mail.example' }],
    ['for another audience', { aud: 'weir' }],
    ['without a number', { jti: '' }],
    ['for ever', { exp: 9_999_999_999 }],
    ['of another kind', {}, 'JWT'],
    ['that is a session token', {}, 'dsr-session+jwt'],
  ])('with a mandate %s is refused', async (_, claims, typ) => {
    expect(await ask(await mandate(claims, typ))).toMatchObject({ status: 401, body: { code: 'bad-mandate' } })
  })

  test('is held to a mandate, of its own key, each good once, and has no other voice', async () => {
    expect(await ask(undefined)).toMatchObject({ status: 403, body: { code: 'mandate-missing' } })
    const expired = await mandate({ exp: clock() - 60 })
    expect(await ask(expired)).toMatchObject({ status: 401, body: { code: 'bad-mandate' } })
    expect(await ask(await mandate({}, undefined, await makeSigner()))).toMatchObject({ status: 401 })
    expect(await ask(await mandate(), {}, house.page)).toMatchObject({ status: 401, body: { code: 'bad-mandate' } })
    const session = await agent.sign({ sub: victim.userId, aud: 'weir', iat: clock(), exp: clock() + 60 })
    const identifier = { type: 'user_id', value: victim.userId }
    for (const by of [house.page, source]) {
      const answer = await by.post('/v1/requests', { right: 'access', identifier, subjectToken: session })
      expect([401, 403]).toContain(answer.status)
    }
    expect((await source.post('/v1/consent', { subjectToken: session, choices: { analytics: false } })).status).toBe(
      401,
    )
    const changes = [{ event: 'identify', path: 'traits.firstName', to: 'X' }]
    const correction = await ask(await mandate({ right: 'correction' }), { right: 'correction', changes })
    expect(correction).toMatchObject({ status: 403, body: { code: 'not-for-agents' } })
    const token = await mandate()
    expect((await ask(token)).status).toBe(202)
    expect(await ask(token)).toMatchObject({ status: 401, body: { code: 'used-already' } })
    await house.work()
    house.mailsTo(victim.email)
  })

  test.each(['access', 'erasure'] as const)(
    'gets no %s but by the person’s own confirmation, and then an officer’s',
    async (right) => {
      const asked = (await ask(await mandate({ right }), { right, verifyBy: 'sms-code' })).body as unknown as AskedFor
      await house.work()
      expect(house.smsTo(victim.phone)).toEqual([])
      const [mail = ''] = house.mailsTo(victim.email)
      expect(mail).toContain('helpful asked us, on your behalf,')
      expect(codeIn(mail.replace(/https?:\S+/g, '').replace(/\s[0-9a-f-]{36}/g, ''))).toBe('') // nothing that could be told on the phone
      expect(await house.status(asked)).toMatchObject({ state: 'identity_pending', proven: false })
      const token = tokenIn(mail, 'confirm')
      const confirmed = await house.call('POST', `/v1/requests/${asked.requestId}/verify`, { token })
      expect(confirmed).toMatchObject({ status: 200 })
      expect(await house.row(asked.requestId)).toMatchObject({ state: 'verified', needs_officer: true })
      await house.work()
      expect((await house.row(asked.requestId)).state).toBe('verified')
      await house.call('POST', `/v1/requests/${asked.requestId}/cancel`, {}, bearer(asked.secret))
      await house.work()
      house.mailsTo(victim.email)
      house.smsTo(victim.phone)
    },
  )

  test('may say no for somebody without asking them, and is shown nothing', async () => {
    const asked = (await ask(await mandate({ right: 'objection' }), { right: 'objection' })).body as unknown as AskedFor
    await house.work()
    expect(await house.status(asked)).toMatchObject({ state: 'completed', proven: false })
    expect(house.mailsTo(victim.email)).toEqual([])
  })
})
