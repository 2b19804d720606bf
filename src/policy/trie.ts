/** A set of field paths as a tree, so that an event is walked once however many paths there are. */
export type PathNode = Leaf | Branch | List
export interface Leaf {
  readonly kind: 'leaf'
  /** Index into the paths that the tree was made of. */
  readonly index: number
}
export interface Branch {
  readonly kind: 'branch'
  readonly children: Map<string, PathNode>
}
export interface List {
  readonly kind: 'list'
  readonly element: Leaf | Branch
}

const SEGMENT = /^[A-Za-z_$][A-Za-z0-9_$-]*$/
// Own keys of these names change how an object behaves instead of adding a field to it.
const DANGEROUS = new Set(['__proto__', 'constructor', 'prototype'])

/** True for one step of a path: a plain name, and none that reaches an object's prototype. */
export function isFieldName(name: string): boolean {
  return name.length <= 64 && SEGMENT.test(name) && !DANGEROUS.has(name)
}

/** `properties.products[].price` → `['properties', 'products', '[]', 'price']`; undefined for what is no path. */
export function splitPath(path: string): string[] | undefined {
  const steps: string[] = []
  for (const part of path.split('.')) {
    const name = part.endsWith('[]') ? part.slice(0, -2) : part
    if (!isFieldName(name)) return undefined
    steps.push(name)
    if (name !== part) steps.push('[]')
  }
  return steps
}

/**
 * Builds the tree. A path that cannot stand beside the ones before it (one says value, the other object or list) or
 * that is no path is left out and named in `conflicts`.
 */
export function buildTrie(paths: readonly string[]): { root: Branch; conflicts: string[] } {
  const root = branch()
  const conflicts: string[] = []
  paths.forEach((path, index) => {
    const steps = splitPath(path)
    if (steps === undefined || !insert(root, steps, index)) conflicts.push(path)
  })
  return { root, conflicts }
}

export function branch(): Branch {
  return { kind: 'branch', children: new Map() }
}

function insert(root: Branch, steps: readonly string[], index: number): boolean {
  let at = root
  for (let i = 0; i < steps.length; ) {
    const name = steps[i] as string
    const isList = steps[i + 1] === '[]'
    i += isList ? 2 : 1
    const made: Leaf | Branch = i === steps.length ? { kind: 'leaf', index } : branch()
    const known = at.children.get(name)
    if (known === undefined) at.children.set(name, isList ? { kind: 'list', element: made } : made)
    const next = known === undefined ? made : descend(known, isList)
    if (next === undefined || next.kind !== made.kind || (next.kind === 'leaf' && next !== made)) return false
    if (next.kind === 'leaf') return true
    at = next
  }
  return false
}

function descend(node: PathNode, isList: boolean): Leaf | Branch | undefined {
  if (isList) return node.kind === 'list' ? node.element : undefined
  return node.kind === 'list' ? undefined : node
}
