import { decideRule } from '../consent/decide.ts'
import { bitOf, maskOf, type Purpose, type PurposeMask, purposesIn } from '../event/purpose.ts'
import type { CompiledPolicy, ConsentView, EventRule } from './compiled.ts'

/** One thing that could have been otherwise. */
export interface Choice {
  readonly purpose: Purpose
  readonly act: 'grant' | 'take-back-refusal' | 'send-without-signal' | 'refuse'
}

/** The fewest choices that would have changed a decision, and whom that touches. */
export interface Change {
  readonly choices: readonly Choice[]
  readonly destinations: readonly string[]
}

/**
 * The smallest set of choices under which one of the `wanted` routes (bits) opens: fewest purposes first, then fewest
 * acts. Found by deciding again for every subset of the purposes that need consent (at most 31). Undefined where no
 * choice opens any of them.
 */
export function smallestToPermit(
  policy: CompiledPolicy,
  rule: EventRule,
  view: ConsentView,
  wanted: number,
): Change | undefined {
  const closed = wanted & ~decideRule(policy, rule, view).permitted
  return smallest(policy, rule, closed, (purposes) => {
    const on = maskOf(purposes)
    const after = { granted: view.granted | on, refused: view.refused & ~on, narrowed: view.narrowed & ~on }
    return { choices: purposes.flatMap((purpose) => actsToPermit(view, purpose)), after, opens: true }
  })
}

/** The smallest set of refusals under which one of the `open` routes (bits) closes. Undefined where none needs consent. */
export function smallestToRefuse(
  policy: CompiledPolicy,
  rule: EventRule,
  view: ConsentView,
  open: number,
): Change | undefined {
  const standing = open & decideRule(policy, rule, view).permitted
  return smallest(policy, rule, standing, (purposes) => {
    const after = { ...view, refused: view.refused | maskOf(purposes) }
    return { choices: purposes.map((purpose): Choice => ({ purpose, act: 'refuse' })), after, opens: false }
  })
}

interface Trial {
  readonly choices: readonly Choice[]
  readonly after: ConsentView
  readonly opens: boolean
}

function smallest(
  policy: CompiledPolicy,
  rule: EventRule,
  bits: number,
  trial: (purposes: readonly Purpose[]) => Trial,
): Change | undefined {
  let best: (Change & { size: number }) | undefined
  for (const purposes of subsets(policy.needsConsent)) {
    if (best !== undefined && purposes.length > best.size) break
    const { choices, after, opens } = trial(purposes)
    const { permitted } = decideRule(policy, rule, after)
    const touched = bits & (opens ? permitted : ~permitted)
    if (touched === 0 || (best !== undefined && choices.length >= best.choices.length)) continue
    const routes = rule.routes.filter((route) => (route.bit & touched) !== 0)
    best = { choices, destinations: routes.map((route) => route.destination.name), size: purposes.length }
  }
  return best === undefined ? undefined : { choices: best.choices, destinations: best.destinations }
}

/** Every non-empty subset, smallest first. */
function subsets(mask: PurposeMask): Purpose[][] {
  const all: Purpose[][] = []
  for (let subset = mask; subset !== 0; subset = (subset - 1) & mask) all.push(purposesIn(subset))
  return all.reverse().sort((a, b) => a.length - b.length)
}

function actsToPermit(view: ConsentView, purpose: Purpose): Choice[] {
  const bit = bitOf(purpose)
  const acts: Choice[] = []
  if ((view.refused & bit) !== 0) acts.push({ purpose, act: 'take-back-refusal' })
  if ((view.granted & bit) === 0) acts.push({ purpose, act: 'grant' })
  if ((view.narrowed & bit) !== 0) acts.push({ purpose, act: 'send-without-signal' })
  return acts
}
