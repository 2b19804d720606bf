import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { compile } from './compile.ts'
import type { CompiledPolicy } from './compiled.ts'
import { problemLine, readPolicy } from './read.ts'
import type { Problem } from './yaml.ts'

/** A policy that may be enforced, with the text it was made of. */
export interface LoadedPolicy {
  readonly file: string
  readonly text: string
  readonly policy: CompiledPolicy
}

/** The text cannot be enforced. `message` is one line: the first problem and how many more there are. */
export class PolicyRefused extends AppError {
  readonly file: string
  readonly problems: readonly Problem[]

  constructor(file: string, problems: readonly Problem[]) {
    const [first, ...more] = problems.map((problem) => problemLine(file, problem))
    super('invalid', more.length === 0 ? (first ?? file) : `${first} (and ${more.length} more: weir policy check)`, {
      code: 'policy-refused',
    })
    this.file = file
    this.problems = problems
  }
}

export interface LoadOptions {
  /** With it, a policy that takes effect later is refused: nothing but a policy in effect may decide. */
  readonly now?: Date
}

/**
 * Loads the policy from a file, or from the one `*.policy.yaml` of a directory, proves it and compiles it.
 * @throws PolicyRefused with every problem, by file, line and column; AppError `not-found` where there is no policy.
 */
export async function loadPolicy(path: string, { now }: LoadOptions = {}): Promise<LoadedPolicy> {
  const file = await policyFile(path)
  const text = await readFile(file, 'utf8')
  const { source, problems } = readPolicy(text)
  if (source === undefined) throw new PolicyRefused(file, problems)
  if (now !== undefined && now.toISOString().slice(0, 10) < source.document.effective) {
    const fix = 'start with a policy that is in effect, or write an earlier day'
    const what = `the policy takes effect on ${source.document.effective} only`
    throw new PolicyRefused(file, [{ ...source.tree.at(['effective']), what, fix }])
  }
  return { file, text, policy: compile(source) }
}

async function policyFile(path: string): Promise<string> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new AppError('not-found', `there is no policy at ${path}: write one, or set WEIR_POLICY_DIR`, { cause })
  })
  if (!found.isDirectory()) return path
  const files = (await readdir(path)).filter((name) => name.endsWith('.policy.yaml')).sort()
  const [first, ...others] = files
  if (first === undefined) throw new AppError('not-found', `${path} holds no *.policy.yaml: write one`)
  if (others.length > 0) {
    throw new AppError('conflict', `${path} holds ${files.length} policies: keep one *.policy.yaml in it`)
  }
  return join(path, first)
}
