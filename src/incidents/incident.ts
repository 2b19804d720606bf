import type { Law } from '../policy/compiled.ts'
import type { Place } from './places.ts'

export const SCOPES = ['destination', 'export', 'key', 'officer'] as const
export type ScopeKind = (typeof SCOPES)[number]

/** What an incident is about. Names things of the policy and of the audit log, never a person. */
export interface Scope {
  readonly kind: ScopeKind
  /**
   * destination: its name. export: the index of an entry of the audit log, or a resource that entries have.
   * key: `class/kid`. officer: an officer's id.
   */
  readonly target: string
  /** When it lasted, milliseconds since 1970: from (inclusive), to (exclusive); open where nobody knows. */
  readonly from: number | undefined
  readonly to: number | undefined
}

export const WHOM = ['authority', 'people'] as const
export type Whom = (typeof WHOM)[number]

/** How many people a group has, and of how many each field class. */
export interface Group {
  readonly people: number
  readonly classes: Readonly<Record<string, number>>
}

/** Whom an incident touches, as sums. Somebody with places in two laws is in both. */
export interface Counts {
  /** People: a user and the devices that are confirmed theirs are one. Those erased since are not among them. */
  readonly people: number
  /** The same as subjects, each device by itself. */
  readonly subjects: number
  /** Of how many people each field class. */
  readonly classes: Readonly<Record<string, number>>
  /** By the place that a phone number on file gives; `unknown` are those with none. */
  readonly places: Readonly<Partial<Record<Place | 'unknown', Group>>>
  /** By law of the policy: those known to be under it, and those who may be, since nobody knows where they are. */
  readonly laws: Readonly<Partial<Record<Law, { readonly known: number; readonly unknown: number }>>>
  /** Log rows, or entries of the audit log, that this was read from. */
  readonly records: number
  /** Erased since: people, where they can still be told apart (null where not), and records that are nobody's now. */
  readonly erased: { readonly people: number | null; readonly records: number }
  /** What was done: people by action, for an officer's entries and for exports. */
  readonly actions?: Readonly<Record<string, { readonly entries: number; readonly people: number }>>
  /** Officers whose own credentials are touched. */
  readonly officers?: number
  /** Oldest record that the store still has, ISO 8601: what happened earlier is not counted. */
  readonly recordsSince: string | null
}

export type EventKind = 'opened' | 'counted' | 'told' | 'note' | 'closed'

/** One line of an incident's timeline. */
export interface TimelineEvent {
  readonly seq: number
  readonly at: number
  /** As the audit log names who did it. */
  readonly by: string
  readonly kind: EventKind
  readonly law: Law | undefined
  readonly whom: Whom | undefined
  readonly toldAt: number | undefined
  readonly counts: Counts | undefined
  readonly sealedNote: Buffer | undefined
}

/** A file with its timeline. Times in milliseconds since 1970. */
export interface Incident {
  readonly id: string
  readonly number: bigint
  readonly scope: Scope
  readonly knownAt: number
  readonly caseId: string
  /** Of an operator of critical information infrastructure. */
  readonly critical: boolean
  /** High risk to people's rights and freedoms (GDPR art. 34). */
  readonly highRisk: boolean
  readonly openedBy: string
  readonly openedAt: number
  readonly closedAt: number | undefined
  readonly events: readonly TimelineEvent[]
}

/** The newest counts: those of its opening, or of the last time that it was counted again. */
export function countsOf({ events }: Pick<Incident, 'events'>): Counts {
  const counts = events.findLast((event) => event.counts !== undefined)?.counts
  if (counts === undefined) throw new TypeError('an incident without counts')
  return counts
}
