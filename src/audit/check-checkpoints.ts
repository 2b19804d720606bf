import { type OpenedCheckpoint, openCheckpoint } from './checkpoint.ts'
import { FormatError } from './format-error.ts'
import { SignatureError } from './note.ts'
import type { Problems } from './problem.ts'
import type { ShardSource, SourceCheckpoint } from './shard-source.ts'
import { COSIGNATURE, type VerifierKey } from './verifier-key.ts'

/** Holds a shard's checkpoints, and those that the auditor kept, against the tree as it grows. */
export interface CheckpointCheck {
  /** Size of the next checkpoint to be held against the tree; undefined where there is none. */
  readonly next: bigint | undefined
  /** Takes all checkpoints of `next`, which is the tree's size now; without a root the tree is known to have a hole. */
  take(root: Buffer | undefined): Promise<void>
  /** Newest time at which a witness saw a tree taken so far, in ms since 1970. */
  readonly witnessed: number | undefined
  /** The largest tree that each witness cosigned and that is this one, by the witness' name. */
  readonly cosigned: ReadonlyMap<string, bigint>
  /** Says what is left when the entries end at this size. */
  finish(size: bigint): Promise<void>
}

export interface CheckpointKeys {
  readonly log: VerifierKey
  readonly witnesses: readonly VerifierKey[]
  /** Notes of this shard that the auditor kept. */
  readonly known: readonly string[]
}

interface Held {
  readonly size: bigint
  readonly root: Buffer
  readonly isKnown: boolean
  readonly times: readonly number[]
  readonly witnesses: readonly string[]
}

/** Bad checkpoints remembered until it is clear what they mean. */
const MAX_BAD = 1000

export async function checkCheckpoints(
  source: Pick<ShardSource, 'origin' | 'firstIndex' | 'checkpoints'>,
  keys: CheckpointKeys,
  problems: Problems,
): Promise<CheckpointCheck> {
  const stored = source.checkpoints()[Symbol.asyncIterator]()
  const known = keys.known.flatMap((note) => open({ note }, true) ?? []).toSorted((a, b) => compare(a.size, b.size))
  let waiting = await nextStored(0n)
  let good = 0n // largest size at which a checkpoint of the log and its entries agreed
  let signed = 0n
  let bad: Held[] = []
  let witnessed: number | undefined
  const cosigned = new Map<string, bigint>()

  function open({ size, note }: Partial<SourceCheckpoint> & { note: string }, isKnown: boolean): Held | undefined {
    const opened = tryOpen(note, [keys.log, ...keys.witnesses])
    const fault = typeof opened === 'string' ? opened : faultIn(opened, source.origin, size)
    if (typeof opened !== 'string' && fault === undefined) {
      const times = opened.verified.flatMap(({ timestamp }) => (timestamp === undefined ? [] : timestamp * 1000))
      const witnesses = opened.verified.flatMap(({ key }) => (key.type === COSIGNATURE ? [key.name] : []))
      return { size: opened.checkpoint.size, root: opened.checkpoint.root, isKnown, times, witnesses }
    }
    problems.add({ kind: 'signature', index: null, ...(size === undefined ? {} : { size: `${size}` }), detail: fault! })
    return undefined
  }

  async function nextStored(from: bigint): Promise<Held | undefined> {
    for (let result = await stored.next(); result.done !== true; result = await stored.next()) {
      const held = open(result.value, false)
      if (held === undefined) continue
      if (held.size >= from) return held
      problems.add({ kind: 'signature', index: null, size: `${held.size}`, detail: 'checkpoints do not ascend' })
    }
    return undefined
  }

  /** All checkpoints of one size, the log's own and the auditor's. */
  async function takeAll(size: bigint): Promise<Held[]> {
    const all: Held[] = []
    while (known[0]?.size === size) all.push(known.shift()!)
    for (; waiting?.size === size; waiting = await nextStored(size)) all.push(waiting)
    return all
  }

  const next = (): bigint | undefined => {
    const [kept, own] = [known[0]?.size, waiting?.size]
    if (kept === undefined || own === undefined) return kept ?? own
    return compare(kept, own) < 0 ? kept : own
  }

  function judge(held: Held, root: Buffer | undefined): void {
    if (!held.isKnown) signed = held.size
    if (root?.equals(held.root) === true) {
      // Signed over other entries than before and after: those were never in this log.
      for (const one of bad) addFork(one, 'the log signed this size over other entries')
      bad = []
      good = held.size
      for (const time of held.times) witnessed = Math.max(witnessed ?? time, time)
      for (const name of held.witnesses) cosigned.set(name, held.size)
    } else if (held.isKnown && root !== undefined) {
      addFork(held, 'a checkpoint that was kept is not of this log')
    } else if (bad.length < MAX_BAD) {
      bad.push(held)
    }
  }

  function addFork({ size }: Held, detail: string): void {
    problems.add({ kind: 'fork', index: null, size: `${size}`, detail })
  }

  /** Checkpoints of more entries than there are: one line for the log's own, one for each that was kept. */
  async function finishBeyond(size: bigint): Promise<void> {
    const index = `${source.firstIndex + size}`
    let own: Held | undefined
    for (let at = next(); at !== undefined; at = next()) {
      for (const held of await takeAll(at)) {
        if (!held.isKnown) own = held
        else problems.add({ kind: 'truncated', index, size: `${at}`, detail: 'a checkpoint that was kept is larger' })
      }
    }
    if (own === undefined) return
    signed = own.size
    problems.add({ kind: 'truncated', index, size: `${own.size}`, detail: `the log signed ${own.size} entries` })
  }

  return {
    get next() {
      return next()
    },
    get witnessed() {
      return witnessed
    },
    cosigned,
    async take(root) {
      const all = await takeAll(next()!)
      const own = all.filter(({ isKnown }) => !isKnown)
      const differ = own.some((one) => !one.root.equals(own[0]!.root))
      if (differ) addFork(own[0]!, 'the log signed this size twice, over different entries')
      const isRight = ({ root: one }: Held): boolean => root?.equals(one) === true
      const others = differ && own.some(isRight) // the fork is told of: the wrong half says nothing more
      for (const held of own) if (!others || isRight(held)) judge(held, root)
      // A kept one that the log has as well says nothing more either.
      for (const held of all) if (held.isKnown && !own.some((one) => one.root.equals(held.root))) judge(held, root)
    },
    async finish(size) {
      const [first] = bad
      if (first !== undefined) {
        const [from, to] = [source.firstIndex + good, source.firstIndex + first.size - 1n]
        const detail = `the first difference is among entries ${from} to ${to}`
        problems.add({ kind: 'root', index: `${from}`, size: `${first.size}`, detail })
      }
      await finishBeyond(size)
      if (signed >= size) return
      const index = `${source.firstIndex + signed}`
      problems.add({ kind: 'unsigned', index, detail: `${size - signed} entries after the last signed checkpoint` })
    },
  }
}

function tryOpen(note: string, keys: readonly VerifierKey[]): OpenedCheckpoint | string {
  try {
    return openCheckpoint(note, keys)
  } catch (error) {
    if (error instanceof FormatError || error instanceof SignatureError) return error.message
    throw error
  }
}

function faultIn({ checkpoint, verified }: OpenedCheckpoint, origin: string, size?: bigint): string | undefined {
  if (checkpoint.origin !== origin) return 'the checkpoint is of another log'
  if (verified.every(({ key }) => key.type === COSIGNATURE)) return 'the log did not sign the checkpoint'
  return size === undefined || checkpoint.size === size ? undefined : 'the checkpoint is of another size'
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
