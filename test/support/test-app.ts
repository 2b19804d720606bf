import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type App, type AppOptions, createApp } from '../../src/app.ts'
import { type Db, openPool } from '../../src/db/pool.ts'
import type { Json, JsonObject } from '../../src/event/event.ts'
import type { Purpose } from '../../src/event/purpose.ts'
import { addSource, type NewSource } from '../../src/http/sources.ts'
import { addToken } from '../../src/http/tokens.ts'
import { ensureKeysIn } from '../../src/keys/development.ts'
import { type Keyring, openKeyring } from '../../src/keys/keyring.ts'
import type { KeyProvider } from '../../src/keys/provider.ts'
import { type KeysetLocation, openFileProvider } from '../../src/keys/providers/file.ts'
import { createLog } from '../../src/log.ts'
import type { Module } from '../../src/modules/module.ts'
import type { Role } from '../../src/officers/roles.ts'
import type { SmsProvider } from '../../src/rights/sms/provider.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'
import { until } from './until.ts'

/** The real gateway on a database of its own, over real HTTP. Only the clock can be replaced. */
export interface TestApp {
  readonly app: App
  readonly db: Db
  readonly owner: Db
  /** The gateway's keys, for tests that look behind what is sealed. */
  readonly keyring: Keyring
  readonly database: TestDatabase
  readonly url: string
  /** The provider of its root, in a keyset of its own. */
  readonly keys: KeyProvider
  readonly keyset: KeysetLocation
  /** Folder of the keyset, and of the ledger of erasures. */
  readonly keysDir: string
  /** Another node over the same database and keyset, called with the shop's server key; stops with this one. */
  node(): Promise<Caller>
  /** Everything that was logged, for leak searches. */
  readonly logged: () => string
  /** Authorization of the shop's server key. */
  readonly server: Caller
  readonly browser: Caller
  source(input: Omit<NewSource, 'name'> & { name?: string }): Promise<Caller>
  token(role: Role): Promise<Caller>
  grant(userId: string, ...purposes: Purpose[]): Promise<void>
  refuse(userId: string, ...purposes: Purpose[]): Promise<void>
  /** Sends events with the server key; their outcomes in order. */
  send(...events: JsonObject[]): Promise<string[]>
  /** The audit log, what waits included, without what the gateway enters for each group of events and for itself. */
  entries(action?: string): Promise<EnteredRow[]>
  /** Delivers and erases until nothing is left to do. */
  settle(): Promise<void>
  moveClock(ms: number): void
  stop(): Promise<void>
}

export interface EnteredRow {
  readonly index: bigint
  readonly actor: string
  readonly action: string
  readonly resource: string
  readonly purpose: string
  readonly case_id: string | null
  readonly outcome: string
  readonly more: string | null
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: JsonObject
  readonly text: string
}

/** Somebody with a key, who calls. */
export interface Caller {
  readonly key: string
  readonly authorization: string
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  post(path: string, body: Json | string | Uint8Array, headers?: Record<string, string>): Promise<Answer>
}

export interface TestAppOptions {
  readonly now?: string
  readonly policyDir?: string
  readonly modules?: readonly Module[]
  readonly queueLimit?: number
  /** `http://weir.test` where nothing is said. */
  readonly publicUrl?: string
  readonly mode?: 'development' | 'production'
  /** A mail server and the data protection officer's address. */
  readonly mail?: { readonly smtpUrl: string; readonly dpo: string }
  /** How people are sent SMS. */
  readonly sms?: SmsProvider
  /** Runs as superuser in the new database before the gateway is made: schemas and roles of test modules. */
  readonly prepare?: (superuser: pg.Client) => Promise<void>
  /** How long an erasure can be taken back; a day where nothing is said. */
  readonly coolingHours?: number
  /** Deliver on its own, as in production, rather than when the test says so. */
  readonly delivering?: boolean
}

export async function createTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = await createTestDatabase()
  if (options.prepare !== undefined) await asSuperuser(database, options.prepare)
  const folder = await mkdtemp(join(tmpdir(), 'weir-test-'))
  const lines: string[] = []
  const log = createLog({ level: 'debug', to: { write: (line: string) => lines.push(line) } })
  const db = openPool({ url: database.appUrl })
  const owner = openPool({ url: database.ownerUrl, max: 2 })
  let shift = options.now === undefined ? 0 : Date.parse(options.now) - Date.now()
  async function cleanUp(): Promise<void> {
    await db.$client.end()
    await owner.$client.end()
    await database.drop()
    await rm(folder, { recursive: true, force: true })
  }
  const keyset = await ensureKeysIn(folder, { kdf: { m: 19_456, t: 2, p: 1 } })
  const provider = await openFileProvider(keyset)
  const appOptions = {
    config: {
      mode: options.mode ?? 'development',
      policyDir: options.policyDir ?? join(import.meta.dirname, '..', '..', 'policies'),
      http: {
        host: '127.0.0.1',
        port: 0,
        publicUrl: options.publicUrl ?? 'http://weir.test',
        trustProxy: false,
        workers: 1,
        queueLimit: options.queueLimit ?? 20_000,
      },
      mail: { dpo: options.mail?.dpo, from: 'weir@weir.test' },
      rights: { ledger: join(folder, 'erasures.jsonl'), coolingHours: options.coolingHours ?? 24 },
    },
    db,
    keys: provider,
    log,
    now: () => Date.now() + shift,
    smtpUrl: options.mail?.smtpUrl,
    sms: options.sms,
    ...(options.modules === undefined ? {} : { modules: options.modules }),
  } satisfies AppOptions
  const nodes: App[] = []
  const pools: Db[] = []
  const app = await createApp(appOptions).catch(async (error: unknown) => {
    await cleanUp() // it refused to start
    throw error
  })
  await app.maintain()
  if (options.delivering === true) app.delivery.start()
  await new Promise<void>((resolve) => app.server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`

  async function source(input: Omit<NewSource, 'name'> & { name?: string }): Promise<Caller> {
    const made = await addSource(owner, { name: `s-${randomBytes(4).toString('hex')}`, ...input })
    return caller(url, made.writeKey, `Basic ${base64(`${made.writeKey}:${made.secret ?? ''}`)}`)
  }
  const server = await source({ kind: 'server', name: 'shop-server' })
  const browser = await source({ kind: 'browser', name: 'shop-browser', origins: ['https://shop.example'] })

  async function choose(userId: string, purposes: readonly Purpose[], choice: boolean): Promise<void> {
    const choices = Object.fromEntries(purposes.map((purpose) => [purpose, choice]))
    const answer = await server.post('/v1/consent', { userId, choices })
    if (answer.status !== 200) throw new Error(`consent was answered ${answer.status} ${answer.text}`)
  }

  return {
    app,
    db,
    owner,
    keyring: await openKeyring(db, provider),
    keys: provider,
    keyset,
    keysDir: folder,
    async node() {
      const own = openPool({ url: database.appUrl })
      const node = await createApp({ ...appOptions, db: own, keys: await openFileProvider(keyset) })
      pools.push(own)
      nodes.push(node)
      await new Promise<void>((resolve) => node.server.listen(0, '127.0.0.1', resolve))
      return caller(`http://127.0.0.1:${(node.server.address() as AddressInfo).port}`, server.key, server.authorization)
    },
    database,
    url,
    logged: () => lines.join(''),
    server,
    browser,
    source,
    async token(role) {
      const { token } = await addToken(owner, role)
      return caller(url, token, `Bearer ${token}`)
    },
    grant: (userId, ...purposes) => choose(userId, purposes, true),
    refuse: (userId, ...purposes) => choose(userId, purposes, false),
    async send(...events) {
      const batch = events.map((event) => ({ messageId: randomUUID(), ...event }))
      const answer = await server.post('/v1/batch', { batch, sentAt: new Date(Date.now() + shift).toISOString() })
      if (answer.status !== 200) throw new Error(`the batch was answered ${answer.status} ${answer.text}`)
      return (answer.body.results as { outcome: string }[]).map((result) => result.outcome)
    },
    async entries(action) {
      await until('what waits is taken in', () => app.sequencer.step())
      const { rows } = await owner.$client.query<EnteredRow>(
        `select index, actor, action, resource, purpose, case_id, outcome, more from weir.audit_entry
         where action not in ('intake.decide', 'audit.open') and ($1::text is null or action = $1) order by index`,
        [action ?? null],
      )
      return rows
    },
    settle: () => app.delivery.processAll(),
    moveClock(ms) {
      shift += ms
    },
    async stop() {
      await app.delivery.stop()
      await app.intake.drain()
      await app.sequencer.stop()
      app.server.closeAllConnections()
      await new Promise((resolve) => app.server.close(resolve))
      for (const node of nodes) {
        node.server.closeAllConnections()
        await new Promise((resolve) => node.server.close(resolve))
        await node.intake.drain()
      }
      for (const pool of pools) await pool.$client.end()
      await cleanUp()
    },
  }
}

async function asSuperuser(database: TestDatabase, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: database.superuserUrl })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

function caller(url: string, key: string, authorization: string): Caller {
  async function call(
    method: string,
    path: string,
    more: Pick<RequestInit, 'body'> & { headers: Record<string, string> },
  ): Promise<Answer> {
    const response = await fetch(url + path, { method, ...more, headers: { authorization, ...more.headers } })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: parsed(text), text }
  }
  return {
    key,
    authorization,
    get: (path, headers = {}) => call('GET', path, { headers }),
    post: (path, body, headers = {}) =>
      call('POST', path, {
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
      }),
  }
}

function parsed(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject
  } catch {
    return {}
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

export interface Device {
  readonly anonymousId: string
  readonly anonymousSecret: string
}

/** A device as our SDK makes one: a random id, and the secret that proves it. */
export function newDevice(): Device {
  return { anonymousId: randomUUID(), anonymousSecret: randomBytes(24).toString('base64url') }
}

/** The headers that speak for a device or a user where nothing may stand in the URL. */
export function speakingFor(who: { userId?: string; subjectToken?: string } & Partial<Device>): Record<string, string> {
  const headers: Record<string, string> = {}
  if (who.userId !== undefined) headers['weir-user-id'] = encodeURIComponent(who.userId)
  if (who.anonymousId !== undefined) headers['weir-anonymous-id'] = encodeURIComponent(who.anonymousId)
  if (who.anonymousSecret !== undefined) headers['weir-anonymous-secret'] = who.anonymousSecret
  if (who.subjectToken !== undefined) headers['weir-subject-token'] = who.subjectToken
  return headers
}

/** The events that shops send most, in Segment's shape. */
export function track(userId: string, event: string, properties: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return { type: 'track', event, userId, properties, timestamp: new Date().toISOString(), ...more }
}

export function order(userId: string, orderId: string, products: readonly string[]): JsonObject {
  return track(userId, 'Order Completed', {
    order_id: orderId,
    currency: 'CNY',
    total: 99 * products.length,
    products: products.map((product_id) => ({ product_id, quantity: 1, price: 99 })),
  })
}
