import * as crypto from 'node:crypto'

/** Bytes of a SHA-256 hash, the only hash here. */
export const HASH_SIZE = 32

/** A compact range from leaf 0: the roots of the complete subtrees that `size` leaves fall into, the largest first. */
export interface Frontier {
  readonly size: bigint
  readonly hashes: readonly Buffer[]
}

/** The complete subtree over the leaves [index · 2^height, (index + 1) · 2^height). */
export interface Node {
  readonly height: number
  readonly index: bigint
}

/** Gives the hashes of complete subtrees, in the order asked. */
export type HashReader = (nodes: readonly Node[]) => Promise<readonly Buffer[]>

/** A range of leaves [start, end) that is a node of some tree: `start` is a multiple of the power of two that covers it. */
interface Range {
  readonly start: bigint
  readonly end: bigint
}

/** MTH({}), the root of a tree without leaves: the hash of nothing (RFC 6962 §2.1). */
export const EMPTY_ROOT: Buffer = sha256(Buffer.alloc(0))

export const EMPTY_FRONTIER: Frontier = { size: 0n, hashes: [] }

/** SHA-256(0x00 ‖ data), RFC 6962 §2.1. */
export function leafHash(data: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(data.length + 1)
  input[0] = 0x00
  input.set(data, 1)
  return sha256(input)
}

const nodeInput = Buffer.alloc(1 + 2 * HASH_SIZE, 0x01)

/** SHA-256(0x01 ‖ left ‖ right), RFC 6962 §2.1. Both are 32 bytes: a RangeError otherwise. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== HASH_SIZE || right.length !== HASH_SIZE) throw new RangeError('a hash is 32 bytes')
  nodeInput.set(left, 1)
  nodeInput.set(right, 1 + HASH_SIZE)
  return sha256(nodeInput)
}

/**
 * SHA-256, 32 bytes. One call where Node has it (20.12: the verifier in an export runs on older ones too), by way of a
 * text: half the price of asking for a buffer, which is made outside the pool.
 */
export function sha256(input: Uint8Array): Buffer {
  if (typeof crypto.hash !== 'function') return crypto.createHash('sha256').update(input).digest()
  return Buffer.from(crypto.hash('sha256', input, 'binary'), 'latin1')
}

/** Appends leaf hashes: on average one node hash a leaf, whatever the size. */
export function appendLeaves(frontier: Frontier, leafHashes: readonly Buffer[]): Frontier {
  const hashes = [...frontier.hashes]
  let size = frontier.size
  for (const leaf of leafHashes) {
    hashes.push(leaf)
    // Every one at the end of the size is a complete subtree that the new leaf makes a half of.
    for (let rest = size; (rest & 1n) === 1n; rest >>= 1n) mergeLast(hashes)
    size += 1n
  }
  return { size, hashes }
}

/** The root of the tree (RFC 6962 §2.1): subtrees are joined from the smallest, which stands at the right. */
export function rootOf(frontier: Frontier): Buffer {
  return joined(frontier.hashes)
}

/** The root over a list of leaf hashes, at once. */
export function treeHash(leafHashes: readonly Buffer[]): Buffer {
  return rootOf(appendLeaves(EMPTY_FRONTIER, leafHashes))
}

function mergeLast(hashes: Buffer[]): void {
  const right = hashes.pop()!
  hashes.push(nodeHash(hashes.pop()!, right))
}

function joined(hashes: readonly Buffer[]): Buffer {
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => nodeHash(left, right))
}

/** The compact range of the first `size` leaves, for a log that stores its nodes. */
export async function frontierAt(size: bigint, read: HashReader): Promise<Frontier> {
  if (size < 0n) throw new RangeError('a size is not negative')
  return { size, hashes: [...(await read(subtrees({ start: 0n, end: size })))] }
}

/**
 * PATH(index, D[size]) of RFC 6962 §2.1.1, from the leaf's sibling to the root's child. All nodes are asked for in one
 * call of `read`. A RangeError where the tree has no such leaf.
 */
export async function inclusionProof(index: bigint, size: bigint, read: HashReader): Promise<Buffer[]> {
  if (index < 0n || index >= size) throw new RangeError('the tree has no such leaf')
  const path: Range[] = []
  let [start, end] = [0n, size]
  while (end - start > 1n) {
    const middle = start + splitOf(end - start)
    path.push(index < middle ? { start: middle, end } : { start, end: middle })
    ;[start, end] = index < middle ? [start, middle] : [middle, end]
  }
  return readRanges(path.reverse(), read)
}

/**
 * PROOF(from, D[size]) of RFC 6962 §2.1.2. Empty from 0, where the RFC has none and C2SP tlog-witness wants it so, and
 * from the size itself. A RangeError where `from` is beyond the size.
 */
export async function consistencyProof(from: bigint, size: bigint, read: HashReader): Promise<Buffer[]> {
  if (from < 0n || from > size) throw new RangeError('the older tree is not larger than the newer one')
  if (from === 0n || from === size) return []
  const proof: Range[] = []
  let [start, end, isOldTree] = [0n, size, true]
  while (end !== from) {
    const middle = start + splitOf(end - start)
    if (from <= middle) {
      proof.push({ start: middle, end })
      end = middle
    } else {
      proof.push({ start, end: middle })
      start = middle
      isOldTree = false
    }
  }
  if (!isOldTree) proof.push({ start, end }) // otherwise it is the old root, which the verifier has
  return readRanges(proof.reverse(), read)
}

/** The largest power of two smaller than `n`, where a node over n > 1 leaves is split (RFC 6962 §2.1). */
function splitOf(n: bigint): bigint {
  return 1n << BigInt((n - 1n).toString(2).length - 1)
}

/** The complete subtrees that a range falls into, the largest first. */
function subtrees({ start, end }: Range): Node[] {
  const length = end - start
  const nodes: Node[] = []
  let at = start
  for (let height = length.toString(2).length - 1; height >= 0; height--) {
    if (((length >> BigInt(height)) & 1n) === 0n) continue
    nodes.push({ height, index: at >> BigInt(height) })
    at += 1n << BigInt(height)
  }
  return nodes
}

async function readRanges(ranges: readonly Range[], read: HashReader): Promise<Buffer[]> {
  const parts = ranges.map(subtrees)
  const hashes = await read(parts.flat())
  let taken = 0
  return parts.map(({ length }) => {
    taken += length
    return joined(hashes.slice(taken - length, taken))
  })
}

/** Whether `leaf` is the hash at `index` of the tree with that size and root: RFC 9162 §2.1.3.2. Never throws. */
export function verifyInclusion(claim: {
  readonly leaf: Uint8Array
  readonly index: bigint
  readonly size: bigint
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}): boolean {
  const { leaf, index, size, root, proof } = claim
  if (index < 0n || index >= size || !areHashes([leaf, root, ...proof])) return false
  const sides = sidesOf(index, size - 1n, proof.length)
  return sides !== undefined && Buffer.compare(foldUp(leaf, sides, proof), root) === 0
}

/**
 * Whether the tree of `from` leaves is the beginning of that of `size` leaves: RFC 9162 §2.1.4.2. Never throws. From 0
 * it is always false, for the empty tree proves nothing; of equal sizes the roots must be equal and the proof empty.
 */
export function verifyConsistency(claim: {
  readonly from: bigint
  readonly fromRoot: Uint8Array
  readonly size: bigint
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}): boolean {
  const { from, fromRoot, size, root, proof } = claim
  if (from <= 0n || from > size) return false
  if (from === size) return proof.length === 0 && Buffer.compare(fromRoot, root) === 0
  if (proof.length === 0 || !areHashes([fromRoot, root, ...proof])) return false
  // An old tree that is complete is a node of the new one, which the proof leaves out.
  const [first, ...siblings] = (from & (from - 1n)) === 0n ? [fromRoot, ...proof] : proof
  let [place, last] = [from - 1n, size - 1n]
  for (; (place & 1n) === 1n; place >>= 1n) last >>= 1n // a right child lies inside the subtree that the proof begins with
  const sides = sidesOf(place, last, siblings.length)
  if (sides === undefined) return false
  // To the old tree belongs only what stands at the left.
  const old = foldUp(
    first!,
    sides.filter((side) => side === 'left'),
    siblings.filter((_, i) => sides[i] === 'left'),
  )
  return Buffer.compare(old, fromRoot) === 0 && Buffer.compare(foldUp(first!, sides, siblings), root) === 0
}

type Side = 'left' | 'right'

/**
 * On which side each of `count` siblings stands on the way up from a place at a level whose last place is `last`;
 * undefined where the way to the root has not that many.
 */
function sidesOf(place: bigint, last: bigint, count: number): Side[] | undefined {
  const sides: Side[] = []
  while (sides.length < count) {
    if (last === 0n) return undefined
    const isLeftSibling = (place & 1n) === 1n || place === last
    sides.push(isLeftSibling ? 'left' : 'right')
    // The last node of a level that has no sibling is handed up as it is.
    if (isLeftSibling) for (; (place & 1n) === 0n && place !== 0n; place >>= 1n) last >>= 1n
    place >>= 1n
    last >>= 1n
  }
  return last === 0n ? sides : undefined
}

function foldUp(leaf: Uint8Array, sides: readonly Side[], siblings: readonly Uint8Array[]): Uint8Array {
  return siblings.reduce(
    (hash, sibling, i) => (sides[i] === 'left' ? nodeHash(sibling, hash) : nodeHash(hash, sibling)),
    leaf,
  )
}

function areHashes(values: readonly Uint8Array[]): boolean {
  return values.every(({ length }) => length === HASH_SIZE)
}

/** A reader over leaf hashes in memory. A RangeError for a subtree that is not complete there. */
export function memoryReader(leafHashes: readonly Buffer[]): HashReader {
  const levels: (readonly Buffer[])[] = [leafHashes]
  for (let below = leafHashes; below.length > 1; below = levels.at(-1)!) {
    levels.push(Array.from({ length: below.length >> 1 }, (_, i) => nodeHash(below[2 * i]!, below[2 * i + 1]!)))
  }
  return async (nodes) =>
    nodes.map(({ height, index }) => {
      const hash = levels[height]?.[Number(index)]
      if (hash === undefined) throw new RangeError('that subtree is not complete')
      return hash
    })
}
