import type { Json, JsonObject } from '../event/event.ts'
import type { EventRule, Projection } from './compiled.ts'
import { type Branch, branch, buildTrie, type List, type PathNode } from './trie.ts'

export { mergeClasses, projectForRoute, replaceTokens } from './select.ts'

/** An event's fields as decide() knows them: properties or traits, and the reduced context. */
export interface EventFields {
  readonly properties?: JsonObject
  readonly traits?: JsonObject
  readonly context?: JsonObject
}

/**
 * Splits an event's fields into what the permitted routes may receive, by class, and what is removed. Walks the event
 * once. Each class gets an object of the event's own shape; lists keep their length, so that the classes of one list
 * still line up. A field that the policy does not know, or whose JSON type is not the classified one, goes whole to
 * `unclassified` and is counted. Pure; what it keeps by rule and mask is derived from them alone.
 */
export function project(rule: EventRule, permitted: number, fields: EventFields): Projection {
  const plan = planOf(rule, permitted)
  const run: Run = { plan, present: plan.none.slice(), unclassified: 0 }
  const parts = walkBranch(plan.root, fields as JsonObject, run)
  const byClass = new Map<string, JsonObject>()
  for (let slot = 0; slot < parts.length && plan.open; slot++) {
    const part = parts[slot]
    if (part !== undefined) byClass.set(plan.classes[slot] as string, part)
  }
  return { byClass, removed: removedIn(run), unclassified: run.unclassified }
}

interface Plan {
  readonly root: Branch
  /** By index of the path: its class's slot, or -1 where no permitted route lists it. */
  readonly slotOf: Int16Array
  readonly classes: readonly string[]
  /** Slot of `unclassified`: the last one. */
  readonly unknown: number
  /** False where no route is permitted: then nothing is kept, not even sealed as unclassified. */
  readonly open: boolean
  /** No part yet, by slot; copied at each level. */
  readonly blank: readonly undefined[]
  /** The empty set of path indices, 32 to a word. */
  readonly none: readonly number[]
}

interface Run {
  readonly plan: Plan
  /** Bit set of removed paths that were present. */
  readonly present: number[]
  unclassified: number
}

type Draft = Record<string, Json>
/** By slot: what belongs to that class at this level. */
type Parts = (Draft | undefined)[]

interface Plans {
  readonly root: Branch
  /** Bits of the rule's own routes: others would only multiply plans. */
  readonly routes: number
  readonly byMask: Map<number, Plan>
}

const plans = new WeakMap<EventRule, Plans>()

function planOf(rule: EventRule, permitted: number): Plan {
  let known = plans.get(rule)
  if (known === undefined) {
    const routes = rule.routes.reduce((all, route) => all | route.bit, 0)
    known = { root: rootOf(rule), routes, byMask: new Map() }
    plans.set(rule, known)
  }
  const mask = permitted & known.routes
  let plan = known.byMask.get(mask)
  if (plan === undefined) {
    plan = makePlan(rule, known.root, mask)
    known.byMask.set(mask, plan)
  }
  return plan
}

function rootOf(rule: EventRule): Branch {
  const { root } = buildTrie(rule.paths)
  // Unknown fields are counted one by one also where the policy classifies none of them.
  for (const part of ['properties', 'traits', 'context'])
    if (!root.children.has(part)) root.children.set(part, branch())
  return root
}

function makePlan(rule: EventRule, root: Branch, mask: number): Plan {
  const allowed = new Set(rule.routes.filter((route) => (route.bit & mask) !== 0).flatMap((route) => route.fields))
  const classes: string[] = []
  const slotOf = new Int16Array(rule.paths.length).fill(-1)
  for (const [i, path] of rule.paths.entries()) {
    const fieldClass = rule.classOf.get(path)
    if (!allowed.has(path) || fieldClass === undefined || fieldClass === 'unclassified') continue
    let slot = classes.indexOf(fieldClass)
    if (slot < 0) slot = classes.push(fieldClass) - 1
    slotOf[i] = slot
  }
  const unknown = classes.push('unclassified') - 1
  const none = Array.from({ length: (rule.paths.length + 31) >> 5 }, () => 0)
  return { root, slotOf, classes, unknown, open: mask !== 0, blank: classes.map(() => undefined), none }
}

function walkBranch(node: Branch, value: JsonObject, run: Run): Parts {
  const parts: Parts = run.plan.blank.slice()
  for (const key of Object.keys(value)) {
    const item = value[key]
    if (item === undefined || place(node.children.get(key), key, item, parts, run)) continue
    run.unclassified++
    draft(parts, run.plan.unknown, run)[key] = item
  }
  return parts
}

/** Puts a value where its path says; false where the policy knows no such path or another JSON type for it. */
function place(node: PathNode | undefined, key: string, value: Json, parts: Parts, run: Run): boolean {
  if (node === undefined) return false
  const nested = value !== null && typeof value === 'object'
  if (node.kind === 'leaf') {
    if (!nested) keep(node.index, key, value, parts, run)
    return !nested
  }
  if (value === null) return true // an absent object or list: holds nothing
  if (node.kind === 'list') {
    if (Array.isArray(value)) placeList(node, key, value, parts, run)
    return Array.isArray(value)
  }
  if (!nested || Array.isArray(value)) return false
  const inner = walkBranch(node, value as JsonObject, run)
  for (let slot = 0; slot < inner.length; slot++) {
    const part = inner[slot]
    if (part !== undefined) draft(parts, slot, run)[key] = part
  }
  return true
}

function keep(index: number, key: string, value: Json, parts: Parts, run: Run): void {
  const slot = run.plan.slotOf[index] as number
  if (slot < 0) remove(index, run)
  else draft(parts, slot, run)[key] = value
}

function draft(parts: Parts, slot: number, run: Run): Draft {
  // Keys of the other slots are names of the policy, checked when it was read; unknown ones may be `__proto__`.
  const known = parts[slot]
  if (known !== undefined) return known
  const made: Draft = slot === run.plan.unknown ? Object.create(null) : {}
  parts[slot] = made
  return made
}

function placeList(node: List, key: string, list: readonly Json[], parts: Parts, run: Run): void {
  const { element } = node
  const bySlot: (Json[] | undefined)[] = []
  const put = (slot: number, i: number, item: Json): void => {
    const made = bySlot[slot] ?? list.map((): Json => (element.kind === 'leaf' ? null : {}))
    made[i] = item
    bySlot[slot] = made
  }
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as Json
    const nested = item !== null && typeof item === 'object'
    if (element.kind === 'leaf' && !nested) {
      const slot = run.plan.slotOf[element.index] as number
      if (slot < 0) remove(element.index, run)
      else put(slot, i, item)
    } else if (element.kind === 'branch' && nested && !Array.isArray(item)) {
      const inner = walkBranch(element, item as JsonObject, run)
      for (let slot = 0; slot < inner.length; slot++) {
        const part = inner[slot]
        if (part !== undefined) put(slot, i, part)
      }
    } else if (item !== null || element.kind === 'leaf') {
      run.unclassified++
      put(run.plan.unknown, i, item)
    }
  }
  for (let slot = 0; slot < bySlot.length; slot++) {
    const made = bySlot[slot]
    if (made !== undefined) draft(parts, slot, run)[key] = made
  }
}

function remove(index: number, run: Run): void {
  run.present[index >> 5] = (run.present[index >> 5] as number) | (1 << (index & 31))
}

function removedIn(run: Run): number[] {
  const removed: number[] = []
  for (let word = 0; word < run.present.length; word++) {
    for (let bits = run.present[word] as number; bits !== 0; bits &= bits - 1) {
      removed.push((word << 5) + 31 - Math.clz32(bits & -bits))
    }
  }
  return removed
}
