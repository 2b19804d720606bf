import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import type { Door, Language, Proof, Request, Right, State } from './request.ts'

interface Row {
  request_id: string
  number: bigint
  right: Right
  door: Door
  regime: string
  language: Language
  state: State
  state_at: Date
  received_at: Date
  target_at: Date
  legal_due_at: Date | null
  acknowledge_by: Date | null
  acknowledged_at: Date | null
  extended_until: Date | null
  alarmed: 0 | 50 | 80 | 100
  verified_by: Proof | null
  needs_officer: boolean
  officer_decision: 'accepted' | 'refused' | null
  reason: string | null
  secret_hash: Buffer
  cooling_until: Date | null
  step: string | null
  attempts: number
  next_at: Date
  receipt: string | null
  case_id: string | null
  closed_at: Date | null
}

export function requestOf(row: Row): Request {
  return {
    id: row.request_id,
    number: row.number,
    right: row.right,
    door: row.door,
    regime: row.regime,
    language: row.language,
    state: row.state,
    stateAt: row.state_at.getTime(),
    receivedAt: row.received_at.getTime(),
    targetAt: row.target_at.getTime(),
    legalDueAt: row.legal_due_at?.getTime(),
    acknowledgeBy: row.acknowledge_by?.getTime(),
    acknowledgedAt: row.acknowledged_at?.getTime(),
    extendedUntil: row.extended_until?.getTime(),
    alarmed: row.alarmed,
    verifiedBy: row.verified_by ?? undefined,
    needsOfficer: row.needs_officer,
    officerDecision: row.officer_decision ?? undefined,
    reason: row.reason ?? undefined,
    secretHash: row.secret_hash,
    coolingUntil: row.cooling_until?.getTime(),
    step: row.step ?? undefined,
    attempts: row.attempts,
    nextAt: row.next_at.getTime(),
    receipt: row.receipt ?? undefined,
    caseId: row.case_id ?? undefined,
    closedAt: row.closed_at?.getTime(),
  }
}

/** Undefined where no request has this id: what to answer then, the caller knows. */
export async function findRequest(db: Db | Tx, id: string): Promise<Request | undefined> {
  const { rows } = await db.$client.query<Row>('select * from weir.request where request_id = $1', [id])
  return rows[0] && requestOf(rows[0])
}

/** The request, which nobody else changes before the transaction's end. Throws AppError not-found. */
export async function lockRequest(tx: Tx, id: string): Promise<Request> {
  const { rows } = await tx.$client.query<Row>('select * from weir.request where request_id = $1 for no key update', [
    id,
  ])
  if (rows[0] === undefined) throw new AppError('not-found', 'No request has this id.')
  return requestOf(rows[0])
}

/** What a request begins as. Times in milliseconds since 1970. */
export type NewRequest = Pick<
  Request,
  'id' | 'right' | 'door' | 'regime' | 'language' | 'state' | 'receivedAt' | 'targetAt' | 'secretHash' | 'nextAt'
> &
  Partial<Pick<Request, 'legalDueAt' | 'acknowledgeBy' | 'verifiedBy' | 'needsOfficer' | 'caseId'>>

export async function insertRequest(tx: Tx, request: NewRequest, now: number): Promise<void> {
  await tx.$client.query(
    `insert into weir.request (request_id, "right", door, regime, language, state, state_at, received_at, made_at, target_at,
       legal_due_at, acknowledge_by, verified_by, needs_officer, secret_hash, next_at, case_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $7, $9, $10, $11, $12, $13, $14, $15, $16)`,
    [
      request.id,
      request.right,
      request.door,
      request.regime,
      request.language,
      request.state,
      new Date(now),
      new Date(request.receivedAt),
      new Date(request.targetAt),
      request.legalDueAt === undefined ? null : new Date(request.legalDueAt),
      request.acknowledgeBy === undefined ? null : new Date(request.acknowledgeBy),
      request.verifiedBy ?? null,
      request.needsOfficer ?? false,
      request.secretHash,
      new Date(request.nextAt),
      request.caseId ?? null,
    ],
  )
}

/** A line of the request's history. `more`: a code or a number, never words. */
export interface Happening {
  /** As the audit log names it; `person` for whom it is about. */
  readonly actor: string
  readonly what: string
  readonly from?: State
  readonly to?: State
  readonly more?: string
}

export async function note(tx: Tx, id: string, { actor, what, from, to, more }: Happening): Promise<void> {
  await tx.$client.query(
    `insert into weir.request_event (request_id, seq, actor, what, from_state, to_state, more)
     select $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5, $6 from weir.request_event where request_id = $1`,
    [id, actor, what, from ?? null, to ?? null, more ?? null],
  )
}

/** Columns that change with the state, or beside it. Null takes a value out. */
export interface Moves {
  readonly verifiedBy?: Proof
  readonly needsOfficer?: boolean
  readonly reason?: string | null
  readonly coolingUntil?: number | null
  readonly step?: string | null
  readonly attempts?: number
  readonly nextAt?: number
  readonly receipt?: string
  readonly acknowledgedAt?: number
  readonly closedAt?: number
}

const COLUMN: Readonly<Record<keyof Moves, string>> = {
  verifiedBy: 'verified_by',
  needsOfficer: 'needs_officer',
  reason: 'reason',
  coolingUntil: 'cooling_until',
  step: 'step',
  attempts: 'attempts',
  nextAt: 'next_at',
  receipt: 'receipt',
  acknowledgedAt: 'acknowledged_at',
  closedAt: 'closed_at',
}
const TIMES: ReadonlySet<string> = new Set(['coolingUntil', 'nextAt', 'acknowledgedAt', 'closedAt'])

/** Writes columns of a request that the caller has locked. State changes go through state.ts. */
export async function writeRequest(
  tx: Tx,
  id: string,
  moves: Moves & { readonly state?: State; readonly stateAt?: number },
): Promise<void> {
  const { state, stateAt, ...rest } = moves
  const sets = Object.entries(rest) as [keyof Moves, unknown][]
  const values = sets.map(([name, value]) =>
    TIMES.has(name) && typeof value === 'number' ? new Date(value) : (value ?? null),
  )
  const columns = sets.map(([name], i) => `${COLUMN[name]} = $${i + 2}`)
  if (state !== undefined) {
    columns.push(`state = $${values.length + 2}`, `state_at = $${values.length + 3}`)
    values.push(state, new Date(stateAt ?? Date.now()))
  }
  if (columns.length === 0) return
  await tx.$client.query(`update weir.request set ${columns.join(', ')} where request_id = $1`, [id, ...values])
}

/** Whose data a request is about; empty before that is proven, and once they were erased. */
export async function subjectsOf(db: Db | Tx, id: string): Promise<SubjectId[]> {
  const { rows } = await db.$client.query<{ subject_id: string }>(
    'select subject_id from weir.request_person where request_id = $1 order by subject_id',
    [id],
  )
  return rows.map((row) => subjectId(row.subject_id))
}

export async function setSubjects(tx: Tx, id: string, subjects: readonly SubjectId[]): Promise<void> {
  await tx.$client.query(
    `insert into weir.request_person (request_id, subject_id) select $1, s from unnest($2::uuid[]) as s
     on conflict do nothing`,
    [id, [...subjects]],
  )
}
