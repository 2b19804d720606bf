import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { openSms } from '../../../src/rights/sms/open.ts'
import type { Sms } from '../../../src/rights/sms/provider.ts'
import { openAliyun, openTencent, openWebhook, type SmsServer } from './sms-server.ts'

const NOW = Date.parse('2026-11-23T08:00:00Z')
const now = (): number => NOW
let server: SmsServer
afterEach(() => server.close())

const code: Sms = { id: randomUUID(), to: '+8613800138000', language: 'zh-CN', text: '验证码 123456', code: '123456' }
const { code: _, ...notice } = code

/** Where it is sent, for each provider: the server, and the variable that an operator would set. */
const providers = {
  webhook: async () => {
    server = await openWebhook('webhook-secret')
    return { uri: `${server.url}/sms?x=1`, secret: 'webhook-secret' }
  },
  aliyun: async () => {
    server = await openAliyun({ LTAI: 'aliyun secret' })
    const query = `accessKeyId=LTAI&sign=${encodeURIComponent('水闸*商店 (测试)')}&template=SMS_1&notice=SMS_2&endpoint=${server.url}`
    return { uri: `aliyun:?${query}`, secret: 'aliyun secret' }
  },
  tencent: async () => {
    server = await openTencent({ AKID: 'tencent secret' })
    const query = `secretId=AKID&appId=1400006666&sign=${encodeURIComponent('水闸商店')}&template=449739&notice=449740&endpoint=${server.url}`
    return { uri: `tencent:?${query}`, secret: 'tencent secret' }
  },
}

describe.each(Object.entries(providers))('SMS through %s', (name, open) => {
  test('are taken by a server that checks their signature by itself', async () => {
    const sms = openSms({ ...(await open()), now })
    await sms.send(code)
    await sms.send(notice)
    expect(server.refused).toEqual([])
    expect(server.received.map(({ id, code: sent }) => [id, sent])).toEqual([
      [code.id, '123456'],
      [code.id, undefined],
    ])
    const to = server.received[0]!.to
    expect(to).toBe(name === 'aliyun' ? '13800138000' : '+8613800138000')
  })

  test('are refused where the secret is another, and the error names a code and no number', async () => {
    const { uri } = await open()
    const sms = openSms({ uri, secret: 'another', now })
    const error = await sms.send(code).then(
      () => undefined,
      (thrown: Error) => thrown,
    )
    expect(error?.message).toMatch(/SignatureDoesNotMatch|AuthFailure.SignatureFailure|http-403/)
    expect(`${error?.message}${String(error?.cause)}`).not.toContain('138')
    expect(server.received).toEqual([])
  })
})

test('a provider that is gone, or sends elsewhere, is an error without its answer', async () => {
  server = await openWebhook('s')
  const { url } = server
  await server.close()
  await expect(openSms({ uri: url, secret: 's', now }).send(code)).rejects.toThrow('(unreachable)')
  server = await openWebhook('s')
})

test('a notice is not sent where its provider has no template for it', async () => {
  server = await openAliyun({ LTAI: 's' })
  const uri = `aliyun:?accessKeyId=LTAI&sign=x&template=SMS_1&endpoint=${server.url}`
  await expect(openSms({ uri, secret: 's', now }).send(notice)).rejects.toThrow('no-template-of-notices')
})

test('what is missing in WEIR_SMS is named at the start', async () => {
  server = await openWebhook('s')
  expect(() => openSms({ uri: 'tencent:?secretId=AKID&sign=x&template=1', secret: 's', now })).toThrow(/appId=/)
  expect(() => openSms({ uri: 'aliyun:?sign=x&template=1', secret: 's', now })).toThrow(/accessKeyId=/)
})
