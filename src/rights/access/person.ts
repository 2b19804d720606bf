import { uuidArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import { type SubjectId, subjectId } from '../../event/ids.ts'
import { bitOf, PURPOSES, purposesIn } from '../../event/purpose.ts'
import { openIdentifiers } from '../../identity/identifiers.ts'
import type { IdentifierType } from '../../identity/normalise.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { CompiledPolicy } from '../../policy/compiled.ts'
import { type Refs, refsOf } from './refs.ts'
import type { AccessDocument } from './schema.ts'

type Records = AccessDocument['you']['records']

/** Who somebody is here: users first, then devices, each by when they came. */
export async function readRecords(
  tx: Tx,
  subjects: readonly SubjectId[],
): Promise<{ readonly refs: Refs; readonly records: Records }> {
  const { rows } = await tx.$client.query<{
    subject_id: string
    kind: 'user' | 'device'
    created_on: string
    seen_on: string
    restricted_at: Date | null
  }>(
    `select subject_id, kind, created_on, seen_on, restricted_at from weir.subject where subject_id = any($1::uuid[])
     order by kind desc, created_on, subject_id`,
    [uuidArray(subjects)],
  )
  const refs = refsOf(rows.map(({ subject_id, kind }) => ({ subject: subjectId(subject_id), kind })))
  const records = rows.map((row) => ({
    ref: refs.of(subjectId(row.subject_id)),
    kind: row.kind,
    since: row.created_on,
    seen: row.seen_on,
    restrictedSince: row.restricted_at?.toISOString() ?? null,
  }))
  return { refs, records }
}

/** Every identifier on file, opened, once however many versions of the index have it. */
export async function readIdentifiers(
  tx: Tx,
  keyring: Keyring,
  { subjects, refs }: { readonly subjects: readonly SubjectId[]; readonly refs: Refs },
): Promise<AccessDocument['you']['identifiers']> {
  const { rows } = await tx.$client.query<{
    subject_id: string
    index_key: Buffer
    sealed: Buffer
    type: IdentifierType
  }>(
    `select distinct on (identifier_id) subject_id, index_key, sealed, type from weir.identifier
     where subject_id = any($1::uuid[]) order by identifier_id, index_version desc, norm_version desc`,
    [uuidArray(subjects)],
  )
  const sealed = rows.map((row) => ({ subject: subjectId(row.subject_id), key: row.index_key, sealed: row.sealed }))
  const values = await openIdentifiers(tx, keyring, sealed)
  return rows
    .map(({ subject_id, type }, i) => ({ of: refs.of(subjectId(subject_id)), type, value: values[i] ?? null }))
    .toSorted((a, b) => (`${a.of} ${a.type} ${a.value}` < `${b.of} ${b.type} ${b.value}` ? -1 : 1))
}

/** What holds of each purpose now: refused where anything of the person's refuses it. */
export async function readPurposes(
  tx: Tx,
  { basisOf }: Pick<CompiledPolicy, 'basisOf'>,
  subjects: readonly SubjectId[],
): Promise<AccessDocument['purposes']> {
  const { rows } = await tx.$client.query<{ granted: number; refused: number }>(
    `select coalesce(bit_or(granted), 0) as granted, coalesce(bit_or(cluster_refused), 0) as refused
     from weir.consent_state where subject_id = any($1::uuid[])`,
    [uuidArray(subjects)],
  )
  const { granted, refused } = rows[0]!
  return PURPOSES.map((purpose) => {
    const bit = bitOf(purpose)
    const choice = (refused & bit) !== 0 ? 'refused' : (granted & bit) !== 0 ? 'granted' : 'none'
    return { purpose, basis: basisOf[purpose], choice } as const
  })
}

/** The consent ledger, oldest first. */
export async function readConsentHistory(
  tx: Tx,
  { subjects, refs }: { readonly subjects: readonly SubjectId[]; readonly refs: Refs },
): Promise<AccessDocument['consent']> {
  const { rows } = await tx.$client.query<{
    subject_id: string
    recorded_at: Date
    claimed_at: Date
    record_id: string
    consent_epoch: number
    asked_granted: number
    asked_refused: number
    granted: number
    refused: number
    evidence: string
    proof: string
    source: string | null
    policy_version: number
    notice_token: Buffer | null
  }>(
    `select c.*, s.name as source from weir.consent_ledger c left join weir.source s on s.source_id = c.source_id
     where c.subject_id = any($1::uuid[]) order by c.recorded_at, c.subject_id, c.consent_epoch`,
    [uuidArray(subjects)],
  )
  return rows.map((row) => ({
    of: refs.of(subjectId(row.subject_id)),
    at: row.recorded_at.toISOString(),
    claimedAt: row.claimed_at.toISOString(),
    recordId: row.record_id,
    consentEpoch: row.consent_epoch,
    askedGranted: purposesIn(row.asked_granted),
    askedRefused: purposesIn(row.asked_refused),
    granted: purposesIn(row.granted),
    refused: purposesIn(row.refused),
    evidence: row.evidence,
    proof: row.proof,
    source: row.source ?? 'weir',
    policyVersion: row.policy_version,
    notice: row.notice_token?.toString('hex') ?? null,
  }))
}

/** Which device is whose, ended links too. Somebody else who is named in one is not shown. */
export async function readLinks(
  tx: Tx,
  { subjects, refs }: { readonly subjects: readonly SubjectId[]; readonly refs: Refs },
): Promise<AccessDocument['links']> {
  const { rows } = await tx.$client.query<{
    device_id: string
    user_id: string
    state: 'claimed' | 'confirmed'
    since: Date
    source: string | null
    confirmed_at: Date | null
    ended_at: Date | null
  }>(
    `select l.*, s.name as source from weir.link l left join weir.source s on s.source_id = l.by_source
     where l.device_id = any($1::uuid[]) or l.user_id = any($1::uuid[]) order by l.since, l.device_id`,
    [uuidArray(subjects)],
  )
  return rows.map((row) => ({
    device: refs.known(subjectId(row.device_id)) ?? null,
    user: refs.known(subjectId(row.user_id)) ?? null,
    state: row.state,
    since: row.since.toISOString(),
    source: row.source ?? 'weir',
    confirmedAt: row.confirmed_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
  }))
}
