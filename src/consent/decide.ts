import type { ConsentClaim, EventType } from '../event/event.ts'
import { bitOf, type PurposeMask } from '../event/purpose.ts'
import type {
  CompiledPolicy,
  ConsentView,
  Decision,
  EventRule,
  RefusalReason,
  Route,
  RouteVerdict,
} from '../policy/compiled.ts'

/** What decide() needs of an event. An IncomingEvent fits; its own claim then narrows too. */
export interface DecidableEvent {
  readonly type: EventType
  readonly name: string
  readonly claim?: ConsentClaim
}

/** Key of an event's rule in the policy: `track:Order Completed`, `identify`, `page` … */
export function ruleKey(event: { readonly type: EventType; readonly name: string }): string {
  return event.type === 'track' ? `track:${event.name}` : event.type
}

/**
 * Decides which routes of an event are open. Pure and total: no clock, no database, never throws, denies by default.
 * A route opens when its purpose rests on something else than consent, or when it is granted, refused nowhere and
 * narrowed by nothing that came along; and when it needs no separate consent.
 */
export function decide(policy: CompiledPolicy, event: DecidableEvent, view: ConsentView): Decision {
  const rule = policy.events.get(ruleKey(event))
  if (rule === undefined) return { rule, verdicts: [], permitted: 0, reason: 'unknown-event' }
  const claimed = event.claim === undefined ? 0 : narrowedBy(policy, event.claim)
  return decideRule(policy, rule, claimed === 0 ? view : { ...view, narrowed: view.narrowed | claimed })
}

/** The same for a rule already found: what delivery and explanations decide again with. */
export function decideRule(policy: CompiledPolicy, rule: EventRule, view: ConsentView): Decision {
  const verdicts: RouteVerdict[] = []
  let permitted = 0
  for (const route of rule.routes) {
    const failing = failingClauses(policy, route, view)
    if (failing.length === 0) permitted |= route.bit
    const reason = failing[0]
    verdicts.push(
      reason === undefined ? { route, permitted: true, failing } : { route, permitted: false, reason, failing },
    )
  }
  if (permitted !== 0) return { rule, verdicts, permitted }
  return { rule, verdicts, permitted, reason: nearest(verdicts) }
}

/**
 * Purposes that the evidence of one message refuses: what it names, what Sec-GPC: 1 stands for, and, where it could
 * not be read, everything that needs consent.
 */
export function narrowedBy(policy: CompiledPolicy, claim: ConsentClaim): PurposeMask {
  if (claim.unreadable) return policy.needsConsent
  const signalled = claim.evidence.includes('gpc') ? policy.gpc : 0
  return (claim.refused | signalled) & policy.needsConsent
}

const NONE: readonly RefusalReason[] = []

/** Firmest first: a refusal has to be taken back before a missing grant matters. */
function failingClauses(policy: CompiledPolicy, route: Route, view: ConsentView): readonly RefusalReason[] {
  const bit = bitOf(route.purpose)
  const free = (policy.needsConsent & bit) === 0
  if (!route.separateConsent && (free || (view.granted & ~view.refused & ~view.narrowed & bit) !== 0)) return NONE
  const failing: RefusalReason[] = []
  if (!free && (view.refused & bit) !== 0) failing.push('refused-by-person')
  if (!free && (view.narrowed & bit) !== 0) failing.push('refused-by-signal')
  if (!free && (view.granted & bit) === 0) failing.push('no-consent')
  if (route.separateConsent) failing.push('no-separate-consent')
  return failing
}

/** The reason of the route that came nearest: fewest failing clauses, the policy's first among equals. */
function nearest(verdicts: readonly RouteVerdict[]): RefusalReason {
  let best: RouteVerdict | undefined
  for (const verdict of verdicts) {
    if (best === undefined || verdict.failing.length < best.failing.length) best = verdict
  }
  return best?.reason ?? 'no-route'
}
