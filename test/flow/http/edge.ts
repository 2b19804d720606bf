import { createSecretKey } from 'node:crypto'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { type Db, openPool } from '../../../src/db/pool.ts'
import type { JsonObject, Outcome } from '../../../src/event/event.ts'
import { PURPOSES } from '../../../src/event/purpose.ts'
import type { AuditQuery } from '../../../src/http/audit-api.ts'
import type {
  ConsentInput,
  ConsentQuery,
  HttpConfig,
  HttpDeps,
  IntakeRequest,
  MessageResult,
  RecommendInput,
  TotalsInput,
} from '../../../src/http/deps.ts'
import { createHttp } from '../../../src/http/server.ts'
import { addSource, type CreatedSource, type NewSource } from '../../../src/http/sources.ts'
import { addToken } from '../../../src/http/tokens.ts'
import { createLog } from '../../../src/log.ts'
import { createOfficers, officerDeps } from '../../../src/officers/officers.ts'
import type { Role } from '../../../src/officers/roles.ts'
import { createTestDatabase } from '../../support/test-database.ts'

export const NOW = Date.parse('2026-11-20T12:00:00Z')

/** The edge over a real database and a real socket; what lies behind it collects what it is given. */
export interface TestEdge {
  readonly url: string
  readonly server: Server
  readonly owner: Db
  readonly submitted: IntakeRequest[]
  readonly consents: ConsentInput[]
  readonly reads: ConsentQuery[]
  readonly recommended: RecommendInput[]
  readonly totals: TotalsInput[]
  readonly audits: AuditQuery[]
  readonly refusals: Parameters<HttpDeps['recordRefusal']>[0][]
  readonly log: string[]
  /** What submit answers, by message id; `accepted` where nothing is set. */
  readonly outcomes: Map<string, Omit<MessageResult, 'messageId'>>
  /** Set to make what lies behind the routes of shops fail. */
  failWith: Error | undefined
  now: number
  source(input: NewSource): Promise<CreatedSource>
  token(role: Role): Promise<string>
  close(): Promise<void>
}

export async function startEdge(
  config: Partial<HttpConfig> = {},
  patience?: Parameters<typeof createHttp>[1],
): Promise<TestEdge> {
  const database = await createTestDatabase()
  const owner = openPool({ url: database.ownerUrl, max: 2 })
  const app = openPool({ url: database.appUrl, max: 4 })
  const edge = { ...collectors(), now: NOW, failWith: undefined as Error | undefined }
  const server = createHttp(depsOf(edge, app, config), patience)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(edge, {
    url: `http://127.0.0.1:${port}`,
    server,
    owner,
    source: (input: NewSource) => addSource(owner, input),
    token: async (role: Role) => (await addToken(owner, role)).token,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await app.$client.end()
      await owner.$client.end()
      await database.drop()
    },
  })
}

function collectors() {
  return {
    submitted: [] as IntakeRequest[],
    consents: [] as ConsentInput[],
    reads: [] as ConsentQuery[],
    recommended: [] as RecommendInput[],
    totals: [] as TotalsInput[],
    audits: [] as AuditQuery[],
    refusals: [] as Parameters<HttpDeps['recordRefusal']>[0][],
    log: [] as string[],
    outcomes: new Map<string, Omit<MessageResult, 'messageId'>>(),
  }
}

type Collected = ReturnType<typeof collectors> & { now: number; failWith: Error | undefined }

function depsOf(edge: Collected, db: Db, config: Partial<HttpConfig>): HttpDeps {
  const accepted = { outcome: 'accepted' as Outcome }
  return {
    db,
    config: { publicUrl: 'http://127.0.0.1:8080', trustProxy: false, mode: 'development', ...config },
    now: () => edge.now,
    policy: () => policy,
    async submit(request) {
      if (edge.failWith !== undefined) throw edge.failWith
      edge.submitted.push(request)
      return request.events.map(({ messageId }) => ({ messageId, ...(edge.outcomes.get(messageId) ?? accepted) }))
    },
    async recordConsent(input) {
      if (edge.failWith !== undefined) throw edge.failWith
      edge.consents.push(input)
      return { choices: input.choices, consentEpoch: 1, recordId: 'r1' }
    },
    async readConsent(input) {
      if (edge.failWith !== undefined) throw edge.failWith
      edge.reads.push(input)
      return { choices: { analytics: true }, consentEpoch: 1, recordId: 'r1' }
    },
    async recommend(input) {
      if (edge.failWith !== undefined) throw edge.failWith
      edge.recommended.push(input)
      return { mode: 'context', placement: input.placement, items: [], snapshot: null }
    },
    explainDecision: async ({ messageId }): Promise<JsonObject> => ({ messageId, destinations: [] }),
    readTotals: async ({ from, to }): Promise<JsonObject> => ({ from, to, rows: [] }),
    async addTotals(input) {
      edge.totals.push(input)
      return { added: input.rows.length }
    },
    readCredit: async ({ model }): Promise<JsonObject> => ({ model, channels: [] }),
    addCosts: async ({ rows }): Promise<JsonObject> => ({ added: true, rows: rows.length }),
    async keyHorizon() {
      return { unrecoverableAfter: '2027-02-01T00:00:00.000Z', erasedBefore: null, epochs: [] }
    },
    audit: {
      proof: async ({ index }) => `c2sp.org/tlog-proof@v1\nindex ${index}\n`,
      checkpoint: async () => 'weir.test/audit/2026\n0\n',
      checkpoints: async (): Promise<JsonObject> => ({ checkpoints: [], next: null }),
      export: async () => ({ text: '', next: null }),
      statistics: async (): Promise<JsonObject> => ({ actors: [] }),
      sample: async ({ seed }): Promise<JsonObject> => ({ seed, from: 0, to: 0, decisions: [] }),
      aboutPerson: async (): Promise<JsonObject> => ({ entries: [], next: null }),
      ownAccesses: async (): Promise<JsonObject> => ({ accesses: [], next: null }),
      decisionProof: async ({ messageId }): Promise<JsonObject> => ({ messageId }),
    },
    async auditEntries(query) {
      edge.audits.push(query)
      return { entries: [], cursor: null }
    },
    officers: createOfficers(
      officerDeps({
        db,
        keyring: { tokenKey: createSecretKey(Buffer.alloc(32, 7)) },
        audit: { append: async () => undefined },
        publicUrl: 'http://127.0.0.1:8080',
        now: () => edge.now,
      }),
    ),
    disclosures: {
      ask: async (): Promise<JsonObject> => ({}),
      list: async (): Promise<JsonObject> => ({ disclosures: [], next: null }),
      show: async ({ id }): Promise<JsonObject> => ({ id }),
      approve: async ({ id }): Promise<JsonObject> => ({ id }),
      refuse: async ({ id }): Promise<JsonObject> => ({ id }),
      review: async ({ id }): Promise<JsonObject> => ({ id }),
      data: async ({ id }): Promise<JsonObject> => ({ id }),
    },
    incidents: {
      open: async (): Promise<JsonObject> => ({}),
      list: async (): Promise<JsonObject> => ({ incidents: [], next: null }),
      show: async ({ id }): Promise<JsonObject> => ({ id }),
      act: async ({ id }): Promise<JsonObject> => ({ id }),
      notice: async ({ id }): Promise<string> => id,
    },
    requests: {
      create: async () => ({ requestId: '00000000-0000-4000-8000-000000000000', secret: 's'.repeat(43) }),
      status: async ({ id }): Promise<JsonObject> => ({ requestId: id }),
      verify: async ({ id }): Promise<JsonObject> => ({ requestId: id }),
      cancel: async ({ id }): Promise<JsonObject> => ({ requestId: id }),
      resend: async ({ id }): Promise<JsonObject> => ({ requestId: id }),
      setContacts: async (): Promise<JsonObject> => ({ set: [] }),
    },
    exports: {
      askCode: async () => undefined,
      download: async () => ({ name: 'weir-access.zip', archive: Readable.from([Buffer.from('PK')]) }),
    },
    requestQueue: {
      list: async (): Promise<JsonObject> => ({ requests: [], next: null }),
      show: async ({ id }): Promise<JsonObject> => ({ id }),
      open: async (): Promise<JsonObject> => ({ changes: null, words: null }),
      accept: async ({ id }): Promise<JsonObject> => ({ id }),
      refuse: async ({ id }): Promise<JsonObject> => ({ id }),
      extend: async ({ id }): Promise<JsonObject> => ({ id }),
      acknowledge: async ({ id }): Promise<JsonObject> => ({ id }),
      whatIf: ({ right }): JsonObject => ({ right, regimes: [] }),
    },
    holds: {
      place: async (): Promise<JsonObject> => ({}),
      list: async (): Promise<JsonObject> => ({ holds: [] }),
      show: async ({ id }): Promise<JsonObject> => ({ id }),
      extend: async ({ id }): Promise<JsonObject> => ({ id }),
      askRelease: async ({ id }): Promise<JsonObject> => ({ id }),
      approveRelease: async ({ id }): Promise<JsonObject> => ({ id }),
      askExport: async ({ id }): Promise<JsonObject> => ({ id }),
      approveExport: async ({ id }): Promise<JsonObject> => ({ id }),
    },
    lift: {
      own: async ({ id }): Promise<JsonObject> => ({ requestId: id, liftedAt: null }),
      byOfficer: async ({ id }): Promise<JsonObject> => ({ requestId: id, liftedAt: null }),
    },
    rightsDoors: {
      jwks: () => ({ keys: [] }),
      opendsr: {
        certificate: async () => undefined,
        discovery: async () => ({ status: 404, text: '{}', headers: {} }),
        submit: async () => ({ status: 401, text: '{}', headers: {} }),
        status: async () => ({ status: 401, text: '{}', headers: {} }),
        cancel: async () => ({ status: 401, text: '{}', headers: {} }),
      },
      shopify: async () => undefined,
      recipientCallback: async () => undefined,
    },
    privacy: { answer: async () => ({ status: 200, headers: { 'Content-Type': 'text/html' }, body: '' }) },
    async recordRefusal(input) {
      edge.refusals.push(input)
    },
    health: { ready: async () => ({ ok: true, checks: { database: 'ok' } }) },
    metrics: async () => 'weir_events_total{outcome="accepted"} 0\n',
    log: createLog({ level: 'debug', to: { write: (line: string) => edge.log.push(line) } }),
  }
}

const policy = {
  categories: new Map(PURPOSES.slice(1).map((purpose) => [purpose, purpose])),
  categoryNames: PURPOSES.slice(1),
}

export function basic(key: string, secret = ''): string {
  return `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}`
}
