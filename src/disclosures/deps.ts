import type { Audit, AuditEntry } from '../audit/log.ts'
import type { Db } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { OfficerDeps } from '../officers/deps.ts'
import type { PolicyShelf } from '../pipeline/policy-shelf.ts'
import type { Pseudonymisers } from '../pipeline/pseudonymisers.ts'
import type { Disclosure } from './rows.ts'

/** What everything about disclosures is given. */
export interface DisclosureDeps {
  /** The gateway's own role. */
  readonly db: Db
  readonly keyring: Keyring
  readonly audit: Audit
  readonly officers: OfficerDeps
  readonly active: () => ActivePolicy
  readonly policies: PolicyShelf
  readonly pseudonymisers: Pseudonymisers
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Whether mail reaches the data protection officer; where it has to and does not, nobody looks. */
  readonly dpo: 'told' | 'not-told' | 'unreachable'
  /** Said after a commit that wrote a mail. */
  readonly mailWaits: () => void
}

/** An officer who is signed in. */
export interface ByOfficer {
  readonly officer: string
}

/** Throws AppError 503 `dpo-unreachable` where nobody would be told. */
export function requireDpo({ dpo }: Pick<DisclosureDeps, 'dpo'>): void {
  if (dpo !== 'unreachable') return
  const message =
    'Nothing is disclosed unseen: set WEIR_SMTP_URL and WEIR_DPO_EMAIL, so that the data protection officer is told.'
  throw new AppError('overloaded', message, { code: 'dpo-unreachable', retryAfter: 60 })
}

/** The entry of an act on a request. `more` never holds a value, an identifier or free text. */
export function entryOf(
  { id, purpose, caseId, subject, emergency }: Pick<Disclosure, 'id' | 'purpose' | 'caseId' | 'subject' | 'emergency'>,
  act: {
    readonly officer: string
    readonly action: string
    readonly outcome: 'done' | 'released' | 'refused'
    readonly more?: JsonObject
  },
): AuditEntry {
  return {
    actor: `officer:${act.officer}`,
    action: act.action,
    resource: `disclosure:${id}`,
    purpose,
    caseId,
    outcome: act.outcome,
    more: { ...act.more, ...(emergency ? { emergency: true } : {}) },
    ...(subject === undefined ? {} : { about: [{ subject }] }),
  }
}

/** Does it, and enters the attempt where it is refused, before the refusal is answered. */
export async function orEnterRefusal<T>(
  { audit }: Pick<DisclosureDeps, 'audit'>,
  entry: (code: string) => AuditEntry,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof AppError && error.status !== 503) await audit.append(entry(error.code))
    throw error
  }
}
