import { createHmac, hash, randomBytes } from 'node:crypto'
import { member, post, type Sms, type SmsProvider, SmsRefused } from './provider.ts'

export interface AliyunSms {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly accessKeySecret: string
  readonly signName: string
  /** TemplateCode of codes, with the variable `code`; and of notices without a variable, where there is one. */
  readonly template: string
  readonly notice: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const ALGORITHM = 'ACS3-HMAC-SHA256'

/** Aliyun's SendSms (2017-05-25). */
export function aliyunSms(options: AliyunSms): SmsProvider {
  const { endpoint, accessKeyId, accessKeySecret, now } = options
  const { host } = new URL(endpoint)
  return {
    async send(sms) {
      const query = queryOf(options, sms)
      const headers = {
        host,
        'x-acs-action': 'SendSms',
        'x-acs-content-sha256': hash('sha256', '', 'hex'),
        'x-acs-date': `${new Date(now()).toISOString().slice(0, 19)}Z`,
        'x-acs-signature-nonce': randomBytes(16).toString('hex'),
        'x-acs-version': '2017-05-25',
      }
      const authorization = signAcs3({ method: 'POST', path: '/', query, headers, accessKeyId, accessKeySecret })
      const { host: _, ...sent } = headers // fetch writes it from the URL
      const { status, json } = await post(`${endpoint}/?${canonicalQuery(query)}`, {
        headers: { ...sent, authorization },
        body: '',
      })
      const code = member(json, 'Code')
      if (status !== 200 || code !== 'OK') throw new SmsRefused(code ?? `http-${status}`)
    },
  }
}

function queryOf({ signName, template, notice }: AliyunSms, { to, code, id }: Sms): Record<string, string> {
  const chosen = code === undefined ? notice : template
  if (chosen === undefined) throw new SmsRefused('no-template-of-notices')
  return {
    PhoneNumbers: to.replace(/^\+86/, '').replace(/^\+/, ''),
    SignName: signName,
    TemplateCode: chosen,
    ...(code === undefined ? {} : { TemplateParam: JSON.stringify({ code }) }),
    OutId: id,
  }
}

/** What is signed: header names in lower case; `x-acs-content-sha256` is the hash of the body. */
export interface Acs3Request {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly accessKeyId: string
  readonly accessKeySecret: string
}

/** Authorization of Aliyun's signature V3: HMAC-SHA-256 over the hash of the canonical request. */
export function signAcs3({ method, path, query, headers, accessKeyId, accessKeySecret }: Acs3Request): string {
  const names = Object.keys(headers)
    .filter((name) => name === 'host' || name === 'content-type' || name.startsWith('x-acs-'))
    .toSorted()
  const canonical = [
    method,
    path,
    canonicalQuery(query),
    ...names.map((name) => `${name}:${headers[name]!.trim()}`),
    '',
    names.join(';'),
    headers['x-acs-content-sha256'],
  ].join('\n')
  const signature = createHmac('sha256', accessKeySecret)
    .update(`${ALGORITHM}\n${hash('sha256', canonical, 'hex')}`)
    .digest('hex')
  return `${ALGORITHM} Credential=${accessKeyId},SignedHeaders=${names.join(';')},Signature=${signature}`
}

function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.keys(query)
    .toSorted()
    .map((name) => `${encode(name)}=${encode(query[name]!)}`)
    .join('&')
}

/** RFC 3986: encodeURIComponent leaves five characters more as they are. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}
