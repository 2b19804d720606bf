import type { PlainEntry } from '../audit/entry.ts'
import { type Audit, appendEntries } from '../audit/log.ts'
import type { Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { By } from '../http/audit-api.ts'
import type { CountDeps } from './count.ts'

/** What everything about incidents is given. */
export interface IncidentDeps extends CountDeps {
  readonly audit: Audit
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The entry of a look or an act; `more` holds names of the policy and numbers only. */
export function entryOf(
  by: By,
  entry: Pick<PlainEntry, 'action' | 'outcome' | 'more' | 'caseId'> & { readonly id?: string },
): PlainEntry {
  const { id, ...rest } = entry
  const resource = id === undefined ? 'incidents' : `incident:${id}`
  return { ...rest, actor: actorOf(by), resource, purpose: 'incident' }
}

/** As the audit log names who acts: `cli` stands for itself. */
export function actorOf({ kind, id }: By): string {
  return kind === 'cli' ? kind : `${kind}:${id}`
}

const STOPPED_S = 30 // as the log itself counts

/**
 * Enters an act in its own transaction. Throws AppError `audit-behind` (503) where the log has stood still for too long:
 * the act is then not done, for its answer shows the file.
 */
export async function enterAct(tx: Tx, entry: PlainEntry): Promise<void> {
  const { behind } = await appendEntries(tx, [entry])
  if (behind <= STOPPED_S) return
  throw new AppError('overloaded', 'The audit log does not take entries in: nothing is done or shown until it does.', {
    code: 'audit-behind',
    retryAfter: 5,
  })
}
