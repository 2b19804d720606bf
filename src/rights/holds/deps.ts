import type { AuditEntry } from '../../audit/log.ts'
import type { Tx } from '../../db/pool.ts'
import { AppError } from '../../errors.ts'
import type { By } from '../../http/audit-api.ts'
import type { OfficerDeps } from '../../officers/deps.ts'
import { dayOf } from '../../retention/due.ts'
import type { RightsDeps } from '../deps.ts'
import { type HoldRow, lockHold } from '../statutory/hold-rows.ts'
import { asStatutory } from '../statutory/rows.ts'

export interface HoldDeps extends Pick<RightsDeps, 'db' | 'keyring' | 'audit' | 'active' | 'policies' | 'now'> {
  /** What an approval is checked with; a command has none, and cannot approve. */
  readonly officers?: OfficerDeps
}

/** As the audit log and the hold name who acts. */
export function actorOf({ kind, id }: By): string {
  return kind === 'cli' ? kind : `${kind}:${id}`
}

/** The entry of a look or an act; `more` holds names of the policy, days and numbers only. */
export function entryOf(
  by: By,
  entry: Pick<AuditEntry, 'action' | 'outcome' | 'more' | 'caseId' | 'about'> & { readonly id?: string },
): AuditEntry {
  const { id, ...rest } = entry
  return { ...rest, actor: actorOf(by), resource: id === undefined ? 'holds' : `hold:${id}`, purpose: 'legal-hold' }
}

export type HoldState = 'active' | 'released' | 'expired'

export function stateOf({ releasedAt, expiresOn }: HoldRow, now: number): HoldState {
  if (releasedAt !== null) return 'released'
  return expiresOn <= dayOf(now) ? 'expired' : 'active'
}

/** The hold, locked, while it binds. Throws AppError not-found, conflict `hold-over`. */
export async function lockActive(tx: Tx, id: string, now: number): Promise<HoldRow> {
  const hold = await asStatutory(tx, () => lockHold(tx, id))
  if (hold === undefined) throw new AppError('not-found', 'No hold has this id.')
  if (stateOf(hold, now) !== 'active') throw new AppError('conflict', 'The hold is over.', { code: 'hold-over' })
  return hold
}
