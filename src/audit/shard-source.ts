import type { Problem } from './problem.ts'

/** An entry as it is stored. */
export interface SourceEntry {
  /** Among all entries of the log, not of the shard. */
  readonly index: bigint
  readonly body: Uint8Array
  /** The leaf that is stored with it, where one is. */
  readonly leaf?: Buffer
}

/** A signed checkpoint as it is stored, with or without cosignatures. */
export interface SourceCheckpoint {
  readonly size: bigint
  readonly note: string
}

/** A tile as it is stored: 256 hashes, or fewer at the right edge. */
export interface SourceTile {
  readonly level: number
  readonly index: bigint
  readonly hashes: Buffer
}

/** A shard of the log to be checked, wherever it lies: a tree of its own, with its own origin. */
export interface ShardSource {
  readonly origin: string
  readonly vkey: string
  /** Index of its leaf 0 among all entries. */
  readonly firstIndex: bigint
  /** How many entries it says it has, where it says so. */
  readonly size?: bigint
  /** Ascending by index. */
  entries(): AsyncIterable<SourceEntry>
  /** Ascending by size. */
  checkpoints(): AsyncIterable<SourceCheckpoint>
  /** Ascending by level, then by index. */
  tiles?(): AsyncIterable<SourceTile>
  /** What was wrong with it while it was read. */
  problems?(): readonly Problem[]
}
