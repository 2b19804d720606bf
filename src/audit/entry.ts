import type { JsonObject } from '../event/event.ts'
import { canonicalJson } from './jcs.ts'

/** What everybody may know of one look, or one act: references only, never a value, an identifier, an address or free text. */
export interface PlainEntry {
  /** `officer:<uuid>`, `token:<uuid>`, `service:<uuid>`, `source:<id>`, `cli`, `weir` */
  readonly actor: string
  /** `consent.read`, `decision.read`, `recommendation.read`, `totals.read`, `audit.read`… */
  readonly action: string
  readonly resource: string
  readonly purpose: string
  readonly caseId?: string
  readonly outcome?: 'released' | 'refused' | 'done'
  /** Further members of the body, as small as the above: `amr`, `fields`, `count`, `approval`… */
  readonly more?: JsonObject
}

/** An entry as it lies in the queue or in the tree. */
export interface EntryRow {
  readonly record_id: bigint
  readonly at: Date
  readonly actor: string
  readonly action: string
  readonly resource: string
  readonly purpose: string
  readonly case_id: string | null
  readonly outcome: string
  /** Canonical JSON of an object; null for none. */
  readonly more: string | null
}

export const ENTRY_COLUMNS = 'record_id, at, actor, action, resource, purpose, case_id, outcome, more'

const BODY_VERSION = 1

/**
 * The body of an entry, what its leaf is the hash of: canonical JSON (RFC 8785) of every column but the record's number,
 * so that a changed column is a changed leaf.
 */
export function bodyOf(row: EntryRow): Buffer {
  const { at, actor, action, resource, purpose, outcome } = row
  const own = { v: BODY_VERSION, at: at.toISOString(), actor, action, resource, purpose, outcome }
  const named = row.case_id === null ? own : { ...own, caseId: row.case_id }
  return Buffer.from(withMore(named, row.more), 'utf8')
}

/** What cannot be read was not written by us: it is entered as it stands, and holds nobody else up. */
function withMore(named: JsonObject, more: string | null): string {
  if (more === null) return canonicalJson(named)
  try {
    const members: unknown = JSON.parse(more)
    if (typeof members === 'object' && members !== null && !Array.isArray(members)) {
      return canonicalJson({ ...(members as JsonObject), ...named })
    }
  } catch {}
  return canonicalJson({ ...named, unreadable: more })
}

/**
 * What a case may be called in an entry, which stays for good: a number with letters around it. No blank, and at least
 * one digit: nobody's name.
 */
export const CASE_ID = /^(?=.*\p{N})[\p{L}\p{N}._/#-]{1,100}$/u

/** Members that `more` may not have: they are columns. */
export const OWN_MEMBERS: ReadonlySet<string> = new Set([
  'v',
  'at',
  'actor',
  'action',
  'resource',
  'purpose',
  'caseId',
  'outcome',
])
