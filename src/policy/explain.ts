import { decideRule } from '../consent/decide.ts'
import { EVENT_TYPES } from '../event/event.ts'
import { type Purpose, purposesIn } from '../event/purpose.ts'
import type { Basis, CompiledPolicy, ConsentView, EventRule, RefusalReason, RouteVerdict } from './compiled.ts'
import { type Change, smallestToPermit, smallestToRefuse } from './counterfactual.ts'

/** What is known of one decision: the masks of its log row, or those of a question. */
export interface ExplainInput extends ConsentView {
  /** Index of the rule in its policy version, or a name: `Order Completed`, `track:Order Completed`, `identify`. */
  readonly event: number | string
  /** Bits of the routes that were permitted then; absent: as decide() says. */
  readonly permitted?: number
  /** Indices into the rule's paths. */
  readonly removed?: readonly number[]
  readonly unclassified?: number
}

/** Law 10 as plain JSON: what was decided for one event, why, and what would have changed it. */
export interface Explanation {
  readonly event: string
  readonly outcome: 'permitted' | 'refused'
  /** Why nothing was permitted; absent where the masks alone would have permitted it. */
  readonly reason?: RefusalReason
  readonly policy: { readonly name: string; readonly version: number; readonly fingerprint: string }
  /** Line of the policy that states the event; absent for an event that it does not know. */
  readonly line?: number
  readonly consent: {
    readonly granted: readonly Purpose[]
    readonly refused: readonly Purpose[]
    readonly refusedBySignal: readonly Purpose[]
  }
  readonly destinations: readonly DestinationExplanation[]
  readonly fields: {
    /** Paths that were present and removed, or that no open route lists. */
    readonly removed: readonly string[]
    /** Unknown fields: sealed, forwarded to nobody. */
    readonly unclassified: number
  }
  readonly wouldPermit?: Change
  readonly wouldRefuse?: Change
}

export interface DestinationExplanation {
  readonly destination: string
  readonly purpose: Purpose
  readonly basis: Basis
  readonly permitted: boolean
  readonly clauses: readonly Clause[]
  /** The fields that may pass, or that would. */
  readonly fields: readonly string[]
  readonly wouldPermit?: Change
}

/** One clause that was looked at, and the line of the policy that asks for it. */
export interface Clause {
  readonly clause: RefusalReason | 'granted' | 'needs-no-consent' | 'closed-then'
  readonly says: string
  readonly line: number
}

/** Explains a decision. Pure: the same input gives the same words. */
export function explain(policy: CompiledPolicy, input: ExplainInput): Explanation {
  const rule = findRule(policy, input.event)
  const { granted, refused, narrowed } = input
  const known = {
    policy: { name: policy.name, version: policy.version, fingerprint: policy.fingerprint },
    consent: {
      granted: purposesIn(granted),
      refused: purposesIn(refused),
      refusedBySignal: purposesIn(narrowed & policy.needsConsent),
    },
  }
  if (rule === undefined) {
    const event = typeof input.event === 'string' ? input.event : 'unknown'
    const fields = { removed: [], unclassified: input.unclassified ?? 0 }
    return { event, outcome: 'refused', reason: 'unknown-event', ...known, destinations: [], fields }
  }
  const view = { granted, refused, narrowed }
  const decision = decideRule(policy, rule, view)
  const permitted = input.permitted ?? decision.permitted
  const closed = rule.routes.reduce((bits, route) => bits | route.bit, 0) & ~permitted
  const wouldPermit = smallestToPermit(policy, rule, view, closed)
  const wouldRefuse = smallestToRefuse(policy, rule, view, permitted)
  return {
    event: rule.name,
    outcome: permitted === 0 ? 'refused' : 'permitted',
    ...(permitted === 0 && decision.reason !== undefined ? { reason: decision.reason } : {}),
    ...known,
    line: rule.where.line,
    destinations: decision.verdicts.map((verdict) => explainRoute(policy, rule, view, permitted, verdict)),
    fields: { removed: removedPaths(rule, permitted, input.removed), unclassified: input.unclassified ?? 0 },
    ...(wouldPermit === undefined ? {} : { wouldPermit }),
    ...(wouldRefuse === undefined ? {} : { wouldRefuse }),
  }
}

/** The rule by its index, key or name; an event's name comes before a call's. */
export function findRule(policy: CompiledPolicy, event: number | string): EventRule | undefined {
  if (typeof event === 'number') return policy.eventList[event]
  const isCall = (EVENT_TYPES as readonly string[]).includes(event) && event !== 'track'
  const [first, second] = isCall ? [event, `track:${event}`] : [`track:${event}`, event]
  return policy.events.get(first) ?? policy.events.get(second)
}

function explainRoute(
  policy: CompiledPolicy,
  rule: EventRule,
  view: ConsentView,
  permitted: number,
  verdict: RouteVerdict,
): DestinationExplanation {
  const { route } = verdict
  const open = (permitted & route.bit) !== 0
  const wouldPermit = open ? undefined : smallestToPermit(policy, rule, view, route.bit)
  return {
    destination: route.destination.name,
    purpose: route.purpose,
    basis: policy.basisOf[route.purpose],
    permitted: open,
    clauses: clausesOf(policy, verdict, open),
    fields: route.fields,
    ...(wouldPermit === undefined ? {} : { wouldPermit }),
  }
}

function clausesOf(policy: CompiledPolicy, { route, failing }: RouteVerdict, open: boolean): Clause[] {
  const { purpose } = route
  const { line } = policy.purposeAt[purpose]
  if (open) {
    const basis = policy.basisOf[purpose]
    return basis === 'consent'
      ? [{ clause: 'granted', says: `consent to ${purpose} was given and stands`, line }]
      : [{ clause: 'needs-no-consent', says: `${purpose} rests on ${basis}`, line }]
  }
  if (failing.length === 0) {
    return [{ clause: 'closed-then', says: 'closed for this event by what was known when it came', line }]
  }
  return failing.map((clause) => {
    return { clause, says: sayings[clause](purpose), line: clause === 'no-separate-consent' ? route.where.line : line }
  })
}

const sayings: Record<RefusalReason, (purpose: Purpose) => string> = {
  'unknown-event': () => 'the policy does not know the event',
  'no-route': () => 'the policy sends the event to nobody',
  'no-consent': (purpose) => `there is no consent to ${purpose}`,
  'refused-by-person': (purpose) => `${purpose} was refused or withdrawn`,
  'refused-by-signal': (purpose) => `the message came with a signal that refuses ${purpose}`,
  expired: () => 'the event was older than its fields may be kept',
  'no-separate-consent': () => 'it needs a separate consent (PIPL 23, 29, 39), and there is none',
}

/** As recorded; for a question about an event that never was, everything that no open route lists. */
function removedPaths(rule: EventRule, permitted: number, removed: readonly number[] | undefined): string[] {
  if (removed !== undefined) return removed.flatMap((index) => rule.paths[index] ?? [])
  const open = rule.routes.filter((route) => (route.bit & permitted) !== 0)
  const passing = new Set(open.flatMap((route) => route.fields))
  return rule.paths.filter((path) => !passing.has(path))
}
