import type { Db } from '../db/pool.ts'
import type { RequestFilter } from '../http/request-queue-api.ts'
import { EXTENSION_REASONS, type ExtensionReason } from './reasons.ts'
import type { Request, State } from './request.ts'
import { requestOf } from './rows.ts'

/** A request with what only the queue shows of its row. */
export interface Queued extends Request {
  /** Who decided: an officer's, or a program's id. */
  readonly decidedBy: string | undefined
  readonly liftedAt: number | undefined
}

type QueuedRow = Parameters<typeof requestOf>[0] & {
  readonly decided_by: string | null
  readonly lifted_at: Date | null
}

function queuedOf(row: QueuedRow): Queued {
  return { ...requestOf(row), decidedBy: row.decided_by ?? undefined, liftedAt: row.lifted_at?.getTime() }
}

/** Newest first. */
export async function listRequests(
  db: Db,
  { right, state, regime, overdue, needsOfficer, cursor, limit }: RequestFilter,
  now: number,
): Promise<Queued[]> {
  const { rows } = await db.$client.query<QueuedRow>(
    `select * from weir.request
     where ($1::bigint is null or number < $1)
       and ($2::text is null or "right" = $2)
       and ($3::text is null or case $3 when 'open' then closed_at is null when 'closed' then closed_at is not null
         else state = $3 end)
       and ($4::text is null or regime = $4)
       and (not $5::boolean or closed_at is null and coalesce(extended_until, least(target_at, legal_due_at)) <= $6)
       and (not $7::boolean or closed_at is null and needs_officer)
     order by number desc limit $8`,
    [
      cursor ?? null,
      right ?? null,
      state ?? null,
      regime ?? null,
      overdue ?? false,
      new Date(now),
      needsOfficer ?? false,
      limit,
    ],
  )
  return rows.map(queuedOf)
}

export async function findQueued(db: Db, id: string): Promise<Queued | undefined> {
  const { rows } = await db.$client.query<QueuedRow>('select * from weir.request where request_id = $1', [id])
  return rows[0] && queuedOf(rows[0])
}

/** A line of a request's history, as it was noted. */
export interface HistoryLine {
  readonly seq: number
  readonly at: Date
  readonly actor: string
  readonly what: string
  readonly from_state: State | null
  readonly to_state: State | null
  readonly more: string | null
}

export interface RecipientLine {
  readonly name: string
  readonly kind: string
  readonly state: string
  readonly due_at: Date
  readonly sent_at: Date | null
  readonly acknowledged_at: Date | null
  readonly verified_at: Date | null
  readonly attempts: number
  readonly failure: string | null
}

/** What stands beside a request's row: codes, times and counts, never a value. */
export interface Beside {
  readonly history: readonly HistoryLine[]
  readonly recipients: readonly RecipientLine[]
  readonly subjects: number
  readonly messages: { readonly waiting: number; readonly sent: number; readonly given_up: number }
  readonly proofs: { readonly sent: number; readonly used: number }
  /** Kinds of content that are there to be opened. */
  readonly content: readonly string[]
  readonly origin: { readonly protocol: string; readonly controller: string; readonly losses: string[] } | undefined
}

export async function readBeside(db: Db, id: string): Promise<Beside> {
  const ask = async <T extends object>(text: string): Promise<T[]> => (await db.$client.query<T>(text, [id])).rows
  const counts = await ask<{
    subjects: number
    waiting: number
    sent: number
    given_up: number
    asked: number
    used: number
  }>(
    `select (select count(*) from weir.request_person where request_id = $1)::integer as subjects,
       (select count(*) from weir.request_message where request_id = $1 and sent_at is null and given_up_at is null)::integer
         as waiting,
       (select count(*) from weir.request_message where request_id = $1 and sent_at is not null)::integer as sent,
       (select count(*) from weir.request_message where request_id = $1 and given_up_at is not null)::integer as given_up,
       (select count(*) from weir.request_proof where request_id = $1)::integer as asked,
       (select count(*) from weir.request_proof where request_id = $1 and used_at is not null)::integer as used`,
  )
  const { subjects, waiting, sent, given_up, asked, used } = counts[0]!
  const kinds = await ask<{ kind: string }>('select kind from weir.request_content where request_id = $1 order by kind')
  const [origin] = await ask<NonNullable<Beside['origin']>>(
    'select protocol, controller, losses from weir.request_origin where request_id = $1',
  )
  return {
    history: await ask<HistoryLine>(
      'select seq, at, actor, what, from_state, to_state, more from weir.request_event where request_id = $1 order by seq',
    ),
    recipients: await ask<RecipientLine>(
      `select d.name, m.kind, m.state, m.due_at, m.sent_at, m.acknowledged_at, m.verified_at, m.attempts, m.failure
       from weir.recipient_message m join weir.destination d using (destination_id)
       where m.request_id = $1 order by d.name, m.made_at`,
    ),
    subjects,
    messages: { waiting, sent, given_up },
    proofs: { sent: asked, used },
    content: kinds.map(({ kind }) => kind),
    origin,
  }
}

/** Why an officer took longer; undefined where nobody did. */
export async function extensionReason(db: Db, id: string): Promise<ExtensionReason | undefined> {
  const { rows } = await db.$client.query<{ more: string | null }>(
    `select more from weir.request_event where request_id = $1 and what = 'extended' order by seq desc limit 1`,
    [id],
  )
  return EXTENSION_REASONS.find((reason) => reason === rows[0]?.more)
}
