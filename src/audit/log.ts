import { byteaArray, int4Array, textArray, uuidArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import { currentSubjectKeys, withActiveEpoch } from '../keys/subject-keys.ts'
import { type SealedDetail, sealDetail, subjectTag } from './detail.ts'
import { OWN_MEMBERS, type PlainEntry } from './entry.ts'
import { canonicalJson } from './jcs.ts'

/** An entry that says something of people. */
export interface AuditEntry extends PlainEntry {
  /**
   * Whom it is about: the entry's body has a keyed tag of each, another one every month, and commits to the details,
   * which are sealed under the person's key.
   */
  readonly about?: readonly About[]
}

export interface About {
  readonly subject: SubjectId
  readonly details?: JsonObject
}

export interface Audit {
  /**
   * Resolves when the entry is durable: only then may what it is about be released (law 6). Rejects: release nothing.
   * Rejects with AppError `audit-behind` (503) where entries wait to be taken into the tree for too long.
   * @returns the entry's record, for `sequenced`
   */
  append(entry: AuditEntry): Promise<bigint>
}

export interface AuditDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly now: () => number
  /** Takes into the tree what waits, where nobody does. */
  readonly catchUp: () => Promise<void>
}

interface Waiting {
  readonly entry: AuditEntry
  resolve(record: bigint): void
  reject(error: unknown): void
}

const MAX_BATCH = 1000
const SLOW_S = 10
const STOPPED_S = 30

/** The audit log. Entries that arrive while a commit is under way share the next one. */
export function createAudit(deps: AuditDeps): Audit {
  const waiting: Waiting[] = []
  let running = false

  async function run(): Promise<void> {
    running = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MAX_BATCH)
      try {
        const { records, behind } = await appendBatch(batch.map((one) => one.entry))
        if (behind > STOPPED_S) throw stopped()
        for (const [i, one] of batch.entries()) one.resolve(records[i]!)
      } catch (error) {
        for (const one of batch) one.reject(error)
      }
    }
    running = false
  }

  async function appendBatch(batch: readonly AuditEntry[]): Promise<Appended> {
    const sealed = await withActiveEpoch(deps.keyring, () => sealEntries(deps.db, deps.keyring, deps.now(), batch))
    const appended = await appendSealed(deps.db, sealed)
    if (appended.behind <= SLOW_S) return appended
    await deps.catchUp().catch(() => undefined) // why it cannot, the sequencer says
    return { ...appended, behind: await waitedFor(deps.db) }
  }

  return {
    append(entry) {
      return new Promise((resolve, reject) => {
        waiting.push({ entry, resolve, reject })
        if (!running) void run() // settles the promises itself and never rejects
      })
    },
  }
}

/** Appends inside the caller's transaction, for an act and its entry that must not be there without each other. */
export async function appendEntries(db: Db | Tx, entries: readonly PlainEntry[]): Promise<Appended> {
  return appendSealed(
    db,
    entries.map((entry) => ({ entry, details: [] })),
  )
}

/** The same for entries about people. The transaction began within `withActiveEpoch`. */
export async function appendEntriesAbout(
  tx: Db | Tx,
  { keyring, now }: Pick<AuditDeps, 'keyring' | 'now'>,
  entries: readonly AuditEntry[],
): Promise<Appended> {
  return appendSealed(tx, await sealEntries(tx, keyring, now(), entries))
}

interface Sealed {
  readonly entry: PlainEntry
  readonly details: readonly SealedDetail[]
}

interface Appended {
  /** Records of the entries, in their order. */
  readonly records: readonly bigint[]
  /** Seconds for which the longest has waited that is not in the tree yet. */
  readonly behind: number
}

/** Whoever has no key any more was erased meanwhile: the entry then says that somebody was looked for. */
async function sealEntries(
  db: Db | Tx,
  keyring: Keyring,
  now: number,
  entries: readonly AuditEntry[],
): Promise<Sealed[]> {
  const subjects = entries.flatMap(({ about }) => (about ?? []).map(({ subject }) => subject))
  if (subjects.length === 0) return entries.map((entry) => ({ entry, details: [] }))
  const keys = await currentSubjectKeys(db, keyring, subjects)
  const month = new Date(now).toISOString().slice(0, 7)
  return entries.map(({ about = [], ...plain }) => {
    const known = about.flatMap(({ subject, details = {} }) => {
      const own = keys.get(subject)
      return own === undefined ? [] : [{ tag: subjectTag(own, month), detail: sealDetail(subject, own, details) }]
    })
    if (known.length === 0) return { entry: plain, details: [] }
    const subjects = known.map(({ tag }) => tag)
    const details = known.map(({ detail }) => detail.commitment.toString('base64url'))
    return { entry: { ...plain, more: { ...plain.more, subjects, details } }, details: known.map((one) => one.detail) }
  })
}

async function appendSealed(db: Db | Tx, sealed: readonly Sealed[]): Promise<Appended> {
  const entries = sealed.map((one) => one.entry)
  const details = sealed.flatMap((one, i) => one.details.map((detail) => ({ ...detail, of: i + 1 })))
  const { rows } = await db.$client.query<{ ids: string[]; behind: number }>({
    name: 'audit-append',
    text: `select * from weir.audit_append($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
      $8::integer[], $9::uuid[], $10::bytea[], $11::bytea[])`,
    values: [
      textArray(entries.map((e) => e.actor)),
      textArray(entries.map((e) => e.action)),
      textArray(entries.map((e) => e.resource)),
      textArray(entries.map((e) => e.purpose)),
      textArray(entries.map((e) => e.caseId)),
      textArray(entries.map((e) => e.outcome ?? 'released')),
      textArray(entries.map(moreOf)),
      int4Array(details.map((d) => d.of)),
      uuidArray(details.map((d) => d.subject)),
      byteaArray(details.map((d) => d.commitment)),
      byteaArray(details.map((d) => d.sealed)),
    ],
  })
  const { ids, behind } = rows[0]!
  return { records: ids.map(BigInt), behind }
}

function moreOf({ more }: PlainEntry): string | undefined {
  if (more === undefined || Object.keys(more).length === 0) return undefined
  if (Object.keys(more).some((name) => OWN_MEMBERS.has(name))) throw new TypeError('a member of the entry stands twice')
  return canonicalJson(more)
}

async function waitedFor(db: Db): Promise<number> {
  const { rows } = await db.$client.query<{ behind: number }>(
    `select extract(epoch from clock_timestamp() - at)::double precision as behind from weir.audit_queue
     order by record_id limit 1`,
  )
  return rows[0]?.behind ?? 0
}

function stopped(): AppError {
  const message = 'the audit log does not take entries in: nothing that it must record is shown until it does'
  return new AppError('overloaded', message, { code: 'audit-behind', retryAfter: 5 })
}
