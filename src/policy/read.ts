import type { z } from 'zod'
import { PolicyDocument, type PolicySource } from './document.ts'
import { statedEvents } from './fields.ts'
import { proveEvents } from './prove-events.ts'
import { proveLaw } from './prove-law.ts'
import { type Problem, readYaml, short, type YamlTree } from './yaml.ts'

export type PolicyResult =
  | { readonly source: PolicySource; readonly problems?: never }
  | { readonly problems: readonly Problem[]; readonly source?: never }

export interface ReadOptions {
  /**
   * False only for a text that was proved when it was registered: to explain what it decided then, also where a
   * later release would no longer accept it.
   */
  readonly prove?: boolean
}

const MAX_PROBLEMS = 100

/** Reads and proves a policy text. Pure; collects every problem (at most 100), sorted by place. Never throws. */
export function readPolicy(text: string, { prove = true }: ReadOptions = {}): PolicyResult {
  const yaml = readYaml(text)
  if ('problems' in yaml) return { problems: sorted(yaml.problems) }
  const { tree } = yaml
  const parsed = PolicyDocument.safeParse(tree.value)
  if (!parsed.success)
    return {
      problems: sorted(parsed.error.issues.slice(0, 10 * MAX_PROBLEMS).flatMap((issue) => problemsOf(issue, tree))),
    }
  if (!prove) return { source: { document: parsed.data, tree } }
  const problems: Problem[] = []
  const complain = (stated: readonly PropertyKey[], what: string, fix: string): void => {
    // Each problem costs a search for its place: a text that is wrong everywhere must not take minutes to refuse.
    if (problems.length < 10 * MAX_PROBLEMS) problems.push({ ...tree.at(stated), what, fix })
  }
  proveLaw(parsed.data, complain)
  proveEvents(parsed.data, statedEvents(parsed.data), complain)
  return problems.length > 0 ? { problems: sorted(problems) } : { source: { document: parsed.data, tree } }
}

/** `policies/shop.policy.yaml:12:5: what is wrong: what to write`. */
export function problemLine(file: string, problem: Problem): string {
  return `${file}:${problem.line}:${problem.column}: ${problem.what}: ${problem.fix}`
}

/** What an issue of a schema says of the text, and where; `whole` is what the text is called. */
export function problemsOf(issue: z.core.$ZodIssue, tree: YamlTree, whole = 'the policy'): Problem[] {
  const name = nameOf(issue.path, whole)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MAX_PROBLEMS).map((key) => {
      return { ...tree.keyAt([...issue.path, key]), what: `\`${short(key)}\` is not known here`, fix: issue.message }
    })
  }
  if (issue.code === 'invalid_key') {
    const fix = issue.issues[0]?.message ?? issue.message
    return [{ ...tree.keyAt(issue.path), what: `${name} cannot be a name here`, fix }]
  }
  const what = valueAt(tree.value, issue.path) === undefined ? `${name} is missing` : `${name} is not right`
  return [{ ...tree.at(issue.path), what, fix: issue.message }]
}

/** `` `basis` ``, or for an entry of a list `entry 2 of `laws` ``: its number is no name. */
function nameOf(path: readonly PropertyKey[], whole: string): string {
  const last = path.at(-1)
  if (last === undefined) return whole
  return typeof last === 'number'
    ? `entry ${last + 1} of ${nameOf(path.slice(0, -1), whole)}`
    : `\`${short(String(last))}\``
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Record<PropertyKey, unknown>)[step]
  }
  return at
}

function sorted(problems: readonly Problem[]): Problem[] {
  const unique = new Map(problems.map((problem) => [JSON.stringify(problem), problem]))
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column).slice(0, MAX_PROBLEMS)
}
