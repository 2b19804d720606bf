import { randomBytes, X509Certificate } from 'node:crypto'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { Keyring } from '../keys/keyring.ts'
import { openSecret, sealSecret } from './sealed-secret.ts'

export type Protocol = 'webhook' | 'opendsr'
/** As a policy says it of a destination. */
export type RecipientRole = 'entrusted' | 'joint' | 'third-party'

/** How an outside recipient is told of requests. */
export interface Endpoint {
  readonly destinationId: number
  readonly name: string
  readonly protocol: Protocol
  readonly url: string
  /** Of a webhook what signs, of an OpenDSR processor the bearer token that it asks for. */
  readonly secret: string
  /** PEM: what an OpenDSR processor's answers are held against; undefined: they are held against TLS alone. */
  readonly certificate: string | undefined
  readonly slaDays: number
}

export interface NewEndpoint {
  readonly name: string
  readonly protocol: Protocol
  readonly url: string
  readonly slaDays: number
  /** ISO 3166-1 alpha-2. */
  readonly region: string
  readonly role: RecipientRole
  readonly certificate?: string
  /** A token that the recipient gave; made here where nothing is said. */
  readonly secret?: string
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/
const HOSTED = /^(flow_probe|weir)$/

/** Checks what an operator gave. Throws AppError invalid that says what to write. */
export function checkEndpoint(given: NewEndpoint, mode: 'development' | 'production'): void {
  if (!NAME.test(given.name) || HOSTED.test(given.name)) {
    throw new AppError('invalid', 'a name is at most 63 of a-z, 0-9, dot, underscore and hyphen')
  }
  if (!isCallable(given.url, mode)) {
    throw new AppError('invalid', 'the URL must be https: with a host, without user and password')
  }
  if (!/^[A-Z]{2}$/.test(given.region)) throw new AppError('invalid', 'a region is a country, such as CN')
  if (!Number.isInteger(given.slaDays) || given.slaDays < 1 || given.slaDays > 365) {
    throw new AppError('invalid', 'a recipient promises to be done within 1 to 365 days')
  }
  if (given.certificate !== undefined) checkCertificate(given.certificate)
}

function isCallable(text: string, mode: 'development' | 'production'): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.username !== '' || url.password !== '' || url.hash !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && mode === 'development')
}

function checkCertificate(pem: string): void {
  try {
    new X509Certificate(pem)
  } catch (cause) {
    throw new AppError('invalid', 'the certificate must be one X.509 certificate in PEM', { cause })
  }
}

/**
 * Makes an endpoint, or takes one that was stopped into use again; its secret is answered once. As the owner.
 * Throws AppError conflict where one of this name is in use.
 */
export async function addEndpoint(
  tx: Tx,
  { tokenKey }: Pick<Keyring, 'tokenKey'>,
  given: NewEndpoint,
): Promise<{ readonly destinationId: number; readonly secret: string }> {
  const destinationId = await numberOf(tx, given.name)
  const secret = given.secret ?? madeSecret(given.protocol)
  const sealed = sealSecret(tokenKey, placeOf(destinationId), secret)
  const { rowCount } = await tx.$client.query(
    `insert into weir.recipient_endpoint (destination_id, protocol, url, secret, certificate, region, role, sla_days)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (destination_id) do update set protocol = excluded.protocol, url = excluded.url, secret = excluded.secret,
       certificate = excluded.certificate, region = excluded.region, role = excluded.role, sla_days = excluded.sla_days,
       made_at = clock_timestamp(), stopped_at = null
     where weir.recipient_endpoint.stopped_at is not null`,
    [
      destinationId,
      given.protocol,
      given.url,
      sealed,
      given.certificate ?? null,
      given.region,
      given.role,
      given.slaDays,
    ],
  )
  if (rowCount === 0) throw new AppError('conflict', 'a recipient of this name is in use: weir recipient stop it first')
  return { destinationId, secret }
}

async function numberOf(tx: Tx, name: string): Promise<number> {
  await tx.$client.query(
    `insert into weir.destination (name) select $1::text where not exists (select from weir.destination where name = $1)`,
    [name],
  )
  const { rows } = await tx.$client.query<{ destination_id: number }>(
    'select destination_id from weir.destination where name = $1',
    [name],
  )
  return rows[0]!.destination_id
}

/** Standard Webhooks wants `whsec_` and base64 of 24 to 64 bytes. */
function madeSecret(protocol: Protocol): string {
  const bytes = randomBytes(32)
  return protocol === 'webhook' ? `whsec_${bytes.toString('base64')}` : `wr_${bytes.toString('base64url')}`
}

/** The number of a recipient as an id of 128 bits, for where its secret is sealed. */
function placeOf(destinationId: number): { readonly table: 'recipient_endpoint'; readonly id: string } {
  return {
    table: 'recipient_endpoint',
    id: `00000000-0000-0000-0000-${destinationId.toString(16).padStart(12, '0')}`,
  }
}

/** From now on nobody is told there: what waits is given up. False where none of this name is in use. */
export async function stopEndpoint(tx: Tx, name: string): Promise<boolean> {
  const { rowCount } = await tx.$client.query(
    `update weir.recipient_endpoint e set stopped_at = clock_timestamp() from weir.destination d
     where d.destination_id = e.destination_id and d.name = $1 and e.stopped_at is null`,
    [name],
  )
  return rowCount === 1
}

/** The endpoint in use, by its number or its name; undefined where there is none. */
export async function findEndpoint(
  db: Db | Tx,
  { tokenKey }: Pick<Keyring, 'tokenKey'>,
  which: number | string,
): Promise<Endpoint | undefined> {
  const { rows } = await db.$client.query<EndpointRow>(
    `select d.name, e.* from weir.recipient_endpoint e join weir.destination d using (destination_id)
     where e.stopped_at is null and ${typeof which === 'number' ? 'e.destination_id' : 'd.name'} = $1`,
    [which],
  )
  const row = rows[0]
  if (row === undefined) return undefined
  return {
    destinationId: row.destination_id,
    name: row.name,
    protocol: row.protocol,
    url: row.url,
    secret: openSecret(tokenKey, placeOf(row.destination_id), row.secret),
    certificate: row.certificate ?? undefined,
    slaDays: row.sla_days,
  }
}

/** As an operator sees it: never the secret. */
export interface ListedEndpoint {
  readonly name: string
  readonly protocol: Protocol
  readonly url: string
  readonly region: string
  readonly role: RecipientRole
  readonly slaDays: number
  readonly certificate: boolean
  readonly madeAt: string
  readonly stoppedAt: string | null
  /** Messages of any request by how far they are. */
  readonly waiting: number
  readonly failed: number
}

export async function listEndpoints(db: Db | Tx): Promise<ListedEndpoint[]> {
  const { rows } = await db.$client.query<EndpointRow & { waiting: number; failed: number }>(
    `select d.name, e.*,
       (select count(*)::integer from weir.recipient_message m where m.destination_id = e.destination_id and m.state in ('waiting', 'sent')) as waiting,
       (select count(*)::integer from weir.recipient_message m where m.destination_id = e.destination_id and m.state = 'failed') as failed
     from weir.recipient_endpoint e join weir.destination d using (destination_id) order by d.name`,
  )
  return rows.map((row) => ({
    name: row.name,
    protocol: row.protocol,
    url: row.url,
    region: row.region,
    role: row.role,
    slaDays: row.sla_days,
    certificate: row.certificate !== null,
    madeAt: row.made_at.toISOString(),
    stoppedAt: row.stopped_at?.toISOString() ?? null,
    waiting: row.waiting,
    failed: row.failed,
  }))
}

interface EndpointRow {
  destination_id: number
  name: string
  protocol: Protocol
  url: string
  secret: Buffer
  certificate: string | null
  region: string
  role: RecipientRole
  sla_days: number
  made_at: Date
  stopped_at: Date | null
}
