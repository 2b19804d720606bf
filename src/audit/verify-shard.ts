import { type CheckpointCheck, checkCheckpoints } from './check-checkpoints.ts'
import { faultOf, openedAfter } from './check-entry.ts'
import { checkTiles, type TileCheck } from './check-tiles.ts'
import { FormatError } from './format-error.ts'
import { type GrowingTree, growTree } from './growing-tree.ts'
import { collectProblems, type Problem, type Problems } from './problem.ts'
import type { ShardSource, SourceEntry } from './shard-source.ts'
import { leafHash } from './tree.ts'
import { parseVerifierKey, type VerifierKey } from './verifier-key.ts'

export interface VerifyOptions {
  /** Keys, one of which every shard must be signed with, under whatever name; the shard's own word is taken without. */
  readonly keys?: readonly VerifierKey[]
  readonly witnesses?: readonly VerifierKey[]
  /** Signed checkpoints that the auditor kept from before. */
  readonly known?: readonly string[]
  /** Called now and then with the number of entries looked at. */
  readonly onProgress?: (entries: number) => void
}

export interface ShardResult {
  readonly origin: string
  readonly vkey: string
  readonly ok: boolean
  /** Entries, those that are gone counted; the root is over them, or over what comes before the first without a leaf. */
  readonly size: bigint
  readonly root: Buffer
  /** The largest tree that each of the named witnesses cosigned, by name. */
  readonly cosigned: ReadonlyMap<string, bigint>
  /** Text of the checkpoint that it says it was opened after. */
  readonly after?: string
  readonly problems: readonly Problem[]
  /** How many more problems there were. */
  readonly dropped: number
}

/** Entries between two calls of onProgress. */
const STEP = 10_000

/**
 * Checks a shard from its first entry to its last: every body, leaf, tile and signed checkpoint. It finds whatever there
 * is to find, up to 1,000 problems, and holds no more in memory than the hashes of one entry in 256. Never throws for
 * what it is given; what the source throws but a FormatError it lets through.
 */
export async function verifyShard(source: ShardSource, options: VerifyOptions = {}): Promise<ShardResult> {
  const problems = collectProblems()
  const tree = growTree()
  const key = keyOf(source, options.keys, problems)
  let cosigned: ReadonlyMap<string, bigint> = new Map()
  const walk = { source, tree, problems, count: 0n, hasHole: false, after: undefined as string | undefined }
  if (key !== undefined) {
    const keys = { log: key, witnesses: options.witnesses ?? [], known: options.known ?? [] }
    try {
      const checkpoints = await checkCheckpoints(source, keys, problems)
      cosigned = checkpoints.cosigned
      const tiles = await checkTiles(source, tree, problems)
      await walkEntries(Object.assign(walk, { checkpoints, tiles }), options.onProgress)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      problems.add({ kind: 'file', index: null, detail: error.message })
    }
  }
  for (const problem of source.problems?.() ?? []) problems.add(problem)
  const { ok, found, dropped } = problems
  const opened = walk.after === undefined ? {} : { after: walk.after }
  const { origin, vkey } = source
  return { origin, vkey, ok, size: walk.count, root: tree.root(), cosigned, ...opened, problems: found, dropped }
}

function keyOf(
  { origin, vkey }: ShardSource,
  keys: readonly VerifierKey[] | undefined,
  problems: Problems,
): VerifierKey | undefined {
  const key = readKey(vkey)
  if (key?.name !== origin) {
    problems.add({ kind: 'key', index: null, detail: `the key of ${origin} cannot be read, or has another name` })
    return undefined
  }
  if (keys !== undefined && !keys.some(({ publicKey }) => publicKey.equals(key.publicKey))) {
    problems.add({ kind: 'key', index: null, detail: `the key of ${origin} is none of those named` })
  }
  return key
}

function readKey(vkey: string): VerifierKey | undefined {
  try {
    return parseVerifierKey(vkey)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

interface Walk {
  readonly source: ShardSource
  readonly tree: GrowingTree
  readonly problems: Problems
  readonly checkpoints: CheckpointCheck
  readonly tiles: TileCheck
  /** Places passed so far. */
  count: bigint
  /** An entry and its leaf are gone: there is no root from there on. */
  hasHole: boolean
  /** What its opening entry says came before. */
  after: string | undefined
}

async function walkEntries(walk: Walk, onProgress?: (entries: number) => void): Promise<void> {
  const { source } = walk
  let looked = 0
  for await (const entry of source.entries()) {
    const place = entry.index - source.firstIndex
    const isBeyond = source.size !== undefined && place >= source.size
    if (place < walk.count || isBeyond) {
      const detail = isBeyond ? 'the log says that it is shorter' : 'the index comes twice, or out of order'
      walk.problems.add({ kind: 'unexpected', index: `${entry.index}`, detail })
    } else {
      await skipTo(walk, place)
      await step(walk, checkedLeaf(walk, entry))
    }
    if (++looked % STEP === 0) onProgress?.(looked)
  }
  await skipTo(walk, source.size ?? walk.count)
  if (walk.checkpoints.next === walk.count) await takeCheckpoints(walk)
  await walk.checkpoints.finish(walk.count)
  if (!walk.hasHole) await walk.tiles.finish()
  onProgress?.(looked)
}

/** The leaf as it is stored: where the body alone was changed the tree still stands, and the entry is named. */
function checkedLeaf(walk: Walk, { index, body, leaf }: SourceEntry): Buffer {
  const { problems, checkpoints } = walk
  const computed = leafHash(body)
  if (leaf !== undefined && !leaf.equals(computed)) {
    problems.add({ kind: 'changed', index: `${index}` })
    return leaf
  }
  const fault = faultOf(body, checkpoints.witnessed)
  if (fault !== undefined) problems.add({ kind: fault, index: `${index}` })
  walk.after ??= openedAfter(body)
  return computed
}

async function step(walk: Walk, leaf: Buffer | undefined): Promise<void> {
  const { tree, checkpoints } = walk
  if (checkpoints.next === walk.count) await takeCheckpoints(walk)
  walk.count += 1n
  if (leaf === undefined) walk.hasHole = true
  if (leaf === undefined || walk.hasHole) return
  tree.add(leaf)
  if (tree.leaves.length === 256) await walk.tiles.takeFull()
}

function takeCheckpoints({ tree, checkpoints, hasHole }: Walk): Promise<void> {
  return checkpoints.take(hasHole ? undefined : tree.root())
}

/** Passes entries that are gone; their leaves may still stand in a tile. */
async function skipTo(walk: Walk, place: bigint): Promise<void> {
  const { source, problems, tiles } = walk
  const gone = place - walk.count
  if (gone <= 0n) return
  const [from, to] = [source.firstIndex + walk.count, source.firstIndex + place - 1n]
  problems.add({ kind: 'missing', index: `${from}`, ...(gone === 1n ? {} : { detail: `entries ${from} to ${to}` }) })
  while (walk.count < place && !walk.hasHole) await step(walk, await tiles.leafAt(walk.count))
  while (walk.count < place) {
    if (walk.checkpoints.next === walk.count) await takeCheckpoints(walk)
    const { next } = walk.checkpoints
    walk.count = next !== undefined && next < place ? next : place
  }
}
