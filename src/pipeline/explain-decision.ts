import type { Audit } from '../audit/log.ts'
import { byteaArray } from '../db/binary-array.ts'
import type { Db } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import { unpackRemoved } from '../eventlog/append.ts'
import { eventKey } from '../identity/blind-index.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { explain } from '../policy/explain.ts'
import { closedByOf, type Explained, withClosing } from './closed-by.ts'
import type { PolicyShelf } from './policy-shelf.ts'

export interface ExplainDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly policies: PolicyShelf
  readonly audit: Audit
}

export interface DecisionQuery {
  readonly messageId: string
  /** Name of the source that sent it; absent: any. */
  readonly source?: string
  readonly actor: { readonly kind: string; readonly id: string }
}

/**
 * Law 10: what was decided for one event and why, under the policy of that time. The entry in the audit log is
 * durable before anything is told. The consent record of a refusal can be named only to who has the message id:
 * the log row holds it under a pad that is derived from it. Throws AppError not-found.
 */
export async function explainDecision(deps: ExplainDeps, query: DecisionQuery): Promise<JsonObject> {
  const found = await findDecision(deps, query)
  await deps.audit.append({
    actor: `${query.actor.kind}:${query.actor.id}`,
    action: 'decision.read',
    resource: found === undefined ? 'decision:unknown' : `decision:${found.row.pos}`,
    purpose: 'explanation',
    outcome: found === undefined ? 'refused' : 'released',
    ...(found?.row.subject_id == null ? {} : { about: [{ subject: found.row.subject_id }] }),
  })
  if (found === undefined) {
    throw new AppError('not-found', 'no decision of this message id: it never came, or its log row has expired')
  }
  return describe(deps, query.messageId, found)
}

interface DecisionRow {
  pos: bigint
  subject_id: SubjectId | null
  received_at: Date
  policy_version: number
  event_type: number
  routes: number
  closed: number
  granted: number
  refused: number
  narrowed: number
  consent_epoch: number
  consent_ref: Buffer | null
  removed: Buffer
  unclassified: number
  event_key: Buffer
  name: string
}

interface Found {
  readonly row: DecisionRow
  readonly pad: Buffer
}

/** The newest decision about a message. Enters nothing: that is the caller's. */
export async function findDecision(
  deps: Pick<ExplainDeps, 'db' | 'keyring'>,
  query: Pick<DecisionQuery, 'messageId' | 'source'>,
): Promise<Found | undefined> {
  const { rows: sources } = await deps.db.$client.query<{ source_id: number; name: string }>(
    'select source_id, name from weir.source where $1::text is null or name = $1',
    [query.source ?? null],
  )
  const keys = sources.map((source) => eventKey(deps.keyring.dedupeKey, source.source_id, query.messageId))
  const { rows } = await deps.db.$client.query<DecisionRow>(
    `select l.*, s.name from weir.event_log l join weir.source s on s.source_id = l.source_id
     where l.event_key = any($1::bytea[]) and l.kind = 0 order by l.pos desc limit 1`,
    [byteaArray(keys.map((each) => each.key))],
  )
  const row = rows[0]
  if (row === undefined) return undefined
  const own = keys.find((each) => row.event_key.equals(each.key))!
  return { row, pad: own.pad }
}

async function describe(deps: ExplainDeps, messageId: string, { row, pad }: Found): Promise<JsonObject> {
  await deps.policies.load(deps.db, [row.policy_version])
  const policy = deps.policies.of(row.policy_version)
  const explanation = explain(policy, {
    event: row.event_type === -1 ? 'unknown' : row.event_type,
    granted: row.granted,
    refused: row.refused,
    narrowed: row.narrowed,
    permitted: row.routes,
    removed: unpackRemoved(row.removed),
    unclassified: row.unclassified,
  })
  return {
    messageId,
    source: row.name,
    position: Number(row.pos), // as in the audit entry's `decision:<n>`: an officer can match the two
    receivedAt: row.received_at.toISOString(),
    ...withClosing(explanation as unknown as Explained, closedByOf(row.narrowed)),
    consentRecord: row.consent_ref === null ? null : uuidText(row.consent_ref.map((byte, i) => byte ^ pad[i]!)),
    consentEpoch: row.consent_epoch === 0 ? null : row.consent_epoch, // a refusal is held for nobody
    erasedSince: erasedSince(policy, row),
  }
}

/** Destinations that were permitted then and are not handed the event any more: consent was withdrawn since. */
function erasedSince(policy: CompiledPolicy, row: DecisionRow): string[] {
  const routes = policy.eventList[row.event_type]?.routes ?? []
  return routes.filter((route) => (row.closed & route.bit) !== 0).map((route) => route.destination.name)
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
