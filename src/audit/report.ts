import type { Db } from '../db/pool.ts'
import type { Json, JsonObject } from '../event/event.ts'
import { type AuditFilter, findEntries, type ReadAuditDeps, recordLook, shown } from './read.ts'

type By = { readonly kind: string; readonly id: string }

export interface ExportSearch extends AuditFilter {
  readonly format: 'ndjson' | 'csv'
  readonly cursor?: string
  readonly limit: number
  readonly by: By
}

const COLUMNS = ['index', 'at', 'actor', 'action', 'resource', 'purpose', 'caseId', 'outcome', 'more'] as const

/** Entries as lines, to take away; `next` where there are more. Recorded first. */
export async function exportEntries(
  deps: ReadAuditDeps,
  { format, limit, by, ...filter }: ExportSearch,
): Promise<{ readonly text: string; readonly next: string | null }> {
  await recordLook(deps, by, 'audit:export', { format })
  const { rows } = await findEntries(deps.db, filter, limit + 1)
  const page = rows.slice(0, limit)
  const lines = page.map(shown).map((entry) => (format === 'csv' ? csvLine(entry) : JSON.stringify(entry)))
  const head = format === 'csv' && filter.cursor === undefined ? [COLUMNS.join()] : []
  return {
    text: [...head, ...lines, ''].join(format === 'csv' ? '\r\n' : '\n'), // RFC 4180 §2.1
    next: rows.length > limit ? String(page.at(-1)!.index) : null,
  }
}

function csvLine(entry: JsonObject): string {
  return COLUMNS.map((name) => csvCell(entry[name] ?? '')).join()
}

/** Quoted where it must be; never a formula in whoever's spreadsheet (OWASP ASVS 5.0, 1.2.10). */
function csvCell(value: Json): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const safe = typeof value !== 'number' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

interface ActorRow {
  actor: string
  action: string
  outcome: string
  entries: bigint
  people: bigint
  last: Date
}

/** What each actor did within a time: entries, and mentions of people, by action and outcome. Recorded first. */
export async function auditStatistics(
  deps: ReadAuditDeps,
  { from, to, by }: { readonly from?: number; readonly to?: number; readonly by: By },
): Promise<JsonObject> {
  await recordLook(deps, by, 'audit:statistics')
  const { rows } = await deps.db.$client.query<ActorRow>(
    `select actor, action, outcome, count(*) as entries,
       coalesce(sum(jsonb_array_length(more::jsonb -> 'subjects')), 0)::bigint as people, max(at) as last
     from weir.audit_entry
     where action <> 'intake.decide' and ($1::timestamptz is null or at >= $1) and ($2::timestamptz is null or at < $2)
     group by actor, action, outcome order by actor, action, outcome limit 10000`,
    [from === undefined ? null : new Date(from), to === undefined ? null : new Date(to)],
  )
  const actors = [...Map.groupBy(rows, ({ actor }) => actor)].map(([actor, own]) => ({
    actor,
    entries: own.reduce((sum, row) => sum + Number(row.entries), 0),
    people: own.reduce((sum, row) => sum + Number(row.people), 0),
    lastAt: new Date(Math.max(...own.map((row) => row.last.getTime()))).toISOString(),
    actions: own.map(({ action, outcome, entries, people }) => ({
      action,
      outcome,
      entries: Number(entries),
      people: Number(people),
    })),
  }))
  return { actors }
}

/** Signed checkpoints, newest first, each with who cosigned it. */
export async function checkpointHistory(
  db: Db,
  { before, limit }: { readonly before?: string; readonly limit: number },
): Promise<JsonObject> {
  const { rows } = await db.$client.query<{
    end: bigint
    origin: string
    size: bigint
    at: Date
    note: string
    witnesses: string[] | null
  }>(
    `select h.first_index + s.size as end, h.origin, s.size, s.at, s.note,
       (select array_agg(c.witness order by c.witness) from weir.audit_cosignature c
        where c.shard = s.shard and c.size = s.size) as witnesses
     from weir.audit_signature s join weir.audit_shard h on h.shard = s.shard
     where $1::bigint is null or h.first_index + s.size < $1
     order by s.shard desc, s.size desc limit $2`,
    [before ?? null, limit + 1],
  )
  const page = rows.slice(0, limit)
  return {
    checkpoints: page.map(({ origin, size, at, note, witnesses }) => ({
      origin,
      size: Number(size),
      at: at.toISOString(),
      witnesses: witnesses ?? [],
      note,
    })),
    next: rows.length > limit ? String(page.at(-1)!.end) : null,
  }
}
