import type { Json, JsonObject } from '../event/event.ts'
import type { EventRule, Route, TokenKind } from './compiled.ts'
import { type Branch, buildTrie, type PathNode } from './trie.ts'

const routeTries = new WeakMap<Route, Branch>()
const tokenTries = new WeakMap<EventRule, { root: Branch; kinds: readonly TokenKind[] }>()

/**
 * What one destination is handed: the route's allowlist out of the merged fields, in their own shape. A value whose
 * JSON type is not the classified one is left out. Pure.
 */
export function projectForRoute(route: Route, merged: JsonObject): JsonObject {
  let trie = routeTries.get(route)
  if (trie === undefined) {
    trie = buildTrie(route.fields).root
    routeTries.set(route, trie)
  }
  return (select(trie, merged) as JsonObject | undefined) ?? {}
}

/** The same for a list of paths that is no route's: what is left of an event's fields, undefined for nothing. Pure. */
export function selectorOf(paths: readonly string[]): (fields: JsonObject) => JsonObject | undefined {
  const { root } = buildTrie(paths)
  return (fields) => select(root, fields) as JsonObject | undefined
}

function select(node: PathNode, value: Json): Json | undefined {
  const nested = value !== null && typeof value === 'object'
  if (node.kind === 'leaf') return nested ? undefined : value
  if (!nested) return undefined
  if (node.kind === 'list') {
    if (!Array.isArray(value)) return undefined
    const empty = node.element.kind === 'leaf' ? null : {}
    return value.map((item: Json) => select(node.element, item) ?? empty)
  }
  if (Array.isArray(value)) return undefined
  const made: Record<string, Json> = {}
  let some = false
  for (const [key, child] of node.children) {
    if (!Object.hasOwn(value, key)) continue
    const item = select(child, (value as JsonObject)[key] as Json)
    if (item === undefined) continue
    made[key] = item
    some = true
  }
  return some ? made : undefined
}

/**
 * Puts the classes of one event together again, lists by position. `unclassified` is left out: it is forwarded to
 * nobody. Pure.
 */
export function mergeClasses(byClass: ReadonlyMap<string, JsonObject>): JsonObject {
  let merged: Json | undefined
  for (const [name, part] of byClass) {
    if (name !== 'unclassified') merged = merged === undefined ? part : merge(merged, part)
  }
  return (merged as JsonObject | undefined) ?? {}
}

function merge(a: Json, b: Json): Json {
  if (Array.isArray(a) && Array.isArray(b)) {
    const [long, short] = a.length < b.length ? [b, a] : [a, b]
    return long.map((item: Json, i: number) => (i < short.length ? merge(short[i] as Json, item) : item))
  }
  if (!isObject(a) || !isObject(b)) return b ?? a
  const made: Record<string, Json> = { ...a }
  for (const key of Object.keys(b)) {
    if (key === '__proto__') continue
    made[key] = Object.hasOwn(a, key) ? merge(a[key] as Json, b[key] as Json) : (b[key] as Json)
  }
  return made
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Replaces ids of orders, carts and visits by what `mint` makes of them: the destination's own tokens. An id that is
 * no string or number, or is empty, is left out. Pure if `mint` is.
 */
export function replaceTokens(
  rule: EventRule,
  fields: JsonObject,
  mint: (kind: TokenKind, id: string) => string,
): JsonObject {
  if (rule.tokenOf.size === 0) return fields
  let known = tokenTries.get(rule)
  if (known === undefined) {
    known = { root: buildTrie([...rule.tokenOf.keys()]).root, kinds: [...rule.tokenOf.values()] }
    tokenTries.set(rule, known)
  }
  const { root, kinds } = known
  const replace = (node: PathNode, value: Json): Json | undefined => {
    if (node.kind === 'leaf') {
      const id = typeof value === 'number' ? String(value) : value
      return typeof id === 'string' && id !== '' ? mint(kinds[node.index] as TokenKind, id) : undefined
    }
    if (node.kind === 'list')
      return Array.isArray(value) ? value.map((item: Json) => replace(node.element, item) ?? null) : value
    if (!isObject(value)) return value
    const made: Record<string, Json> = { ...value }
    for (const [key, child] of node.children) {
      if (!Object.hasOwn(made, key)) continue
      const item = replace(child, made[key] as Json)
      if (item === undefined) delete made[key]
      else made[key] = item
    }
    return made
  }
  return replace(root, fields) as JsonObject
}
