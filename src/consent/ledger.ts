import { randomUUID } from 'node:crypto'
import { lockSubjects } from '../db/locks.ts'
import type { Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { SubjectId } from '../event/ids.ts'
import { PURPOSES, type PurposeMask } from '../event/purpose.ts'
import { applyChoice, type Choice, type ConsentState, NO_CONSENT } from './apply-choice.ts'

/** By whose word, and with what proof, a choice was recorded. */
export interface Evidence {
  readonly evidence: 'api' | 'segment' | 'rudderstack' | 'carried' | 'request'
  readonly proof: 'server-key' | 'device-secret' | 'subject-token' | 'none' | 'request'
  readonly sourceId: number
  readonly policyVersion: number
  /** SHA-256 of the notice token that the client showed, if it sent one. */
  readonly noticeToken?: Buffer
}

export interface Recorded {
  readonly subject: SubjectId
  readonly recordId: string
  readonly state: ConsentState
  /** Purposes that this choice restricted and that were permitted or undecided before. */
  readonly restricted: PurposeMask
  /** Purposes that this choice granted and that were not granted before. */
  readonly gained: PurposeMask
}

/**
 * Appends a choice of each subject to the ledger and moves its current state, in the caller's transaction, which
 * must hold the restriction lock if anything is refused. Users whose confirmed devices changed are brought up to date with it. One act of
 * a person is one record: all entries that it makes bear the same record id.
 */
export async function recordChoice(
  tx: Tx,
  subjects: readonly SubjectId[],
  choice: Choice,
  evidence: Evidence,
): Promise<Recorded[]> {
  const users = await confirmedUsersOf(tx, subjects)
  await lockSubjects(tx, [...subjects, ...users])
  await refuseGone(tx, [...subjects, ...users])
  const act = { recordId: randomUUID(), receivedAt: choice.receivedAt, evidence }
  const recorded: Recorded[] = []
  for (const subject of subjects) recorded.push(await recordOne(tx, subject, choice, act))
  await refreshClusters(tx, [...new Set([...users, ...subjects])], act)
  return recorded
}

/** Whoever was erased while this waited for the lock gets no state that nobody would find again. */
async function refuseGone(tx: Tx, subjects: readonly SubjectId[]): Promise<void> {
  const wanted = [...new Set(subjects)]
  const { rowCount } = await tx.$client.query('select from weir.subject where subject_id = any($1::uuid[])', [wanted])
  if (rowCount === wanted.length) return
  throw new AppError('overloaded', 'somebody was erased while their choice was being recorded: send it again', {
    code: 'erased-meanwhile',
    retryAfter: 1,
  })
}

/** Users that these subjects are confirmed to be. */
async function confirmedUsersOf(tx: Tx, subjects: readonly SubjectId[]): Promise<SubjectId[]> {
  const { rows } = await tx.$client.query<{ user_id: SubjectId }>(
    `select distinct user_id from weir.link
     where device_id = any($1::uuid[]) and state = 'confirmed' and ended_at is null`,
    [subjects],
  )
  return rows.map((row) => row.user_id)
}

/** What caused entries of the ledger. */
export interface Act {
  readonly recordId: string
  /** Milliseconds since 1970, by our clock. */
  readonly receivedAt: number
  readonly evidence: Evidence
}

async function recordOne(tx: Tx, subject: SubjectId, choice: Choice, act: Act): Promise<Recorded> {
  const { recordId, evidence } = act
  const before = await readState(tx, subject)
  const state = applyChoice(before, choice)
  await appendRecord(tx, { subject, recordId, state, choice, evidence })
  await writeState(tx, subject, recordId, state)
  const restricted = state.refused & ~before.refused
  return { subject, recordId, state, restricted, gained: state.granted & ~before.granted }
}

export async function readState(tx: Tx, subject: SubjectId): Promise<ConsentState> {
  const { rows } = await tx.$client.query<StateRow>(
    `select consent_epoch, granted, refused, restricted_epoch,
       array(select (extract(epoch from t) * 1000)::float8 from unnest(restricted_at) as t) as restricted_at
     from weir.consent_state where subject_id = $1`,
    [subject],
  )
  const row = rows[0]
  if (row === undefined) return NO_CONSENT
  return {
    epoch: row.consent_epoch,
    granted: row.granted,
    refused: row.refused,
    restrictedAt: PURPOSES.map((_, bit) => row.restricted_at[bit] ?? 0),
    restrictedEpoch: PURPOSES.map((_, bit) => row.restricted_epoch[bit] ?? 0),
  }
}

interface StateRow {
  consent_epoch: number
  granted: number
  refused: number
  restricted_epoch: number[]
  restricted_at: number[]
}

interface LedgerEntry {
  readonly subject: SubjectId
  readonly recordId: string
  readonly state: ConsentState
  readonly choice: Choice
  readonly evidence: Evidence
}

async function appendRecord(tx: Tx, entry: LedgerEntry): Promise<void> {
  const { subject, recordId, state, choice, evidence } = entry
  await tx.$client.query(
    `insert into weir.consent_ledger (subject_id, consent_epoch, record_id, claimed_at, asked_granted, asked_refused,
       granted, refused, evidence, proof, source_id, policy_version, notice_token)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      subject,
      state.epoch,
      recordId,
      new Date(choice.claimedAt ?? choice.receivedAt),
      choice.granted,
      choice.refused,
      state.granted,
      state.refused,
      evidence.evidence,
      evidence.proof,
      evidence.sourceId,
      evidence.policyVersion,
      evidence.noticeToken ?? null,
    ],
  )
}

async function writeState(tx: Tx, subject: SubjectId, recordId: string, state: ConsentState): Promise<void> {
  await tx.$client.query(
    `insert into weir.consent_state
       (subject_id, consent_epoch, record_id, granted, refused, cluster_refused, restricted_at, restricted_epoch)
     values ($1, $2, $3, $4, $5, $5, $6, $7)
     on conflict (subject_id) do update set consent_epoch = excluded.consent_epoch, record_id = excluded.record_id,
       granted = excluded.granted, refused = excluded.refused,
       cluster_refused = weir.consent_state.cluster_refused | excluded.refused,
       restricted_at = excluded.restricted_at, restricted_epoch = excluded.restricted_epoch`,
    [
      subject,
      state.epoch,
      recordId,
      state.granted,
      state.refused,
      state.restrictedAt.map((ms) => new Date(ms)),
      state.restrictedEpoch,
    ],
  )
}

/**
 * Recomputes what each subject's confirmed cluster refuses. A purpose newly refused by another member begins a new
 * consent epoch of the user and stands in the ledger as `carried`: what was decided before it stays refused.
 */
export async function refreshClusters(tx: Tx, subjects: readonly SubjectId[], act: Act): Promise<void> {
  const { rows } = await tx.$client.query<{ subject_id: SubjectId; cluster: number; before: number | null }>(
    `select s.id as subject_id, coalesce(own.refused, 0) | coalesce(bit_or(device.refused), 0) as cluster,
       own.cluster_refused as before
     from unnest($1::uuid[]) as s(id)
       left join weir.consent_state own on own.subject_id = s.id
       left join weir.link l on l.user_id = s.id and l.state = 'confirmed' and l.ended_at is null
       left join weir.consent_state device on device.subject_id = l.device_id
     group by s.id, own.refused, own.cluster_refused`,
    [subjects],
  )
  for (const row of rows) {
    if (row.cluster === (row.before ?? 0)) continue
    const carried = row.cluster & ~(row.before ?? 0)
    if (carried !== 0) await carry(tx, row.subject_id, carried, act)
    await tx.$client.query('update weir.consent_state set cluster_refused = $2 where subject_id = $1', [
      row.subject_id,
      row.cluster,
    ])
  }
}

/** A member's refusal reaches the user: the user's own choice stays, its epoch rises. */
async function carry(
  tx: Tx,
  subject: SubjectId,
  carried: PurposeMask,
  { recordId, receivedAt, evidence }: Act,
): Promise<void> {
  const before = await readState(tx, subject)
  const epoch = before.epoch + 1
  const restrictedEpoch = before.restrictedEpoch.map((was, bit) => ((carried & (1 << bit)) === 0 ? was : epoch))
  const state = { ...before, epoch, restrictedEpoch }
  await appendRecord(tx, {
    subject,
    recordId,
    state,
    choice: { granted: 0, refused: carried, claimedAt: undefined, receivedAt },
    evidence: { ...evidence, evidence: 'carried', proof: 'none' },
  })
  await writeState(tx, subject, recordId, state)
}
