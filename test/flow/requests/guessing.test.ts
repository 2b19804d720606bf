import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import { type AskedFor, codeIn, type House, newBrowser, openHouse, type Person, tokenIn } from './house.ts'

const HOUR = 3_600_000

let house: House
beforeAll(async () => {
  house = await openHouse()
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

describe('codes', () => {
  test('are tried five times a request, also many at once, and then the right one is none', async () => {
    house.weir.moveClock(HOUR)
    const person = await house.person()
    const asked = await house.ask({ right: 'access', identifier: { type: 'email', value: person.email } })
    await house.work()
    const code = codeIn(house.mailsTo(person.email).join())
    const guesses = await Promise.all(Array.from({ length: 20 }, (_, i) => verify(asked, { code: `AAAAAA${i + 22}` })))
    expect(guesses.filter(({ status }) => status === 403)).toHaveLength(5)
    expect(guesses.filter(({ status, body }) => status === 429 && body.code === 'too-many-tries')).toHaveLength(15)
    expect(await verify(asked, { code })).toMatchObject({ status: 429 })
    expect((await house.row(asked.requestId)).state).toBe('identity_pending')
  })

  test('are tried twenty times a day for one person, whatever the request: who goes on is told nothing else', async () => {
    house.weir.moveClock(HOUR)
    const person = await house.person()
    for (let i = 0; i < 4; i++) {
      const asked = await house.ask({ right: 'access', identifier: { type: 'email', value: person.email } })
      for (let j = 0; j < 5; j++) expect((await verify(asked, { code: '00000000' })).status).toBe(403)
    }
    const asked = await house.ask({ right: 'access', identifier: { type: 'email', value: person.email } })
    await house.work()
    const code = codeIn(house.mailsTo(person.email).at(-1) ?? '')
    const answer = await verify(asked, { code })
    expect(answer).toMatchObject({ status: 403, body: { code: 'code-wrong' } })
    house.weir.moveClock(24 * HOUR)
  })

  test('of one request prove no other, and links are no codes', async () => {
    const [one, other] = [await house.person(), await house.person()]
    const identifierOf = ({ email: value }: Person) => ({ type: 'email', value })
    const first = await house.ask({ right: 'access', identifier: identifierOf(one) })
    const second = await house.ask({ right: 'access', identifier: identifierOf(other) })
    await house.work()
    const code = codeIn(house.mailsTo(one.email).join())
    expect(await verify(second, { code })).toMatchObject({ status: 403 })
    expect(await verify(second, { token: code })).toMatchObject({ status: 403 })
    expect(await verify({ ...first, secret: second.secret }, { code })).toMatchObject({ status: 404 })
    expect(await verify(first, { code })).toMatchObject({ status: 200 })
  })

  test('sent to an address that is another’s by now prove nobody', async () => {
    const [one, other] = [await house.person(), await house.person()]
    const asked = await house.ask({ right: 'access', identifier: { type: 'user_id', value: one.userId } })
    await house.work()
    const code = codeIn(house.mailsTo(one.email).join())
    await house.weir.server.post('/v1/contacts', { userId: one.userId, email: 'moved@mail.example' })
    await house.weir.server.post('/v1/contacts', { userId: other.userId, email: one.email })
    expect(await verify(asked, { code })).toMatchObject({ status: 403, body: { code: 'code-wrong' } })
    expect(await subjectsOf(asked.requestId)).toEqual([])
  })

  test('stand nowhere: not in the database, not in a log', async () => {
    const person = await house.person()
    const browser = newBrowser()
    const asked = await house.ask({ right: 'access', identifier: { type: 'email', value: person.email }, browser })
    await house.work()
    const token = tokenIn(house.mailsTo(person.email).join(), 'confirm')
    const { rows } = await house.weir.owner.$client.query<{ all: string }>(
      `select string_agg(t, ' ') as all from (
         select p::text as t from weir.request_proof p union all select m::text from weir.request_message m
         union all select r::text from weir.request r union all select c::text from weir.request_content c
         union all select e::text from weir.request_event e union all select h::text from weir.request_throttle h) x`,
    )
    for (const secret of [token, asked.secret, browser, person.email]) {
      for (const form of [
        secret,
        Buffer.from(secret).toString('hex'),
        Buffer.from(secret, 'base64url').toString('hex'),
      ]) {
        expect(rows[0]!.all).not.toContain(form)
        expect(house.weir.logged()).not.toContain(form)
      }
    }
  })
})

describe('floods', () => {
  test('of requests from one network end with 429 and a time to wait; the shop’s server goes on', async () => {
    house.weir.moveClock(2 * HOUR)
    const body = { right: 'access', identifier: { type: 'email', value: 'flood@mail.example' } }
    const answers = []
    for (let i = 0; i < 63; i++)
      answers.push(
        await (i % 2 === 0 ? house.call('POST', '/v1/requests', body) : house.page.post('/v1/requests', body)),
      )
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(60)
    const late = answers.at(-1)!
    expect(late).toMatchObject({ status: 429, body: { code: 'asked-too-often' } })
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(3_000)
    expect((await house.weir.server.post('/v1/requests', body)).status).toBe(202)
    house.weir.moveClock(HOUR)
    expect((await house.page.post('/v1/requests', body)).status).toBe(202)
  })

  test('of codes to one address end silently, whoever asks', async () => {
    house.weir.moveClock(HOUR)
    const person = await house.person()
    for (let i = 0; i < 10; i++) {
      const named = i % 2 === 0 ? { type: 'email', value: person.email } : { type: 'user_id', value: person.userId }
      await house.ask({ right: 'access', identifier: named })
    }
    await house.work()
    expect(house.mailsTo(person.email)).toHaveLength(6)
    house.weir.moveClock(HOUR + 1_000)
    await house.ask({ right: 'access', identifier: { type: 'email', value: person.email } })
    await house.work()
    expect(house.mailsTo(person.email)).toHaveLength(1)
  })
})
