import { randomBytes, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import type { Json, JsonObject } from '../../../src/event/event.ts'
import { webhookSms } from '../../../src/rights/sms/webhook.ts'
import { type Answer, type Caller, createTestApp, order, type TestApp, track } from '../../support/test-app.ts'
import { type Mailbox, openMailbox } from '../disclosures/mailbox.ts'
import { openWebhook, type SmsServer } from './sms-server.ts'

/** A shop with people, a mail server and an SMS provider: everything that asking needs, over real wires. */
export interface House {
  readonly weir: TestApp
  /** A session token of the shop, by the gateway's clock. */
  session(userId: string, more?: { readonly typ?: string; readonly claims?: JWTPayload }): Promise<string>
  /** The key that session tokens are signed with. */
  readonly signed: Signer
  /** The shop's pages: a public key, and the key of its session tokens. */
  readonly page: Caller
  readonly mailbox: Mailbox
  readonly sms: SmsServer
  /** Without any key, as the privacy centre's own pages or curl. */
  call(method: 'GET' | 'POST', path: string, body?: Json, headers?: Record<string, string>): Promise<Answer>
  /** Somebody of whom data is held, with an address and a number on file. */
  person(more?: { readonly phone?: string; readonly email?: string }): Promise<Person>
  /** Asks, from a page where nothing else is said; throws where it was not taken in. */
  ask(body: JsonObject, by?: Pick<Caller, 'post'>): Promise<AskedFor>
  /** Does and sends what is due. */
  work(): Promise<void>
  status(asked: Pick<AskedFor, 'requestId' | 'secret'>): Promise<JsonObject>
  /** What stands of a request in the database. */
  row(requestId: string): Promise<RequestRow>
  /** Mails and SMS to somebody since the last look. */
  mailsTo(address: string): string[]
  smsTo(number: string): string[]
  stop(): Promise<void>
}

export interface Person {
  readonly userId: string
  readonly email: string
  readonly phone: string
}

export interface AskedFor {
  readonly requestId: string
  readonly secret: string
}

export interface RequestRow {
  readonly state: string
  readonly verified_by: string | null
  readonly needs_officer: boolean
  readonly subjects: number
}

/** Signs claims as they are. */
export interface Signer {
  readonly jwk: JsonObject
  sign(claims: JWTPayload, typ?: string): Promise<string>
}

export async function makeSigner(algorithm: 'EdDSA' | 'ES256' = 'EdDSA'): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  return {
    jwk: { ...(await exportJWK(publicKey)), alg: algorithm } as JsonObject,
    sign: (claims, typ = 'JWT') => new SignJWT(claims).setProtectedHeader({ alg: algorithm, typ }).sign(privateKey),
  }
}

let numbers = 0

export async function openHouse(): Promise<House> {
  const mailbox = await openMailbox()
  const sms = await openWebhook('sms-secret')
  const provider = webhookSms({ url: sms.url, secret: 'sms-secret', now: Date.now })
  const weir = await createTestApp({ mail: { smtpUrl: mailbox.url, dpo: 'dpo@shop.example' }, sms: provider })
  const shop = await makeSigner()
  const page = await weir.source({ kind: 'browser', origins: ['https://shop.example'], subjectKey: shop.jwk })
  const seconds = (): number => Math.floor(weir.app.rights.deps.now() / 1000)

  async function call(
    method: string,
    path: string,
    body?: Json,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const init = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const response = await fetch(weir.url + path, {
      method,
      ...init,
      headers: { 'content-type': 'application/json', ...headers },
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: parsed(text) }
  }

  return {
    weir,
    signed: shop,
    session(userId, { typ, claims = {} } = {}) {
      const now = seconds()
      return shop.sign({ sub: userId, aud: 'weir', iat: now, exp: now + 300, jti: randomUUID(), ...claims }, typ)
    },
    page,
    mailbox,
    sms,
    call,
    async person(more = {}) {
      const userId = `u-${randomUUID()}`
      const email = more.email ?? `${randomBytes(6).toString('hex')}@mail.example`
      const phone = more.phone ?? `+86138${String(10_000_000 + numbers++).padStart(8, '0')}`
      await weir.grant(userId, 'analytics', 'personalisation')
      await weir.send(track(userId, 'Product Viewed', { product_id: 'P-1' }), order(userId, `o-${userId}`, ['P-1']))
      const set = await weir.server.post('/v1/contacts', { userId, email, phone })
      if (set.status !== 200) throw new Error(`the contacts were answered ${set.status} ${set.text}`)
      return { userId, email, phone }
    },
    async ask(body, by = page) {
      const answer = await by.post('/v1/requests', body)
      if (answer.status !== 202) throw new Error(`the request was answered ${answer.status} ${answer.text}`)
      return answer.body as unknown as AskedFor
    },
    work: () => weir.app.rights.processAll(),
    async status({ requestId, secret }) {
      const answer = await call('GET', `/v1/requests/${requestId}`, undefined, { authorization: `Bearer ${secret}` })
      if (answer.status !== 200) throw new Error(`the status was answered ${answer.status} ${answer.text}`)
      return answer.body
    },
    async row(requestId) {
      const { rows } = await weir.owner.$client.query<RequestRow>(
        `select state, verified_by, needs_officer,
           (select count(*)::int from weir.request_person p where p.request_id = r.request_id) as subjects
         from weir.request r where request_id = $1`,
        [requestId],
      )
      return rows[0]!
    },
    mailsTo: (address) => taken(mailbox.received, ({ to }) => to.includes(address)).map(({ text }) => text),
    smsTo: (number) => taken(sms.received, ({ to }) => to === number).map(({ text }) => text),
    async stop() {
      await weir.stop()
      await mailbox.close()
      await sms.close()
    },
  }
}

function taken<T>(from: T[], wanted: (one: T) => boolean): T[] {
  const found = from.filter(wanted)
  for (const one of found) from.splice(from.indexOf(one), 1)
  return found
}

function parsed(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject
  } catch {
    return {}
  }
}

/** What a person reads out of their mail. */
export function codeIn(text: string): string {
  return /^[2-9A-HJKMNP-TV-Z]{8}$/m.exec(text)?.[0] ?? /\b\d{6}\b/.exec(text)?.[0] ?? ''
}

/** The token of a link, as the page behind it would post it. */
export function tokenIn(text: string, page: 'confirm' | 'cancel'): string {
  return new RegExp(`/privacy/requests/[0-9a-f-]{36}/${page}/([\\w-]+)`).exec(text)?.[1] ?? ''
}

export function newBrowser(): string {
  return randomBytes(24).toString('base64url')
}
