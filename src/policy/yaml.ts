import type { Document, Node, Pair, YAMLMap } from 'yaml'
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Where } from './compiled.ts'

/** What is wrong with a policy text, where, and what to write instead. */
export interface Problem extends Where {
  readonly what: string
  readonly fix: string
}

/** A YAML text as plain values, with the way back from a path of keys to its place in the text. */
export interface YamlTree {
  readonly value: unknown
  /** Place of the value at the path, or of its deepest ancestor that is there. */
  at(path: readonly PropertyKey[]): Where
  /** Place of the key that leads to the value. */
  keyAt(path: readonly PropertyKey[]): Where
}

export type YamlResult = { readonly tree: YamlTree } | { readonly problems: readonly Problem[] }

const MAX_CHARS = 256 * 1024
const MAX_DEPTH = 16
const MAX_NODES = 50_000
const START: Where = { line: 1, column: 1 }

/**
 * Reads one YAML 1.2 document of maps, lists and scalars. Bounded: at most 256 Ki characters, 16 levels, 50,000
 * nodes; anchors, aliases, tags, merge keys and repeated keys are refused, so that no text costs more than its length.
 */
export function readYaml(text: string): YamlResult {
  if (text.length > MAX_CHARS) return refuse('the file is longer than 256 KiB', 'split the policy into smaller ones')
  const deep = tooDeep(text)
  if (deep !== undefined) return refuse('nested too deeply', `use at most ${MAX_DEPTH} levels of [ and {`, deep)
  const lines = new LineCounter()
  const place = (offset: number | undefined): Where => {
    if (offset === undefined) return START
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  let document: Document.Parsed
  try {
    // uniqueKeys compares every pair of keys; the walk below does it with a set.
    document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false, logLevel: 'silent' })
  } catch {
    return refuse('the file is no YAML that can be read', 'write maps, lists and plain values only')
  }
  // The first one only: what the parser says after it is mostly its own confusion.
  const problems: Problem[] = [...document.errors, ...document.warnings].slice(0, 1).map((error) => ({
    ...place(error.pos[0]),
    what: `not valid YAML (${firstLine(error.message)})`,
    fix: 'correct the syntax at this place',
  }))
  if (problems.length === 0) checkNodes(document.contents, place, problems)
  if (problems.length > 0) return { problems }
  return { tree: treeOf(document, place) }
}

function refuse(what: string, fix: string, where: Where = START): YamlResult {
  return { problems: [{ ...where, what, fix }] }
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 160)
}

/** The parser descends by recursion: depth is bounded before it starts, by brackets and by indentation. */
function tooDeep(text: string): Where | undefined {
  let depth = 0
  let line = 1
  let lineStart = 0
  let indent = true
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '\n') {
      line++
      lineStart = i + 1
      indent = true
      continue
    }
    if (indent && (c === ' ' || c === '-' || c === '?')) {
      if (i - lineStart > 8 * MAX_DEPTH) return { line, column: i - lineStart + 1 }
      continue
    }
    indent = false
    if (c === '[' || c === '{') depth++
    else if ((c === ']' || c === '}') && depth > 0) depth--
    if (depth > 4 * MAX_DEPTH) return { line, column: i - lineStart + 1 }
  }
  return undefined
}

type Place = (offset: number | undefined) => Where

/** Walks every node once; what is refused here could otherwise cost more than its length, or surprise a reader. */
function checkNodes(root: Node | null, place: Place, problems: Problem[]): void {
  let nodes = 0
  const visit = (node: unknown, depth: number): void => {
    if (problems.length >= 20 || !isNode(node)) return
    const wrong = refusal(node, depth, ++nodes)
    if (wrong !== undefined) problems.push({ ...place(node.range?.[0]), ...wrong })
    if (depth > MAX_DEPTH || nodes > MAX_NODES) return
    if (isSeq(node)) for (const item of node.items) visit(item, depth + 1)
    if (!isMap(node)) return
    const seen = new Set<string>()
    for (const pair of node.items) {
      const key: Node = isNode(pair.key) ? pair.key : node
      const bad = refusedKey(pair, seen)
      if (bad !== undefined) problems.push({ ...place(key.range?.[0]), ...bad })
      if (key !== node) visit(key, depth + 1)
      visit(pair.value, depth + 1)
    }
  }
  visit(root, 0)
}

type Refusal = Pick<Problem, 'what' | 'fix'>

function refusal(node: Node, depth: number, count: number): Refusal | undefined {
  if (count > MAX_NODES) return { what: `more than ${MAX_NODES} entries`, fix: 'split the policy into smaller ones' }
  if (depth > MAX_DEPTH) return { what: 'nested too deeply', fix: `use at most ${MAX_DEPTH} levels` }
  if (isAlias(node)) return { what: 'aliases (*name) are not read', fix: 'write it out, or name a group of fields' }
  if (node.anchor !== undefined) return { what: 'anchors (&name) are not read', fix: 'take the anchor away' }
  const foreign = node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:')
  return foreign ? { what: 'tags (!name) are not read', fix: 'take the tag away' } : undefined
}

function refusedKey(pair: Pair, seen: Set<string>): Refusal | undefined {
  const name = keyOf(pair)
  if (name === undefined) return { what: 'a key is no plain name', fix: 'write a name before the colon' }
  if (name === '<<') return { what: 'merge keys (<<) are not read', fix: 'write the entries out' }
  if (UNSAFE.has(name)) return { what: `\`${name}\` cannot be a name`, fix: 'take it out' }
  if (seen.has(name)) return { what: `\`${short(name)}\` stands twice`, fix: 'keep one of the two' }
  seen.add(name)
  return undefined
}

const UNSAFE = new Set(['__proto__', 'constructor', 'prototype'])

/** A name as it may stand in a message: never longer than 60 characters. */
export function short(name: string): string {
  return name.length > 60 ? `${name.slice(0, 57)}...` : name
}

function keyOf(pair: Pair): string | undefined {
  if (!isScalar(pair.key)) return undefined
  return typeof pair.key.value === 'string' ? pair.key.value : String(pair.key.source ?? pair.key.value)
}

function treeOf(document: Document.Parsed, place: Place): YamlTree {
  const indexes = new WeakMap<YAMLMap, Map<string, Pair>>()
  const pairOf = (map: YAMLMap, key: string): Pair | undefined => {
    const index = indexes.get(map) ?? new Map(map.items.map((pair) => [keyOf(pair) ?? '', pair]))
    indexes.set(map, index)
    return index.get(key)
  }
  const find = (path: readonly PropertyKey[], wantKey: boolean): Where => {
    let at: unknown = document.contents
    let found = place(document.contents?.range?.[0])
    for (const [i, step] of path.entries()) {
      const last = i === path.length - 1
      if (isSeq(at)) {
        at = at.items[Number(step)]
      } else if (isMap(at)) {
        const pair = pairOf(at, String(step))
        if (pair === undefined) return found
        if (isNode(pair.key)) found = place(pair.key.range?.[0])
        if (last && wantKey) return found
        at = pair.value
      } else return found
      // An absent value (`key:`) has no place worth showing: its key's stays. So does a block map's on the next line.
      if (isNode(at) && (last || isSeq(at)) && at.range != null && !isEmpty(at)) {
        if (last && !(isMap(at) && !at.flow)) found = place(at.range[0])
      }
    }
    return found
  }
  return {
    value: document.toJS({ maxAliasCount: 0 }),
    at: (path) => find(path, false),
    keyAt: (path) => find(path, true),
  }
}

function isEmpty(node: Node): boolean {
  return isScalar(node) && node.value === null
}
