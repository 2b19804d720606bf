import { createHmac, hash } from 'node:crypto'
import { member, post, type SmsProvider, SmsRefused } from './provider.ts'

export interface TencentSms {
  readonly endpoint: string
  readonly secretId: string
  readonly secretKey: string
  readonly region: string
  readonly appId: string
  readonly signName: string
  /** TemplateId of codes, whose first variable is the code; and of notices without a variable, where there is one. */
  readonly template: string
  readonly notice: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const CONTENT_TYPE = 'application/json; charset=utf-8'

/** Tencent Cloud's SendSms (2021-01-11). */
export function tencentSms(options: TencentSms): SmsProvider {
  const { endpoint, secretId, secretKey, region, appId, signName, template, notice, now } = options
  const { host } = new URL(endpoint)
  return {
    async send({ id, to, code }) {
      const chosen = code === undefined ? notice : template
      if (chosen === undefined) throw new SmsRefused('no-template-of-notices')
      const body = JSON.stringify({
        PhoneNumberSet: [to],
        SmsSdkAppId: appId,
        SignName: signName,
        TemplateId: chosen,
        TemplateParamSet: code === undefined ? [] : [code],
        SessionContext: id,
      })
      const timestamp = Math.floor(now() / 1000)
      const signed = { 'content-type': CONTENT_TYPE, host, 'x-tc-action': 'sendsms' }
      const authorization = signTc3({ service: 'sms', headers: signed, body, timestamp, secretId, secretKey })
      const { status, json } = await post(endpoint, {
        headers: {
          authorization,
          'content-type': CONTENT_TYPE,
          'x-tc-action': 'SendSms',
          'x-tc-version': '2021-01-11',
          'x-tc-timestamp': String(timestamp),
          'x-tc-region': region,
        },
        body,
      })
      const failed = member(json, 'Response', 'Error', 'Code')
      const code0 = member(json, 'Response', 'SendStatusSet', 0, 'Code')
      if (status !== 200 || failed !== undefined || code0 !== 'Ok') {
        throw new SmsRefused(failed ?? code0 ?? `http-${status}`)
      }
    },
  }
}

/** What is signed: header names and values in lower case, as they are to be compared. */
export interface Tc3Request {
  readonly service: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Seconds since 1970. */
  readonly timestamp: number
  readonly secretId: string
  readonly secretKey: string
}

/** Authorization of Tencent Cloud's API 3.0 (TC3-HMAC-SHA256) for POST /. */
export function signTc3({ service, headers, body, timestamp, secretId, secretKey }: Tc3Request): string {
  const names = Object.keys(headers).toSorted()
  const signedHeaders = names.join(';')
  const lines = names.map((name) => `${name}:${headers[name]!.trim().toLowerCase()}`)
  const canonical = ['POST', '/', '', ...lines, '', signedHeaders, hash('sha256', body, 'hex')].join('\n')
  const date = new Date(timestamp * 1000).toISOString().slice(0, 10)
  const scope = `${date}/${service}/tc3_request`
  const toSign = `TC3-HMAC-SHA256\n${timestamp}\n${scope}\n${hash('sha256', canonical, 'hex')}`
  const mac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
  const signing = mac(mac(mac(`TC3${secretKey}`, date), service), 'tc3_request')
  const signature = mac(signing, toSign).toString('hex')
  return `TC3-HMAC-SHA256 Credential=${secretId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`
}
