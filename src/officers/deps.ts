import type { AuditEntry } from '../audit/log.ts'
import type { Db } from '../db/pool.ts'
import type { OfficerKeys } from './keys.ts'
import type { WorkLimit } from './work-limit.ts'

/** What everything about officers is given. */
export interface OfficerDeps {
  /** The gateway's own role. */
  readonly db: Db
  readonly keys: () => OfficerKeys
  /** Resolves when the entry is durable. */
  readonly audit: { append(entry: AuditEntry): Promise<unknown> }
  /** Where officers' pages are: authenticators are bound to its host, machines' assertions to all of it. */
  readonly publicUrl: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Every argon2 goes through it. */
  readonly limit: WorkLimit
}
