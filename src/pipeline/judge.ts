import { decideRule, ruleKey } from '../consent/decide.ts'
import type { Db } from '../db/pool.ts'
import type { JsonObject } from '../event/event.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import type { Presented } from '../identity/present.ts'
import { type ErasureClock, indexText, readNodesNow } from '../identity/read.ts'
import { readTombstones } from '../identity/tombstones.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { Decision, EventRule, Projection, RefusalReason } from '../policy/compiled.ts'
import { project } from '../policy/project.ts'
import { isExpired } from '../retention/due.ts'
import { type Resolvable, type Resolved, resolve } from './resolve.ts'

export interface JudgeDeps {
  readonly db: Db
  readonly keyring: Pick<Keyring, 'tombstoneKey'>
  readonly active: () => ActivePolicy
  readonly now: () => number
}

/**
 * Why an event was refused, beyond what the policy says: nobody to hold it for, too many new people, somebody whose data
 * is restricted, or somebody who was erased after it happened.
 */
export type GroupReason = RefusalReason | 'no-subject' | 'too-many-new-subjects' | 'restricted' | 'erased'

/** What was decided for one event of a group. */
export interface Judged {
  readonly resolved: Resolved
  readonly decision: Decision
  readonly projection: Projection
  /** Absent where something is permitted. */
  readonly reason: GroupReason | undefined
}

/** A group's decisions, and the erasures that had happened when they were taken: undefined where nobody was asked for. */
export interface JudgedGroup {
  readonly judged: Judged[]
  readonly clock: ErasureClock | undefined
}

const UNKNOWN: Decision = { rule: undefined, verdicts: [], permitted: 0, reason: 'unknown-event' }
const EMPTY: Projection = { byClass: new Map(), removed: [], unclassified: 0 }
const DAY_MS = 86_400_000

/** Decides a group by the ledger as it stands now. Reads; writes nothing. */
export async function judge(deps: JudgeDeps, items: readonly Resolvable[]): Promise<JudgedGroup> {
  const presented = new Map(
    items.flatMap((item) => [item.device, item.user]).flatMap((p) => (p ? [[indexText(p.key), p] as const] : [])),
  )
  const { nodes, clock } = await readNodesNow(deps.db, [...presented.values()])
  const erased = await erasedSince(deps, items, clock)
  const active = deps.active()
  const judged = items.map((item) => {
    const one = judgeOne(active, item, resolve(active.compiled, item, nodes), deps.now())
    if (erased.has(item)) return closedFor(one, 'erased')
    const { device, user } = one.resolved
    return device?.restricted || user?.restricted ? closedFor(one, 'restricted') : one
  })
  return { judged, clock }
}

/** What happened before its person was erased does not bring them back, however late it comes, or how often. */
async function erasedSince(
  deps: JudgeDeps,
  items: readonly Resolvable[],
  clock: ErasureClock | undefined,
): Promise<ReadonlySet<Resolvable>> {
  const late = clock === undefined ? [] : items.filter(({ event }) => event.occurredAt <= clock.newest)
  if (late.length === 0) return new Set()
  const of = ({ device, user }: Resolvable): Presented[] => [device, user].flatMap((one) => one ?? [])
  const erasedAt = await readTombstones(deps.db, deps.keyring.tombstoneKey, late.flatMap(of))
  return new Set(late.filter((item) => of(item).some((one) => item.event.occurredAt <= erasedAt(one))))
}

/** Decides as if what each message claims were what its sender had granted. Asks nobody's ledger. */
export function rehearse(deps: Pick<JudgeDeps, 'active' | 'now'>, items: readonly Resolvable[]): Judged[] {
  const active = deps.active()
  return items.map((item) => {
    const resolved = resolve(active.compiled, item, new Map())
    const view = { ...resolved.view, granted: item.event.claim.granted }
    return judgeOne(active, item, { ...resolved, view }, deps.now())
  })
}

function judgeOne(active: ActivePolicy, item: Resolvable, resolved: Resolved, now: number): Judged {
  const { event } = item
  const rule = active.compiled.events.get(ruleKey(event))
  const decision = rule === undefined ? UNKNOWN : decideRule(active.compiled, rule, resolved.view)
  const nobody = item.device === undefined && !(item.user !== undefined && item.userConfirmed)
  if (decision.rule === undefined || decision.permitted === 0) {
    // Nobody's consent can help where nobody stands behind the event.
    const reason = nobody && decision.reason === 'no-consent' ? 'no-subject' : (decision.reason ?? 'no-route')
    return { resolved, decision, projection: EMPTY, reason }
  }
  if (nobody) {
    return { resolved, decision: closed(decision), projection: EMPTY, reason: 'no-subject' }
  }
  const projection = project(decision.rule, decision.permitted, fieldsOf(event.type, event.properties, event.context))
  removeExpired(active, projection, event.occurredAt, now)
  const left = [...projection.byClass.keys()].some((name) => name !== 'unclassified')
  if (!left && hasOutlived(active, decision.rule, decision.permitted, { occurredAt: event.occurredAt, now })) {
    return { resolved, decision: closed(decision), projection: EMPTY, reason: 'expired' }
  }
  return { resolved, decision, projection, reason: undefined }
}

/** The same event, refused for a reason that is not the policy's. */
export function closedFor(judged: Judged, reason: GroupReason): Judged {
  return { ...judged, decision: closed(judged.decision), projection: EMPTY, reason }
}

function closed(decision: Decision): Decision {
  return { ...decision, permitted: 0 }
}

/** identify and group carry traits, the others properties: the policy's paths say which. */
function fieldsOf(type: string, properties: JsonObject, context: object): JsonObject {
  const name = type === 'identify' || type === 'group' ? 'traits' : 'properties'
  return { [name]: properties, context: context as JsonObject }
}

/** Classes that an old event has already outlived are not kept (law 8). */
function removeExpired(active: ActivePolicy, projection: Projection, occurredAt: number, now: number): void {
  for (const name of projection.byClass.keys()) {
    const fieldClass = active.compiled.classes.get(name)
    if (fieldClass === undefined || isExpired(fieldClass, occurredAt, now)) projection.byClass.delete(name)
  }
}

/** Of what its routes read nothing may be kept any more, whether this event has any of it or not. */
function hasOutlived(
  active: ActivePolicy,
  rule: EventRule,
  permitted: number,
  { occurredAt, now }: { readonly occurredAt: number; readonly now: number },
): boolean {
  if (Math.floor(occurredAt / DAY_MS) === Math.floor(now / DAY_MS)) return false // today's: no class lives shorter
  const read = rule.routes.flatMap((route) => ((route.bit & permitted) === 0 ? [] : route.fields))
  const classes = new Set(read.map((path) => active.compiled.classes.get(rule.classOf.get(path) ?? '')))
  return read.length > 0 && [...classes].every((one) => one === undefined || isExpired(one, occurredAt, now))
}
