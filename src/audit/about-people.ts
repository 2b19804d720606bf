import { int8Array, uuidArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import type { JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import { type FoundEntry, type ReadAuditDeps, shown } from './read.ts'

export interface AboutSearch {
  /** The person, and the devices that are confirmed theirs. Nobody where the identifier is unknown. */
  readonly subjects: readonly SubjectId[]
  readonly by: { readonly kind: string; readonly id: string }
  /** Why an officer may look somebody up. */
  readonly caseId: string
  readonly cursor?: string
  readonly limit: number
}

/**
 * Entries about a person. Only what was kept with the person leads from them to entries, so nothing is found of whoever
 * was erased. The search is recorded first, about the same person.
 */
export async function searchAboutPerson(deps: ReadAuditDeps, search: AboutSearch): Promise<JsonObject> {
  const { subjects, by, caseId, cursor = '-1', limit } = search
  const record = await deps.audit.append({
    actor: `${by.kind}:${by.id}`,
    action: 'audit.search',
    resource: 'audit:person',
    purpose: 'audit',
    caseId,
    outcome: subjects.length === 0 ? 'refused' : 'released',
    about: subjects.map((subject) => ({ subject })),
  })
  await deps.sequencer.sequenced(record)
  const rows = await entriesAbout(deps.db, subjects, { cursor, limit: limit + 1 })
  const page = rows.slice(0, limit)
  return { entries: page.map(shown), next: rows.length > limit ? String(page.at(-1)!.index) : null }
}

/**
 * Who looked at what is held of the person who asks, newest last. Of officers the role in which they act is named by
 * their kind alone: a person may know that they were looked up and why, not which employee did it (CJEU C-579/21).
 */
export async function ownAccesses(
  deps: ReadAuditDeps,
  { subjects, by, cursor = '-1', limit }: Omit<AboutSearch, 'caseId'>,
): Promise<JsonObject> {
  const record = await deps.audit.append({
    actor: `${by.kind}:${by.id}`,
    action: 'accesses.read',
    resource: 'accesses',
    purpose: 'own-state',
    about: subjects.map((subject) => ({ subject })),
  })
  await deps.sequencer.sequenced(record)
  const rows = await entriesAbout(deps.db, subjects, { cursor, limit: limit + 1 })
  const page = rows.slice(0, limit)
  return {
    accesses: page.map((row) => ({
      index: Number(row.index),
      at: row.at.toISOString(),
      by: row.actor.split(':')[0]!,
      action: row.action,
      purpose: row.purpose,
      outcome: row.outcome,
    })),
    next: rows.length > limit ? String(page.at(-1)!.index) : null,
  }
}

/** One look at what is held of a person, as the person is told it. */
export interface SeenBy {
  readonly index: string
  readonly at: Date
  /** The kind of who it was: `officer`, `source`, `weir`… */
  readonly by: string
  readonly action: string
  readonly purpose: string
  readonly outcome: string
  /** Whether the person did it themselves. */
  readonly own: boolean
}

/**
 * The same, newest first, for the person's own page, which is entered first as any look is. `before`: the index of the last
 * one of the page before.
 */
export async function newestAccesses(
  deps: Pick<ReadAuditDeps, 'db' | 'audit' | 'sequencer'>,
  {
    subjects,
    before,
    limit,
  }: { readonly subjects: readonly SubjectId[]; readonly before?: string; readonly limit: number },
): Promise<{ readonly accesses: readonly SeenBy[]; readonly next: string | undefined }> {
  const record = await deps.audit.append({
    actor: 'weir',
    action: 'accesses.read',
    resource: 'accesses',
    purpose: 'own-state',
    about: subjects.map((subject) => ({ subject })),
    more: { by: 'person' },
  })
  await deps.sequencer.sequenced(record)
  const { rows } = await deps.db.$client.query<FoundEntry & { own: boolean }>(
    `select distinct e.index, e.at, e.actor, e.action, e.purpose, e.outcome, coalesce(e.more::jsonb ->> 'by' = 'person', false) as own
     from weir.audit_detail d join weir.audit_entry e on e.record_id = d.record_id and e.action <> 'intake.decide'
     where d.subject_id = any($1::uuid[]) and ($2::bigint is null or e.index < $2) order by e.index desc limit $3`,
    [uuidArray(subjects), before ?? null, limit + 1],
  )
  const page = rows.slice(0, limit)
  return {
    accesses: page.map(({ index, at, actor, action, purpose, outcome, own }) => ({
      index: String(index),
      at,
      by: actor.split(':')[0]!,
      action,
      purpose,
      outcome,
      own,
    })),
    next: rows.length > limit ? String(page.at(-1)!.index) : undefined,
  }
}

async function entriesAbout(
  db: Db,
  subjects: readonly SubjectId[],
  { cursor, limit }: { readonly cursor: string; readonly limit: number },
): Promise<FoundEntry[]> {
  const { rows } = await db.$client.query<FoundEntry>(
    `select distinct e.index, e.at, e.actor, e.action, e.resource, e.purpose, e.case_id, e.outcome, e.more
     from weir.audit_detail d join weir.audit_entry e on e.record_id = d.record_id and e.action <> 'intake.decide'
     where d.subject_id = any($1::uuid[]) and e.index > $2 order by e.index limit $3`,
    [uuidArray(subjects), cursor, limit],
  )
  return rows
}

/** One access, as the person whom it was about is told of it: by whose kind, never by whom. */
export interface AccessTold {
  /** ISO 8601. */
  readonly at: string
  readonly by: string
  readonly action: string
  readonly purpose: string
  readonly outcome: string
}

/** Records of all entries about a person, oldest first. Enters nothing: the caller has. */
export async function recordsAbout(db: Db | Tx, subjects: readonly SubjectId[]): Promise<bigint[]> {
  const { rows } = await db.$client.query<{ record_id: bigint }>(
    'select distinct record_id from weir.audit_detail where subject_id = any($1::uuid[]) order by record_id',
    [uuidArray(subjects)],
  )
  return rows.map((row) => row.record_id)
}

/** The entries of these records, those that wait to be taken into the tree too. Enters nothing. */
export async function readAccesses(db: Db | Tx, records: readonly bigint[]): Promise<AccessTold[]> {
  const { rows } = await db.$client.query<Pick<FoundEntry, 'at' | 'actor' | 'action' | 'purpose' | 'outcome'>>(
    `select at, actor, action, purpose, outcome from (
       select record_id, at, actor, action, purpose, outcome from weir.audit_entry
       where record_id = any($1::bigint[]) and action <> 'intake.decide'
       union all
       select record_id, at, actor, action, purpose, outcome from weir.audit_queue where record_id = any($1::bigint[])
     ) e order by record_id`,
    [int8Array(records)],
  )
  return rows.map(({ at, actor, action, purpose, outcome }) => ({
    at: at.toISOString(),
    by: actor.split(':')[0]!,
    action,
    purpose,
    outcome,
  }))
}
