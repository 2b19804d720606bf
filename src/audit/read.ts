import type { Db } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { Json, JsonObject } from '../event/event.ts'
import type { Audit } from './log.ts'
import type { Sequencer } from './sequencer.ts'

export interface AuditFilter {
  readonly action?: string
  readonly actor?: string
  readonly resource?: string
  readonly caseId?: string
  /** Milliseconds since 1970. */
  readonly from?: number
  readonly to?: number
  /** Leaves out what the gateway itself enters for each group of events. */
  readonly without?: 'intake.decide'
}

export interface AuditSearch extends AuditFilter {
  /** Index of the last entry of the page before. */
  readonly cursor?: string
  readonly limit: number
  readonly by: { readonly kind: string; readonly id: string }
}

export interface ReadAuditDeps {
  readonly db: Db
  readonly audit: Audit
  readonly sequencer: Pick<Sequencer, 'sequenced'>
}

export interface FoundEntry {
  index: bigint
  at: Date
  actor: string
  action: string
  resource: string
  purpose: string
  case_id: string | null
  outcome: string
  more: string | null
}

const COLUMNS = 'index, at, actor, action, resource, purpose, case_id, outcome, more'

/**
 * A page of the log, oldest first. Reading the log is itself recorded, before the page is given out, and what was
 * recorded before is in it.
 */
export async function readAuditEntries(deps: ReadAuditDeps, search: AuditSearch): Promise<JsonObject> {
  if (search.cursor !== undefined && !/^\d{1,18}$/.test(search.cursor)) {
    throw new AppError('invalid', 'cursor must be the `next` of an earlier answer')
  }
  await recordLook(deps, search.by, 'audit:entries')
  const { rows } = await findEntries(deps.db, search, search.limit + 1)
  const page = rows.slice(0, search.limit)
  return {
    entries: page.map(shown),
    next: rows.length > search.limit ? String(page.at(-1)!.index) : null,
    checkpoint: await newestNote(deps.db),
  }
}

/** Enters a look at the log, and waits until it is in the tree and signed: everything before it is too. */
export async function recordLook(
  deps: ReadAuditDeps,
  by: { readonly kind: string; readonly id: string },
  resource: string,
  more?: JsonObject,
): Promise<void> {
  const record = await deps.audit.append({
    actor: `${by.kind}:${by.id}`,
    action: 'audit.read',
    resource,
    purpose: 'audit',
    ...(more === undefined ? {} : { more }),
  })
  await deps.sequencer.sequenced(record)
}

/** Entries in the order of the log. */
export function findEntries(
  db: Db,
  { cursor, ...filter }: AuditFilter & { readonly cursor?: string },
  limit: number,
): Promise<{ rows: FoundEntry[] }> {
  // Its groups are most of the log, and stand in no index but the primary key: said in the text, or no index would do.
  const groups = mayBeGroups(filter) ? 'true' : "action <> 'intake.decide'"
  return db.$client.query<FoundEntry>(
    `select ${COLUMNS} from weir.audit_entry
     where index > $1 and ($2::text is null or action = $2) and ($3::text is null or actor = $3)
       and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5)
       and ($6::text is null or resource = $6) and ($7::text is null or case_id = $7)
       and ${groups}
     order by index limit $8`,
    [
      cursor ?? '-1',
      filter.action ?? null,
      filter.actor ?? null,
      filter.from === undefined ? null : new Date(filter.from),
      filter.to === undefined ? null : new Date(filter.to),
      filter.resource ?? null,
      filter.caseId ?? null,
      limit,
    ],
  )
}

function mayBeGroups({
  without,
  action = 'intake.decide',
  actor = 'weir',
  resource = 'decisions:',
}: AuditFilter): boolean {
  return without === undefined && action === 'intake.decide' && actor === 'weir' && resource.startsWith('decisions:')
}

/** An entry as the API shows it. */
export function shown(row: FoundEntry): JsonObject {
  return {
    index: Number(row.index),
    at: row.at.toISOString(),
    actor: row.actor,
    action: row.action,
    resource: row.resource,
    purpose: row.purpose,
    caseId: row.case_id,
    outcome: row.outcome,
    more: row.more === null ? null : (JSON.parse(row.more) as Json),
  }
}

/** The newest signed checkpoint with the signatures of its witnesses; null before the first entry. */
export async function newestNote(db: Db): Promise<string | null> {
  const { rows } = await db.$client.query<{ note: string }>(
    `select s.note || coalesce((select string_agg(c.line, '' order by c.witness) from weir.audit_cosignature c
       where c.shard = s.shard and c.size = s.size), '') as note
     from weir.audit_signature s order by s.shard desc, s.size desc limit 1`,
  )
  return rows[0]?.note ?? null
}
