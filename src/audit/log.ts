import { createHmac, type KeyObject } from 'node:crypto'
import { textArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'

/** One look, or one act, as the log keeps it: references only, never a value. */
export interface AuditEntry {
  /** `token:<uuid>`, `source:<id>`, `cli`, `weir` */
  readonly actor: string
  /** `consent.read`, `decision.read`, `recommendation.read`, `totals.read`, `audit.read`… */
  readonly action: string
  readonly resource: string
  readonly purpose: string
  readonly caseId?: string
  readonly outcome?: 'released' | 'refused' | 'done'
}

export interface Audit {
  /** Resolves when the entry is durable: only then may what it is about be released (law 6). Rejects: release nothing. */
  append(entry: AuditEntry): Promise<void>
  /** What stands for a subject in the log: keyed, and another one every month. */
  subjectTag(subject: SubjectId): string
}

interface Waiting {
  readonly entry: AuditEntry
  resolve(): void
  reject(error: unknown): void
}

const MAX_BATCH = 500

/** The audit log. Entries that arrive while a commit is under way share the next one. */
export function createAudit(deps: { readonly db: Db; readonly key: KeyObject; readonly now: () => number }): Audit {
  const waiting: Waiting[] = []
  let running = false

  async function run(): Promise<void> {
    running = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MAX_BATCH)
      try {
        await appendEntries(
          deps.db,
          batch.map((one) => one.entry),
        )
        for (const one of batch) one.resolve()
      } catch (error) {
        for (const one of batch) one.reject(error)
      }
    }
    running = false
  }

  return {
    append(entry) {
      return new Promise((resolve, reject) => {
        waiting.push({ entry, resolve, reject })
        if (!running) void run() // settles the promises itself and never rejects
      })
    },
    subjectTag(subject) {
      const month = new Date(deps.now()).toISOString().slice(0, 7)
      const mac = createHmac('sha256', deps.key).update(`weir/audit/subject/${month}/${subject}`).digest()
      return mac.subarray(0, 16).toString('base64url')
    },
  }
}

/** Appends inside the caller's transaction, for an act and its entry that must not be there without each other. */
export async function appendEntries(db: Db | Tx, entries: readonly AuditEntry[]): Promise<void> {
  await db.$client.query({
    name: 'audit-append',
    text: 'select weir.audit_append($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])',
    values: [
      textArray(entries.map((e) => e.actor)),
      textArray(entries.map((e) => e.action)),
      textArray(entries.map((e) => e.resource)),
      textArray(entries.map((e) => e.purpose)),
      textArray(entries.map((e) => e.caseId)),
      textArray(entries.map((e) => e.outcome ?? 'released')),
    ],
  })
}
