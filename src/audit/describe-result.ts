import type { Problem } from './problem.ts'
import type { LogResult } from './verify-log.ts'

/** A verification as one JSON document. */
export interface ResultDocument {
  readonly ok: boolean
  readonly size: number
  /** Base64. */
  readonly root: string
  readonly problems: readonly Problem[]
  /** How many more problems there were. */
  readonly dropped: number
  readonly shards: readonly ShardDocument[]
}

interface ShardDocument {
  readonly origin: string
  /** The verifier key that its checkpoints were held against. */
  readonly vkey: string
  readonly ok: boolean
  readonly size: number
  readonly root: string
  /** Of the witnesses that were named: up to which size each has cosigned. */
  readonly cosigned: readonly { readonly witness: string; readonly size: number }[]
}

export function resultDocument({ ok, size, root, problems, dropped, shards }: LogResult): ResultDocument {
  return {
    ok,
    size: Number(size),
    root: root.toString('base64'),
    problems,
    dropped,
    shards: shards.map((shard) => ({
      origin: shard.origin,
      vkey: shard.vkey,
      ok: shard.ok,
      size: Number(shard.size),
      root: shard.root.toString('base64'),
      cosigned: [...shard.cosigned].map(([witness, upTo]) => ({ witness, size: Number(upTo) })),
    })),
  }
}

/** The same for people: what was found first, then what was looked at. */
export function resultText(result: LogResult): string {
  const { problems, dropped, shards } = result
  const found = problems.map(problemLine)
  const more = dropped === 0 ? [] : [`and ${dropped} more`]
  const looked = shards.flatMap((shard) => [
    `${shard.origin}  ${shard.size} entries  ${shard.root.toString('base64')}`,
    `  key ${shard.vkey}`,
    ...[...shard.cosigned].map(([witness, upTo]) => `  cosigned by ${witness} up to ${upTo} entries`),
  ])
  const verdict = result.ok ? `The log is whole: ${result.size} entries.` : 'The log is NOT whole.'
  return [verdict, ...found, ...more, ...looked].join('\n')
}

function problemLine({ kind, index, size, detail }: Problem): string {
  const entry = index === null ? '' : ` at entry ${index}`
  const checkpoint = size === undefined ? '' : ` (checkpoint of ${size})`
  return `  ${kind}${entry}${checkpoint}${detail === undefined ? '' : `: ${detail}`}`
}
