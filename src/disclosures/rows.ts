import type { Db, Tx } from '../db/pool.ts'
import { sqlState } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import type { Request } from './request.ts'
import { type Course, expiryOf, type Kind, opensAt } from './state.ts'

/** A request with its course, as weir.disclosure has it. Times in milliseconds since 1970. */
export interface Disclosure extends Request, Course {
  /** Its place in lists. */
  readonly number: bigint
  readonly decidedBy: string | undefined
  readonly decidedAt: number | undefined
  readonly opensAt: number | undefined
  readonly review: 'justified' | 'not-justified' | undefined
  readonly reviewedBy: string | undefined
  readonly reviewedAt: number | undefined
  /** Entry of the audit log with its reason, sealed under the person's key. */
  readonly recordId: bigint
  /** The reason where there is no person, sealed under the officers' key. */
  readonly sealedReason: Buffer | undefined
  /** Undefined where it is about nobody, and once the person was erased. */
  readonly subject: SubjectId | undefined
  /** It was about somebody who was erased since. */
  readonly erased: boolean
}

interface Row {
  disclosure_id: string
  number: bigint
  kind: Kind
  case_id: string
  purpose: string
  wanted: string[]
  destination: string | null
  to_destination: string | null
  plan_hash: string | null
  reads: number
  minutes: number
  emergency: boolean
  commitment: Buffer
  reason: Buffer | null
  record_id: bigint
  asked_by: string
  asked_at: Date
  opens_at: Date | null
  decision: 'approved' | 'refused' | null
  decided_by: string | null
  decided_at: Date | null
  expires_at: Date | null
  used: number
  voided_at: Date | null
  review: 'justified' | 'not-justified' | null
  reviewed_by: string | null
  reviewed_at: Date | null
  subject_id: string | null
}

export const DISCLOSURES = `(select d.*, p.subject_id from weir.disclosure d
  left join weir.disclosure_person p using (disclosure_id)) as d`

/** Throws AppError not-found. */
export async function readDisclosure(db: Db | Tx, id: string): Promise<Disclosure> {
  const { rows } = await db.$client.query<Row>(`select * from ${DISCLOSURES} where disclosure_id = $1`, [id])
  if (rows[0] === undefined) throw new AppError('not-found', 'No request has this id.')
  return disclosureOf(rows[0])
}

/** The same, and nobody else changes it before the transaction's end. */
export async function lockDisclosure(tx: Tx, id: string): Promise<Disclosure> {
  await tx.$client.query('select from weir.disclosure where disclosure_id = $1 for no key update', [id])
  return readDisclosure(tx, id)
}

/**
 * Writes a request. Throws AppError conflict `emergency-open` where the officer has an emergency that nobody reviewed.
 */
export async function insertDisclosure(
  tx: Tx,
  request: Request,
  more: {
    readonly subject: SubjectId | undefined
    readonly recordId: bigint
    readonly sealedReason: Buffer | undefined
  },
): Promise<void> {
  const { askedAt, emergency } = request
  const opens = emergency ? opensAt(request) : undefined
  await tx.$client
    .query(
      `insert into weir.disclosure (disclosure_id, kind, case_id, purpose, wanted, destination, to_destination, plan_hash, reads,
         minutes, emergency, commitment, reason, record_id, asked_by, asked_at, opens_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
      [
        request.id,
        request.kind,
        request.caseId,
        request.purpose,
        request.wanted,
        request.destination ?? null,
        request.toDestination ?? null,
        request.planHash ?? null,
        request.reads,
        request.minutes,
        emergency,
        request.commitment,
        more.sealedReason ?? null,
        more.recordId,
        request.askedBy,
        new Date(askedAt),
        opens === undefined ? null : new Date(opens),
        opens === undefined ? null : new Date(expiryOf(request, opens)),
      ],
    )
    .catch((cause: unknown) => {
      if (sqlState(cause) !== UNIQUE) throw cause
      throw new AppError('conflict', 'You have an emergency that nobody has reviewed: ask another officer to.', {
        code: 'emergency-open',
      })
    })
  if (more.subject === undefined) return
  // The lock makes an erasure wait: it then finds this row and takes it along.
  await tx.$client.query(
    `insert into weir.disclosure_person (disclosure_id, subject_id)
     select $1, subject_id from weir.subject where subject_id = $2 for key share`,
    [request.id, more.subject],
  )
}

const UNIQUE = '23505'

/**
 * Uses up one read, in one statement: of two for the last one, one finds nothing. Returns its number, from 1; undefined
 * where none is left or its time is over.
 */
export async function spendRead(
  db: Db | Tx,
  { id, by, now }: { readonly id: string; readonly by: string; readonly now: number },
): Promise<number | undefined> {
  const { rows } = await db.$client.query<{ used: number }>(
    `update weir.disclosure d set used = used + 1
     where disclosure_id = $1 and asked_by = $2 and used < reads and expires_at > $3 and voided_at is null
       and (decision = 'approved' or emergency and decision is null and opens_at <= $3)
       and exists (select from weir.officer where officer_id = d.asked_by and disabled_at is null and role = 'compliance')
     returning used`,
    [id, by, new Date(now)],
  )
  return rows[0]?.used
}

/** Of a query over DISCLOSURES. */
export function disclosureOf(row: Row): Disclosure {
  return {
    id: row.disclosure_id,
    number: row.number,
    kind: row.kind,
    caseId: row.case_id,
    purpose: row.purpose,
    wanted: row.wanted,
    destination: row.destination ?? undefined,
    toDestination: row.to_destination ?? undefined,
    planHash: row.plan_hash ?? undefined,
    reads: row.reads,
    minutes: row.minutes,
    emergency: row.emergency,
    commitment: row.commitment,
    sealedReason: row.reason ?? undefined,
    recordId: row.record_id,
    askedBy: row.asked_by,
    askedAt: row.asked_at.getTime(),
    opensAt: row.opens_at?.getTime(),
    decision: row.decision ?? undefined,
    decidedBy: row.decided_by ?? undefined,
    decidedAt: row.decided_at?.getTime(),
    expiresAt: row.expires_at?.getTime(),
    used: row.used,
    voided: row.voided_at !== null,
    review: row.review ?? undefined,
    reviewedBy: row.reviewed_by ?? undefined,
    reviewedAt: row.reviewed_at?.getTime(),
    reviewed: row.reviewed_at !== null,
    subject: row.subject_id === null ? undefined : subjectId(row.subject_id),
    erased: row.subject_id === null && row.reason === null,
  }
}

export type DisclosureRow = Row
