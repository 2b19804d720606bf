import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { Law } from '../policy/compiled.ts'
import type { Counts, EventKind, Incident, ScopeKind, TimelineEvent, Whom } from './incident.ts'

interface IncidentRow {
  incident_id: string
  number: bigint
  kind: ScopeKind
  target: string
  begins: Date | null
  ends: Date | null
  known_at: Date
  case_id: string
  critical: boolean
  high_risk: boolean
  opened_by: string
  opened_at: Date
  closed_at: Date | null
}

interface EventRow {
  incident_id: string
  seq: number
  at: Date
  by_actor: string
  kind: EventKind
  law: Law | null
  whom: Whom | null
  told_at: Date | null
  counts: Counts | null
  note: Buffer | null
}

/** Throws AppError not-found. */
export async function readIncident(db: Db | Tx, id: string): Promise<Incident> {
  const { rows } = await db.$client.query<IncidentRow>('select * from weir.incident where incident_id = $1', [id])
  const [found] = await withEvents(db, rows)
  if (found === undefined) throw new AppError('not-found', 'No incident has this id.')
  return found
}

/** The same, and nobody else adds to it before the transaction's end. Throws AppError not-found. */
export async function lockIncident(tx: Tx, id: string): Promise<Incident> {
  await tx.$client.query('select from weir.incident where incident_id = $1 for no key update', [id])
  return readIncident(tx, id)
}

export interface IncidentList {
  readonly state?: 'open' | 'closed'
  /** Number of the last one of the page before. */
  readonly cursor?: string
  readonly limit: number
}

/** Newest first. */
export async function listIncidents(db: Db | Tx, { state, cursor, limit }: IncidentList): Promise<Incident[]> {
  const { rows } = await db.$client.query<IncidentRow>(
    `select * from weir.incident
     where ($1::bigint is null or number < $1) and ($2::text is null or ($2 = 'open') = (closed_at is null))
     order by number desc limit $3`,
    [cursor ?? null, state ?? null, limit],
  )
  return withEvents(db, rows)
}

async function withEvents(db: Db | Tx, rows: readonly IncidentRow[]): Promise<Incident[]> {
  const { rows: events } = await db.$client.query<EventRow>(
    'select * from weir.incident_event where incident_id = any($1::uuid[]) order by incident_id, seq',
    [rows.map((row) => row.incident_id)],
  )
  const byIncident = Map.groupBy(events, (event) => event.incident_id)
  return rows.map((row) => incidentOf(row, byIncident.get(row.incident_id) ?? []))
}

export type NewIncident = Omit<Incident, 'number' | 'openedAt' | 'closedAt' | 'events'>

export async function insertIncident(tx: Tx, incident: NewIncident): Promise<void> {
  const { id, scope, knownAt, caseId, critical, highRisk, openedBy } = incident
  await tx.$client.query(
    `insert into weir.incident (incident_id, kind, target, begins, ends, known_at, case_id, critical, high_risk, opened_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      id,
      scope.kind,
      scope.target,
      scope.from === undefined ? null : new Date(scope.from),
      scope.to === undefined ? null : new Date(scope.to),
      new Date(knownAt),
      caseId,
      critical,
      highRisk,
      openedBy,
    ],
  )
}

export interface NewEvent {
  readonly seq: number
  readonly by: string
  readonly kind: EventKind
  readonly law?: Law
  readonly whom?: Whom
  readonly toldAt?: number
  readonly counts?: Counts
  readonly sealedNote?: Buffer | undefined
}

export async function insertEvent(tx: Tx, incident: string, event: NewEvent): Promise<void> {
  await tx.$client.query(
    `insert into weir.incident_event (incident_id, seq, by_actor, kind, law, whom, told_at, counts, note)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      incident,
      event.seq,
      event.by,
      event.kind,
      event.law ?? null,
      event.whom ?? null,
      event.toldAt === undefined ? null : new Date(event.toldAt),
      event.counts === undefined ? null : JSON.stringify(event.counts),
      event.sealedNote ?? null,
    ],
  )
}

/** The three years begin: by the database's clock, whatever is written. */
export async function closeIncident(tx: Tx, id: string): Promise<void> {
  await tx.$client.query('update weir.incident set closed_at = clock_timestamp() where incident_id = $1', [id])
}

function incidentOf(row: IncidentRow, events: readonly EventRow[]): Incident {
  return {
    id: row.incident_id,
    number: row.number,
    scope: { kind: row.kind, target: row.target, from: row.begins?.getTime(), to: row.ends?.getTime() },
    knownAt: row.known_at.getTime(),
    caseId: row.case_id,
    critical: row.critical,
    highRisk: row.high_risk,
    openedBy: row.opened_by,
    openedAt: row.opened_at.getTime(),
    closedAt: row.closed_at?.getTime(),
    events: events.map(eventOf),
  }
}

function eventOf(row: EventRow): TimelineEvent {
  return {
    seq: row.seq,
    at: row.at.getTime(),
    by: row.by_actor,
    kind: row.kind,
    law: row.law ?? undefined,
    whom: row.whom ?? undefined,
    toldAt: row.told_at?.getTime(),
    counts: row.counts ?? undefined,
    sealedNote: row.note ?? undefined,
  }
}
