import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type House, openHouse } from './house.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.stop())

const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` })

describe('what is sent', () => {
  const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    house.page.post('/v1/requests', body, headers)
  const wellFormed = { right: 'access', identifier: { type: 'email', value: 'a@mail.example' } }

  test('as a bomb is refused before it costs anything', async () => {
    const deep = `{"right":${'['.repeat(40)}${']'.repeat(40)}}`
    expect(await post(deep)).toMatchObject({ status: 400, body: { code: 'too-deep' } })
    expect(await post(`{"a":[${'1,'.repeat(6_000)}1]}`)).toMatchObject({ status: 400 })
    expect(await post(JSON.stringify({ ...wellFormed, subjectToken: 'x'.repeat(20_000) }))).toMatchObject({
      status: 413,
    })
    const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20))
    expect(await post(bomb, { 'content-encoding': 'gzip' })).toMatchObject({
      status: 413,
      body: { code: 'body-too-large' },
    })
    const polluted =
      '{"right":"access","identifier":{"type":"email","value":"a@mail.example"},"__proto__":{"isAdmin":true}}'
    expect([202, 400]).toContain((await post(polluted)).status)
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
    for (const path of ['verify', 'cancel', 'resend']) {
      const answer = await house.call('POST', `/v1/requests/${randomUUID()}/${path}`, deep)
      expect(answer).toMatchObject({ status: 400 })
    }
  })

  test('as HTML or a header stands in no mail and no answer', async () => {
    const evil = '<img src=x onerror=alert(1)>'
    const person = await house.person({ email: `o'brien+<b>@mail.example`.replace(/[<>]/g, '') })
    const asked = await house.ask({
      right: 'correction',
      identifier: { type: 'email', value: person.email },
      changes: [{ event: 'identify', path: 'traits.firstName', to: `${evil}\r\nBcc: x@evil.example` }],
    })
    const unknown = await house.ask({ right: 'access', identifier: { type: 'user_id', value: evil } })
    await house.work()
    const [mail = ''] = house.mailsTo(person.email)
    expect(mail).toContain('Please confirm')
    expect(mail).toMatch(/content-type: text\/plain/i)
    expect(mail).not.toMatch(/<img|Bcc|evil\.example/)
    expect(JSON.stringify([await house.status(asked), await house.status(unknown)])).not.toContain('<img')
    for (const value of ['a@b.example\r\nBcc: x@evil.example', 'a@b.example, x@evil.example', '"<b>"@b.example']) {
      const answer = await house.page.post('/v1/requests', { right: 'access', identifier: { type: 'email', value } })
      expect(answer).toMatchObject({ status: 400, body: { code: 'bad-identifier' } })
      expect(answer.text).not.toContain('evil')
    }
  })

  test('as a secret in the URL is refused, and is in no log', async () => {
    const asked = await house.ask(wellFormed)
    for (const name of ['secret', 'token', 'authorization', 'weir-request-secret']) {
      const answer = await house.call('GET', `/v1/requests/${asked.requestId}?${name}=${asked.secret}`)
      expect(answer).toMatchObject({ status: 400, body: { code: 'request-invalid' } })
    }
    const path = await house.call('GET', `/v1/requests/${asked.requestId}/${asked.secret}`)
    expect(path.status).toBe(404)
    const posted = await house.call('POST', `/v1/requests/${asked.requestId}/verify?secret=${asked.secret}`, {
      code: 'x',
    })
    expect(posted.status).toBe(400)
    expect(house.weir.logged()).not.toContain(asked.secret)
  })

  test('as a secret in two places must be one, and anything but the right one is the same 404', async () => {
    const asked = await house.ask(wellFormed)
    const path = `/v1/requests/${asked.requestId}`
    const two = await house.call('GET', path, undefined, { ...bearer(asked.secret), 'weir-request-secret': 'other' })
    expect(two).toMatchObject({ status: 400, body: { code: 'secrets-disagree' } })
    const wrong = [
      await house.call('GET', path),
      await house.call('GET', path, undefined, bearer('x'.repeat(43))),
      await house.call('GET', `/v1/requests/${randomUUID()}`, undefined, bearer(asked.secret)),
      await house.call('GET', '/v1/requests/not-a-number', undefined, bearer(asked.secret)),
      await house.call('GET', `/v1/requests/${asked.requestId.toUpperCase()}`, undefined, bearer(asked.secret)),
    ]
    expect(new Set(wrong.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(wrong[0]!.status).toBe(404)
  })
})
