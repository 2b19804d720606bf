import { randomUUID } from 'node:crypto'
import type { Db, Tx } from '../db/pool.ts'
import type { Json } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import { makeOwnKey, openOwn, ownKey, sealOwn } from '../rights/own-key.ts'
import type { Change } from '../rights/request.ts'
import type { IdentifierForm } from './identifier-form.ts'
import { type Received, recipientsOf } from './register.ts'

export const MESSAGE_KINDS = [
  'erasure',
  'correction',
  'withdrawal',
  'restriction',
  'restriction-lifted',
  'objection',
] as const
export type MessageKind = (typeof MESSAGE_KINDS)[number]

/**
 * How far a recipient is. `sent`: it went out, and whether it was taken is not known; `acknowledged`: the recipient
 * answered that it has it, which is not that it did it; `verified-gone`: the recipient said, signed, that it is gone, or
 * was asked for access afterwards and had nothing. There is no word for all of them.
 */
export type MessageState = 'waiting' | 'sent' | 'acknowledged' | 'verified-gone' | 'failed'

/** What a recipient is told: sealed under the message's own key, so that it outlives the person who is erased. */
export interface MessageContent {
  readonly identifierForm: IdentifierForm
  /** Exactly what this recipient was given. */
  readonly identifier: string
  readonly changes?: readonly Change[]
}

export interface Telling {
  /** Absent where nobody asked, such as of a withdrawal. */
  readonly request?: string
  readonly kind: MessageKind
  readonly subjects: readonly SubjectId[]
  /** What is to be corrected. */
  readonly changes?: readonly Change[]
  /** Each recipient hears of the changes of fields that it received, and who received none of them of nothing. */
  readonly byField?: true
  /** To these destinations alone, such as those of a purpose that was withdrawn. */
  readonly only?: readonly number[]
}

export interface TellDeps {
  readonly keyring: Keyring
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const TABLE = 'recipient_message'
const GROUP = 'message'
const CONTEXT_ID = 44
const DAY_MS = 86_400_000

/**
 * Writes down what every recipient that the register names for these subjects is to be told, in the caller's transaction:
 * nothing is sent before it commits, nothing is lost after. A recipient is told under each identifier that it received,
 * and under no other. One that cannot be told (no endpoint, or a stopped one) is `failed` at once, for an officer to see.
 * Once for a request and kind: again changes nothing. Run it inside withActiveEpoch. Returns how many there are to tell.
 */
export async function tellRecipients(tx: Tx, { keyring, now }: TellDeps, telling: Telling): Promise<number> {
  if (telling.request !== undefined && (await isTold(tx, telling.request, telling.kind))) return 0
  const received = distinct(await recipientsOf(tx, keyring, telling.subjects))
  const wanted = received.filter(
    (one) =>
      (telling.only?.includes(one.destinationId) ?? true) && (!telling.byField || changesFor(telling, one).length > 0),
  )
  const slas = await slaDays(tx)
  for (const one of wanted) {
    const own = telling.byField ? { ...telling, changes: changesFor(telling, one) } : telling
    await insertMessage(tx, { keyring, now }, own, one, slas.get(one.destinationId))
  }
  return wanted.length
}

/** What is new to a recipient must not be told by correcting it. */
function changesFor({ changes = [] }: Telling, { fields }: Received): Change[] {
  return changes.filter(({ path }) => fields.includes(path))
}

async function insertMessage(
  tx: Tx,
  { keyring, now }: TellDeps,
  { request, kind, changes }: Telling,
  { destinationId, identifierForm, identifier }: Received,
  sla: number | undefined,
): Promise<void> {
  const id = randomUUID() // version 4 in lower case: OpenDSR's subject_request_id as well
  const at = now()
  const content: MessageContent = { identifierForm, identifier, ...(changes === undefined ? {} : { changes }) }
  const sealed = sla === undefined ? null : sealMessage(await makeOwnKey(tx, keyring, id), id, content)
  await tx.$client.query(
    `insert into weir.recipient_message (message_id, request_id, destination_id, kind, sealed, state, made_at, due_at, next_at, failure)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $7, $9)`,
    [
      id,
      request ?? null,
      destinationId,
      kind,
      sealed,
      sla === undefined ? 'failed' : 'waiting',
      new Date(at),
      new Date(at + (sla ?? 0) * DAY_MS),
      sla === undefined ? 'no-endpoint' : null,
    ],
  )
}

/** Two subjects of one person may stand at a recipient under one identifier. */
function distinct(received: readonly Received[]): Received[] {
  const byName = Map.groupBy(received, (one) => JSON.stringify([one.destinationId, one.identifierForm, one.identifier]))
  return [...byName.values()].map((same) => ({
    ...same[0]!,
    fields: [...new Set(same.flatMap(({ fields }) => fields))].sort(),
  }))
}

async function isTold(tx: Tx, request: string, kind: MessageKind): Promise<boolean> {
  const { rows } = await tx.$client.query(
    'select from weir.recipient_message where request_id = $1 and kind = $2 limit 1',
    [request, kind],
  )
  return rows.length > 0
}

async function slaDays(tx: Tx): Promise<Map<number, number>> {
  const { rows } = await tx.$client.query<{ destination_id: number; sla_days: number }>(
    'select destination_id, sla_days from weir.recipient_endpoint where stopped_at is null',
  )
  return new Map(rows.map((row) => [row.destination_id, row.sla_days]))
}

function sealMessage(keys: Awaited<ReturnType<typeof makeOwnKey>>, id: string, content: MessageContent): Buffer {
  return sealOwn(keys, { id, table: TABLE, group: GROUP, contextId: CONTEXT_ID }, content as unknown as Json)
}

/** Undefined once the message is done: its key is gone. Throws as loadSubjectKeys. */
export async function openMessage(
  db: Db | Tx,
  keyring: Keyring,
  { id, sealed }: { readonly id: string; readonly sealed: Uint8Array },
): Promise<MessageContent | undefined> {
  const keys = await ownKey(db, keyring, id)
  if (keys === undefined) return undefined
  return openOwn(keys, { id, table: TABLE, group: GROUP }, sealed) as unknown as MessageContent
}

/** How far one message of a request is, for receipts and for whoever follows the request. Times in milliseconds since 1970. */
export interface RecipientState {
  /** Its name. */
  readonly destination: string
  /** `none` where it had no endpoint. */
  readonly protocol: 'webhook' | 'opendsr' | 'none'
  readonly kind: MessageKind
  readonly state: MessageState
  /** Why it failed, or what the last try came to: a code of docs/recipients.md. */
  readonly failure?: string
  /** SHA-256 of what the recipient answered, hex. */
  readonly ackSha256?: string
  readonly dueAt: number
  readonly sentAt?: number
  readonly acknowledgedAt?: number
  readonly verifiedAt?: number
  /** Whether there is something left to be done about it here. */
  readonly open: boolean
}

/** What became of all that was to be told because of a request; by name, oldest first. */
export async function recipientStates(db: Db | Tx, request: string): Promise<RecipientState[]> {
  const { rows } = await db.$client.query<StateRow>(
    `select d.name, e.protocol, m.kind, m.state, m.failure, m.ack_sha256, m.due_at, m.sent_at, m.acknowledged_at, m.verified_at,
       m.sealed is not null as open
     from weir.recipient_message m join weir.destination d using (destination_id)
       left join weir.recipient_endpoint e using (destination_id)
     where m.request_id = $1 order by d.name, m.made_at, m.message_id`,
    [request],
  )
  return rows.map((row) => ({
    destination: row.name,
    protocol: row.protocol ?? 'none',
    kind: row.kind,
    state: row.state,
    dueAt: row.due_at.getTime(),
    open: row.open,
    ...(row.failure === null ? {} : { failure: row.failure }),
    ...(row.ack_sha256 === null ? {} : { ackSha256: row.ack_sha256.toString('hex') }),
    ...(row.sent_at === null ? {} : { sentAt: row.sent_at.getTime() }),
    ...(row.acknowledged_at === null ? {} : { acknowledgedAt: row.acknowledged_at.getTime() }),
    ...(row.verified_at === null ? {} : { verifiedAt: row.verified_at.getTime() }),
  }))
}

interface StateRow {
  name: string
  protocol: 'webhook' | 'opendsr' | null
  kind: MessageKind
  state: MessageState
  failure: string | null
  ack_sha256: Buffer | null
  due_at: Date
  sent_at: Date | null
  acknowledged_at: Date | null
  verified_at: Date | null
  open: boolean
}
