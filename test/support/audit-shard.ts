import { addLines, cosign, signCheckpoint } from '../../src/audit/checkpoint.ts'
import { canonicalJson } from '../../src/audit/jcs.ts'
import type { ShardSource, SourceCheckpoint, SourceEntry, SourceTile } from '../../src/audit/shard-source.ts'
import { EMPTY_TILES, extendTiles, frontierOf } from '../../src/audit/tiles.ts'
import { leafHash, rootOf } from '../../src/audit/tree.ts'
import {
  COSIGNATURE,
  ED25519,
  ed25519FromSeed,
  formatVerifierKey,
  type Signer,
  type VerifierKey,
  verifierKey,
} from '../../src/audit/verifier-key.ts'

/** A signer from a number, the same every time. */
export function signerOf(name: string, seed: number): Signer {
  return { name, key: ed25519FromSeed(Buffer.alloc(32, seed)) }
}

export const WITNESS: Signer = signerOf('witness.example/w1', 77)
export const WITNESS_KEY: VerifierKey = verifierKey(WITNESS.name, WITNESS.key, COSIGNATURE)
export const LOG_SEED = 1

/** Time of the first entry; each is a second later than the one before. */
export const FIRST_AT: number = Date.parse('2026-05-01T08:00:00.000Z')

/** A shard as it lies in a database, every part of it to be tampered with. */
export interface StoredShard {
  readonly signer: Signer
  vkey: string
  firstIndex: bigint
  size: bigint
  entries: { index: bigint; body: Buffer; leaf: Buffer }[]
  checkpoints: { size: bigint; note: string }[]
  tiles: { level: number; index: bigint; hashes: Buffer }[]
}

export interface ShardOptions {
  readonly origin?: string
  readonly firstIndex?: bigint
  /** Entries between two checkpoints. */
  readonly every?: number
  /** Whether the witness cosigned each checkpoint, a second after its last entry. */
  readonly isWitnessed?: boolean
  /** Makes the bodies other than they are. */
  readonly salt?: string
}

/** The body of an entry, and the time in it. */
export function bodyOf(index: bigint, at: number, salt = ''): Buffer {
  const entry = {
    v: 1,
    at: new Date(at).toISOString(),
    actor: 'officer:1',
    action: 'consent.read',
    resource: `s:${index}${salt}`,
  }
  return Buffer.from(canonicalJson(entry))
}

/** A shard of that many entries, as a log writes it. */
export function storeShard(count: number, options: ShardOptions = {}): StoredShard {
  const { origin = 'weir.example/audit/2026', firstIndex = 0n, every = 100, isWitnessed = false, salt } = options
  const signer = signerOf(origin, LOG_SEED)
  const shard: StoredShard = {
    signer,
    vkey: formatVerifierKey(verifierKey(origin, signer.key, ED25519)),
    firstIndex,
    size: BigInt(count),
    entries: [],
    checkpoints: [],
    tiles: [],
  }
  let state = EMPTY_TILES
  while (state.size < count) {
    const from = Number(state.size)
    const batch = Array.from({ length: Math.min(every, count - from) }, (_, i) => {
      const index = firstIndex + BigInt(from + i)
      const body = bodyOf(index, FIRST_AT + (from + i) * 1000, salt)
      return { index, body, leaf: leafHash(body) }
    })
    const extended = extendTiles(
      state,
      batch.map(({ leaf }) => leaf),
    )
    state = extended.state
    shard.entries.push(...batch)
    shard.tiles.push(...extended.completed.map(({ level, index, hashes }) => ({ level, index, hashes })))
    const note = signCheckpoint({ origin, size: state.size, root: rootOf(frontierOf(state)) }, signer)
    const line = isWitnessed ? [cosign(note, WITNESS, FIRST_AT / 1000 + Number(state.size))] : []
    shard.checkpoints.push({ size: state.size, note: addLines(note, line) })
  }
  shard.tiles.sort((a, b) => a.level - b.level || Number(a.index - b.index))
  return shard
}

/** A stored shard as the verifier reads it. */
export function sourceOf(shard: StoredShard): ShardSource {
  const { signer, vkey, firstIndex, size } = shard
  return {
    origin: signer.name,
    vkey,
    firstIndex,
    size,
    entries: () => each<SourceEntry>(shard.entries),
    checkpoints: () => each<SourceCheckpoint>(shard.checkpoints),
    tiles: () => each<SourceTile>(shard.tiles),
  }
}

async function* each<T>(list: readonly T[]): AsyncGenerator<T> {
  yield* list
}
