import type { Law } from '../policy/compiled.ts'
import type { Clock } from './clocks.ts'
import type { Counts, Incident, Whom } from './incident.ts'

/** What a draft is filled with: figures, and names of the policy. Nothing of it is anybody's. */
export interface Figures {
  readonly law: Law
  readonly caseId: string
  readonly scope: Incident['scope']
  readonly known: number
  readonly unknown: number
  /** Field classes, each with of how many of these people. */
  readonly classes: readonly (readonly [name: string, people: number])[]
  readonly records: number
  readonly erased: Counts['erased']
  readonly critical: boolean
  readonly highRisk: boolean
  /** As read in the law's place; undefined where nobody knows. */
  readonly from: string | undefined
  readonly to: string | undefined
  readonly knownAt: string
  readonly zone: string
  readonly clock: Clock
  readonly peopleToldAt: string | undefined
}

export interface Section {
  readonly heading: string
  readonly lines: readonly string[]
}

/** A draft in one language. */
export interface Wording {
  title(law: Law, to: Whom): string
  banner(clock: Clock): readonly string[]
  sections(law: Law, to: Whom, figures: Figures): readonly Section[]
}

/** What stands where only people know. */
export function blank(what: string): string {
  return `[… ${what}]`
}
