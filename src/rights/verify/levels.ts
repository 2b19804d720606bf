import type { Proof, Right } from '../request.ts'

/** How somebody can be asked to prove an address or a number that is on file. */
export const WAYS = ['mail-link', 'mail-code', 'sms-code'] as const
export type Way = (typeof WAYS)[number]

/** What is known of who asks. */
export interface Shown {
  readonly right: Right
  /** What they proved so far. */
  readonly proof: Proof | undefined
  /** It came with a mandate: somebody asks for somebody else. */
  readonly agent: boolean
  /** An address or number was named beside what is proved, and it is not on file there. */
  readonly disagree: boolean
  /** A session token that does not say when the person signed in. */
  readonly stale: boolean
  /** Whether there is anywhere to send a link or a code to. */
  readonly contact: boolean
}

export type Ruling =
  /** `officer`: and a human looks at it before anything happens. */
  | { readonly met: true; readonly officer: boolean }
  /** By which ways more can be proved. */
  | { readonly met: false; readonly ways: readonly Way[] }

const ANY_WAY: Ruling = { met: false, ways: WAYS }

/**
 * What must be proved before a right is exercised, and where a human decides besides (docs/asking.md has it as a table).
 * Whoever only says no proves nothing: consent is withdrawn as easily as it is given (GDPR art. 7(3)), and nothing is
 * shown for it.
 */
export function ruling(shown: Shown): Ruling {
  const { right, proof, agent } = shown
  if (right === 'objection') return { met: true, officer: false }
  // The person confirms to us, not to the agent: a mandate can be forged, or be out of date.
  if (agent) return proof === 'mail-link' ? { met: true, officer: true } : { met: false, ways: ['mail-link'] }
  if (proof === undefined) return ANY_WAY
  if (right === 'erasure' && proof === 'session-token' && shown.stale && shown.contact) return ANY_WAY
  return { met: true, officer: needsOfficer(shown, proof) }
}

function needsOfficer({ right, disagree }: Shown, proof: Proof): boolean {
  if (right === 'correction') return true // what stands there may be right
  // A number is taken over more easily than a mailbox (SIM swap), and an export cannot be called back.
  if ((right === 'access' || right === 'portability') && proof === 'sms-code') return true
  return right === 'erasure' && disagree
}
