import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedSms {
  readonly id: string
  readonly to: string
  readonly text: string
  readonly code: string | undefined
  readonly language: string | undefined
}

/** A provider of SMS over real HTTP, which takes what is signed as its documentation says and refuses anything else. */
export interface SmsServer {
  readonly url: string
  readonly received: ReceivedSms[]
  /** How many it refused, and why. */
  readonly refused: string[]
  /** Refuses what comes from now on, or takes it again. */
  refuse(refusing: boolean): void
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly body: object
}
type Check = (request: IncomingMessage, body: string) => ReceivedSms | string

async function open(check: Check, taken: object, refusal: (why: string) => Answer): Promise<SmsServer> {
  const received: ReceivedSms[] = []
  const refused: string[] = []
  let refusing = false
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const found = refusing ? 'Busy' : check(request, Buffer.concat(chunks).toString('utf8'))
      const answer = typeof found === 'string' ? refusal(found) : { status: 200, body: taken }
      if (typeof found === 'string') refused.push(found)
      else received.push(found)
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    refused,
    refuse(now) {
      refusing = now
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** The shop's own webhook. */
export function openWebhook(secret: string): Promise<SmsServer> {
  return open(
    ({ headers }, body) => {
      const stamp = String(headers['weir-timestamp'])
      const expected = createHmac('sha256', secret)
        .update(Buffer.from(`${stamp}.${body}`))
        .digest('hex')
      if (headers['weir-signature'] !== `v1=${expected}`) return 'SignatureWrong'
      const { id, to, text, code, language } = JSON.parse(body) as ReceivedSms
      return { id, to, text, code, language }
    },
    { taken: true },
    () => ({ status: 403, body: {} }),
  )
}

const hex = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')

/** Aliyun's SendSms: signs what arrived on the wire anew, from the raw URL and headers (help.aliyun.com, signature V3). */
export function openAliyun(secrets: Readonly<Record<string, string>>): Promise<SmsServer> {
  return open(
    (request, body) => {
      const parts = /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/.exec(
        request.headers.authorization ?? '',
      )
      const secret = secrets[parts?.[1] ?? '']
      if (parts === null || secret === undefined) return 'InvalidAccessKeyId.NotFound'
      const [path, query = ''] = request.url!.split('?')
      const headers = parts[2]!.split(';').map((name) => `${name}:${String(request.headers[name])}\n`)
      const hashed = request.headers['x-acs-content-sha256']
      if (hashed !== hex(body) || request.headers['x-acs-action'] !== 'SendSms') return 'InvalidAction'
      const canonical = `${request.method}\n${path}\n${query.split('&').sort().join('&')}\n${headers.join('')}\n${parts[2]}\n${hashed}`
      const expected = createHmac('sha256', secret)
        .update(`ACS3-HMAC-SHA256\n${hex(canonical)}`)
        .digest('hex')
      if (expected !== parts[3]) return 'SignatureDoesNotMatch'
      const given = new URLSearchParams(query)
      const param = given.get('TemplateParam')
      return {
        id: given.get('OutId') ?? '',
        to: given.get('PhoneNumbers') ?? '',
        text: given.get('TemplateCode') ?? '',
        code: param === null ? undefined : (JSON.parse(param) as { code: string }).code,
        language: given.get('SignName') ?? undefined,
      }
    },
    { Code: 'OK', Message: 'OK', BizId: '1', RequestId: '1' },
    (Code) => ({ status: 400, body: { Code, Message: 'to +8613800138000', RequestId: '1' } }),
  )
}

/** Tencent Cloud's SendSms: signs what arrived on the wire anew (cloud.tencent.com, signature v3). */
export function openTencent(secrets: Readonly<Record<string, string>>): Promise<SmsServer> {
  return open(
    (request, body) => {
      const parts =
        /^TC3-HMAC-SHA256 Credential=([^/]+)\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
          request.headers.authorization ?? '',
        )
      const secret = secrets[parts?.[1] ?? '']
      if (parts === null || secret === undefined) return 'AuthFailure.SecretIdNotFound'
      const [, , scope, names, signature] = parts as unknown as [string, string, string, string, string]
      const stamp = String(request.headers['x-tc-timestamp'])
      const headers = names.split(';').map((name) => `${name}:${String(request.headers[name]).toLowerCase()}\n`)
      const canonical = `POST\n/\n\n${headers.join('')}\n${names}\n${hex(body)}`
      const day = new Date(Number(stamp) * 1000).toISOString().slice(0, 10)
      if (scope !== `${day}/sms/tc3_request`) return 'AuthFailure.SignatureExpire'
      let key: Buffer = Buffer.from(`TC3${secret}`)
      for (const part of [day, 'sms', 'tc3_request', `TC3-HMAC-SHA256\n${stamp}\n${scope}\n${hex(canonical)}`]) {
        key = createHmac('sha256', key).update(part).digest()
      }
      if (key.toString('hex') !== signature) return 'AuthFailure.SignatureFailure'
      if (request.headers['x-tc-action'] !== 'SendSms') return 'InvalidAction'
      const given = JSON.parse(body) as Record<string, string> & {
        PhoneNumberSet: string[]
        TemplateParamSet: string[]
      }
      return {
        id: given.SessionContext!,
        to: given.PhoneNumberSet[0]!,
        text: given.TemplateId!,
        code: given.TemplateParamSet[0],
        language: given.SignName,
      }
    },
    { Response: { SendStatusSet: [{ Code: 'Ok', PhoneNumber: '+86', Fee: 1 }], RequestId: '1' } },
    (Code) => ({ status: 200, body: { Response: { Error: { Code, Message: 'to +8613800138000' }, RequestId: '1' } } }),
  )
}
