import { parseCheckpoint } from './checkpoint.ts'
import { FormatError } from './format-error.ts'
import { parseNote } from './note.ts'
import { collectProblems, type Problem } from './problem.ts'
import type { ShardSource } from './shard-source.ts'
import { EMPTY_ROOT } from './tree.ts'
import { type ShardResult, type VerifyOptions, verifyShard } from './verify-shard.ts'

export interface LogResult {
  readonly ok: boolean
  /** Entries of all shards. */
  readonly size: bigint
  /** Root of the last shard. */
  readonly root: Buffer
  readonly problems: readonly Problem[]
  readonly dropped: number
  readonly shards: readonly ShardResult[]
}

/**
 * Checks a whole log, shard after shard, oldest first, and that each begins where the one before ends. A checkpoint that
 * the auditor kept and whose shard is not there is a `truncated`.
 */
export async function verifyLog(shards: readonly ShardSource[], options: VerifyOptions = {}): Promise<LogResult> {
  const problems = collectProblems()
  const kept = byOrigin(options.known ?? [], (problem) => problems.add(problem))
  const results: ShardResult[] = []
  let size = 0n
  for (const shard of shards) {
    if (shard.firstIndex !== size) {
      const detail = `${shard.origin} begins at ${shard.firstIndex}, the shards before it end at ${size}`
      problems.add({ kind: shard.firstIndex > size ? 'missing' : 'unexpected', index: `${size}`, detail })
    }
    const before = Number(size)
    const result = await verifyShard(shard, {
      ...options,
      known: kept.get(shard.origin) ?? [],
      onProgress: (entries) => options.onProgress?.(before + entries),
    })
    const broken = doesNotFollow(result, results.at(-1))
    if (broken !== undefined) problems.add({ kind: 'fork', index: `${shard.firstIndex}`, detail: broken })
    kept.delete(shard.origin)
    for (const problem of result.problems) problems.add(problem)
    results.push(result)
    size = shard.firstIndex + result.size
  }
  const keys = new Set(results.map(({ vkey }) => rawKey(vkey)))
  if (keys.size > 1) problems.add({ kind: 'key', index: null, detail: 'its shards are signed with different keys' })
  if (results.length === 0 && options.keys !== undefined) {
    problems.add({
      kind: 'missing',
      index: '0',
      detail: 'there is no shard, and one was to be of the key that was named',
    })
  }
  for (const { name } of options.witnesses ?? []) {
    if (results.some(({ cosigned }) => cosigned.has(name))) continue
    problems.add({ kind: 'unwitnessed', index: null, detail: `${name} has cosigned no checkpoint of this log` })
  }
  for (const origin of kept.keys()) {
    problems.add({ kind: 'truncated', index: null, detail: `${origin} is not there, a checkpoint of it was kept` })
  }
  const dropped = problems.dropped + results.reduce((sum, result) => sum + result.dropped, 0)
  const ok = problems.ok && results.every((result) => result.ok)
  return { ok, size, root: results.at(-1)?.root ?? EMPTY_ROOT, problems: problems.found, dropped, shards: results }
}

/** The key itself, without the name that it has in each shard; the text where it is none, which is told of elsewhere. */
function rawKey(vkey: string): string {
  return vkey.slice(vkey.lastIndexOf('+') + 1)
}

/** A shard says in an entry of its own which tree came before it: that one must still be the one that is there. */
function doesNotFollow({ after, origin }: ShardResult, before: ShardResult | undefined): string | undefined {
  if (after === undefined) return undefined
  try {
    const said = parseCheckpoint(after)
    if (before === undefined) return `${origin} was opened after ${said.origin}, which is not there`
    if (said.origin !== before.origin) return `${origin} was opened after ${said.origin}, not after ${before.origin}`
    if (said.size > before.size) return `${said.origin} had ${said.size} entries when ${origin} was opened`
    const isOther = said.size === before.size && !said.root.equals(before.root)
    return isOther ? `${said.origin} had other entries when ${origin} was opened` : undefined
  } catch (error) {
    if (error instanceof FormatError) return `the entry that opened ${origin} names no checkpoint`
    throw error
  }
}

function byOrigin(notes: readonly string[], onProblem: (problem: Problem) => void): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const note of notes) {
    try {
      const { origin } = parseCheckpoint(parseNote(note).text)
      found.set(origin, [...(found.get(origin) ?? []), note])
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      onProblem({ kind: 'signature', index: null, detail: `what was kept is no checkpoint: ${error.message}` })
    }
  }
  return found
}
