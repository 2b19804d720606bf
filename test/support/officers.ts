import { randomBytes } from 'node:crypto'
import { URI } from 'otpauth'
import { transaction } from '../../src/db/transaction.ts'
import type { Json, JsonObject } from '../../src/event/event.ts'
import { addOfficer, type NewCredentials } from '../../src/officers/accounts.ts'
import { officerKeys } from '../../src/officers/keys.ts'
import type { Role } from '../../src/officers/roles.ts'
import type { TestApp } from './test-app.ts'

/** What the tests of officers need of the test app. */
export type Weir = Pick<TestApp, 'owner' | 'keyring' | 'url' | 'entries'>

export interface Officer extends NewCredentials {
  readonly email: string
  readonly role: Role
  /** The code of the step that is `steps` after the one at `now`. */
  code(now?: number, steps?: number): string
}

export interface OfficerAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: JsonObject
  readonly text: string
}

/** Somebody with a cookie, or without one. */
export interface Browser {
  cookie: string | undefined
  csrf: string | undefined
  /** Calls with cookie and csrf as they are then; keeps a cookie and csrf that are answered. */
  call(method: string, path: string, body?: Json, headers?: Record<string, string>): Promise<OfficerAnswer>
}

/** An account as `weir officer add` makes it. */
export async function makeOfficer(weir: Weir, role: Role, email?: string): Promise<Officer> {
  const address = email ?? `${role}-${randomBytes(6).toString('hex')}@weir.example`
  const made = await transaction(weir.owner, (tx) =>
    addOfficer(tx, officerKeys(weir.keyring.tokenKey), { email: address, role, now: Date.now() }),
  )
  return asOfficer(made, role, address)
}

/** The same of credentials that were made otherwise. */
export function asOfficer(made: NewCredentials, role: Role, email: string): Officer {
  const totp = URI.parse(made.totpUri)
  return {
    ...made,
    email,
    role,
    code(now = Date.now(), steps = 0) {
      if (!('period' in totp)) throw new TypeError('the URI is not of TOTP')
      return totp.generate({ timestamp: now + steps * 30_000 })
    },
  }
}

/** A browser that was given nothing yet. */
export function newBrowser(url: string): Browser {
  return {
    cookie: undefined,
    csrf: undefined,
    async call(method, path, body, headers = {}) {
      const response = await fetch(url + path, {
        method,
        headers: {
          ...(this.cookie === undefined ? {} : { cookie: this.cookie }),
          ...(this.csrf === undefined ? {} : { 'weir-csrf': this.csrf }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '')
      const answered = isJson ? (JSON.parse(text) as JsonObject) : {}
      const set = response.headers.get('set-cookie')?.split(';')[0]
      if (set !== undefined) this.cookie = set.endsWith('=') ? undefined : set
      if (typeof answered.csrf === 'string') this.csrf = answered.csrf
      return { status: response.status, headers: response.headers, body: answered, text }
    },
  }
}

/** Signs an officer in with password and TOTP. Each step of TOTP is good once: `steps` takes the next one. */
export async function signIn(
  weir: Pick<Weir, 'url'>,
  officer: Officer,
  { now = Date.now(), steps = 0 }: { readonly now?: number; readonly steps?: number } = {},
): Promise<Browser> {
  const browser = newBrowser(weir.url)
  const { email, password } = officer
  const { status, text } = await browser.call('POST', '/api/session', {
    email,
    password,
    totp: officer.code(now, steps),
  })
  if (status !== 200) throw new Error(`the login was answered ${status} ${text}`)
  return browser
}

/** An officer of a role, signed in. */
export async function signedIn(
  weir: Weir,
  role: Role,
  now: number = Date.now(),
): Promise<Browser & { officer: Officer }> {
  const officer = await makeOfficer(weir, role)
  return Object.assign(await signIn(weir, officer, { now }), { officer })
}

export interface Entry {
  readonly actor: string
  readonly action: string
  readonly resource: string
  readonly outcome: string
}

/** The audit log, in order: what waits is taken in first, however busy its sequencer is. */
export async function auditEntries({ owner }: Pick<Weir, 'owner'>): Promise<Entry[]> {
  const { rows } = await owner.$client.query<Entry>(
    `select actor, action, resource, outcome from (
       select record_id, actor, action, resource, outcome from weir.audit_entry
       union all select record_id, actor, action, resource, outcome from weir.audit_waiting) e
     where action not in ('intake.decide', 'audit.open', 'policy.activate') order by record_id`,
  )
  return rows
}
