import type { Db } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { Audit } from './log.ts'

export interface AuditSearch {
  /** Index of the last entry of the page before. */
  readonly cursor?: string
  readonly limit: number
  readonly action?: string
  readonly actor?: string
  /** Milliseconds since 1970. */
  readonly from?: number
  readonly to?: number
  readonly by: { readonly kind: string; readonly id: string }
}

interface EntryRow {
  index: bigint
  at: Date
  actor: string
  action: string
  resource: string
  purpose: string
  case_id: string | null
  outcome: string
}

/** A page of the log, oldest first. Reading the log is itself recorded, before the page is given out. */
export async function readAuditEntries(
  deps: { readonly db: Db; readonly audit: Audit },
  search: AuditSearch,
): Promise<JsonObject> {
  if (search.cursor !== undefined && !/^\d{1,18}$/.test(search.cursor)) {
    throw new AppError('invalid', 'cursor must be the `next` of an earlier answer')
  }
  await deps.audit.append({
    actor: `${search.by.kind}:${search.by.id}`,
    action: 'audit.read',
    resource: 'audit:entries',
    purpose: 'audit',
  })
  const { rows } = await deps.db.$client.query<EntryRow>(
    `select index, at, actor, action, resource, purpose, case_id, outcome from weir.audit_entry
     where index > $1 and ($2::text is null or action = $2) and ($3::text is null or actor = $3)
       and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5)
     order by index limit $6`,
    [
      search.cursor ?? '-1',
      search.action ?? null,
      search.actor ?? null,
      search.from === undefined ? null : new Date(search.from),
      search.to === undefined ? null : new Date(search.to),
      search.limit + 1,
    ],
  )
  const page = rows.slice(0, search.limit)
  return {
    entries: page.map((row) => ({
      index: Number(row.index),
      at: row.at.toISOString(),
      actor: row.actor,
      action: row.action,
      resource: row.resource,
      purpose: row.purpose,
      caseId: row.case_id,
      outcome: row.outcome,
    })),
    next: rows.length > search.limit ? String(page.at(-1)!.index) : null,
  }
}
