import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  appendLeaves,
  consistencyProof,
  EMPTY_FRONTIER,
  EMPTY_ROOT,
  frontierAt,
  inclusionProof,
  leafHash,
  memoryReader,
  nodeHash,
  rootOf,
  treeHash,
  verifyConsistency,
  verifyInclusion,
} from '../../../src/audit/tree.ts'

/** Leaf hashes 0, 1, 2… of a tree whose entries are those numbers. */
const leavesOf = (size: number, salt = ''): Buffer[] =>
  Array.from({ length: size }, (_, i) => leafHash(Buffer.from(`${salt}${i}`)))

/** MTH as RFC 6962 §2.1 writes it down, to hold ours against. */
function plainRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return createHash('sha256').digest()
  if (leaves.length === 1) return leaves[0]!
  let half = 1
  while (half * 2 < leaves.length) half *= 2
  const parts = [Buffer.of(1), plainRoot(leaves.slice(0, half)), plainRoot(leaves.slice(half))]
  return createHash('sha256').update(Buffer.concat(parts)).digest()
}

const flipped = (bytes: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}

test('leaf, node and empty root are hashed as RFC 6962 says', () => {
  const sha256 = (...parts: Uint8Array[]): string => createHash('sha256').update(Buffer.concat(parts)).digest('hex')
  const [left, right] = leavesOf(2)
  expect(leafHash(Buffer.from('abc')).toString('hex')).toBe(sha256(Buffer.of(0), Buffer.from('abc')))
  expect(nodeHash(left!, right!).toString('hex')).toBe(sha256(Buffer.of(1), left!, right!))
  expect(EMPTY_ROOT.toString('hex')).toBe(sha256())
  expect(() => nodeHash(left!, right!.subarray(1))).toThrow(RangeError)
})

test('every size to 130 has the root that the definition gives', () => {
  const leaves = leavesOf(130)
  for (let size = 0; size <= 130; size++) {
    expect(treeHash(leaves.slice(0, size)).equals(plainRoot(leaves.slice(0, size))), `size ${size}`).toBe(true)
  }
})

test('however a log is appended to, up to 10,000 leaves, its root is that of the list and its frontier that of its nodes', async () => {
  const all = leavesOf(10_000)
  const batches = fc.array(fc.integer({ min: 0, max: 2500 }), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(batches, async (lengths) => {
      let frontier = EMPTY_FRONTIER
      let size = 0
      for (const length of lengths) {
        const batch = all.slice(size, size + length)
        frontier = appendLeaves(frontier, batch)
        size += batch.length
      }
      const leaves = all.slice(0, size)
      expect(frontier.size).toBe(BigInt(size))
      expect(rootOf(frontier)).toEqual(treeHash(leaves))
      expect(await frontierAt(BigInt(size), memoryReader(leaves))).toEqual(frontier)
    }),
    { numRuns: 12 },
  )
})

test('proofs between all pairs up to 64 hold, and hold for no other index or size', async () => {
  const leaves = leavesOf(64)
  const read = memoryReader(leaves)
  const roots = leaves.map((_, i) => treeHash(leaves.slice(0, i + 1)))
  for (let size = 1; size <= 64; size++) {
    const root = roots[size - 1]!
    for (let index = 0; index < size; index++) {
      const proof = await inclusionProof(BigInt(index), BigInt(size), read)
      const claim = { leaf: leaves[index]!, index: BigInt(index), size: BigInt(size), root, proof }
      expect(verifyInclusion(claim)).toBe(true)
      for (let other = 0; other <= size; other++) {
        if (other !== index) expect(verifyInclusion({ ...claim, index: BigInt(other) })).toBe(false)
      }
    }
    for (let from = 1; from <= size; from++) {
      const proof = await consistencyProof(BigInt(from), BigInt(size), read)
      const claim = { from: BigInt(from), fromRoot: roots[from - 1]!, size: BigInt(size), root, proof }
      expect(verifyConsistency(claim)).toBe(true)
      for (let other = 0; other <= size + 1; other++) {
        if (other !== from) expect(verifyConsistency({ ...claim, from: BigInt(other) })).toBe(false)
      }
    }
  }
})

test('a proof names a size: with the root of another tree it holds for none', async () => {
  const leaves = leavesOf(40)
  const read = memoryReader(leaves)
  for (const [index, size] of [
    [0n, 33n],
    [17n, 33n],
    [32n, 33n],
    [5n, 8n],
  ] as const) {
    const proof = await inclusionProof(index, size, read)
    for (let other = 1; other <= 40; other++) {
      const root = treeHash(leaves.slice(0, other))
      const claim = { leaf: leaves[Number(index)]!, index, size: BigInt(other), root, proof }
      expect(verifyInclusion(claim)).toBe(BigInt(other) === size)
    }
  }
})

test('every single bit of leaf, root and proof counts', async () => {
  const leaves = leavesOf(23)
  const read = memoryReader(leaves)
  const root = treeHash(leaves)
  const inclusion = {
    leaf: leaves[11]!,
    index: 11n,
    size: 23n,
    root,
    proof: await inclusionProof(11n, 23n, read),
  }
  const consistency = {
    from: 13n,
    fromRoot: treeHash(leaves.slice(0, 13)),
    size: 23n,
    root,
    proof: await consistencyProof(13n, 23n, read),
  }
  expect([verifyInclusion(inclusion), verifyConsistency(consistency)]).toEqual([true, true])
  for (let bit = 0; bit < 256; bit++) {
    expect(verifyInclusion({ ...inclusion, leaf: flipped(inclusion.leaf, bit) })).toBe(false)
    expect(verifyInclusion({ ...inclusion, root: flipped(root, bit) })).toBe(false)
    expect(verifyConsistency({ ...consistency, fromRoot: flipped(consistency.fromRoot, bit) })).toBe(false)
    expect(verifyConsistency({ ...consistency, root: flipped(root, bit) })).toBe(false)
    for (let i = 0; i < inclusion.proof.length; i++) {
      expect(verifyInclusion({ ...inclusion, proof: inclusion.proof.with(i, flipped(inclusion.proof[i]!, bit)) })).toBe(
        false,
      )
    }
    for (let i = 0; i < consistency.proof.length; i++) {
      const proof = consistency.proof.with(i, flipped(consistency.proof[i]!, bit))
      expect(verifyConsistency({ ...consistency, proof })).toBe(false)
    }
  }
})

test('a proof with a hash too many, too few, or in another place is refused', async () => {
  const leaves = leavesOf(77)
  const read = memoryReader(leaves)
  const root = treeHash(leaves)
  const small = { fromRoot: treeHash(leaves.slice(0, 39)), from: 39n }
  const proof = await consistencyProof(39n, 77n, read)
  const wrong = [[], proof.slice(1), proof.slice(0, -1), [...proof, root], [root, ...proof], proof.toReversed()]
  for (const one of wrong) expect(verifyConsistency({ ...small, size: 77n, root, proof: one })).toBe(false)
  const path = await inclusionProof(39n, 77n, read)
  const bad = [[], path.slice(1), path.slice(0, -1), [...path, root], [root, ...path], path.toReversed()]
  for (const one of bad)
    expect(verifyInclusion({ leaf: leaves[39]!, index: 39n, size: 77n, root, proof: one })).toBe(false)
})

test('another log is not consistent with this one, from whatever size', async () => {
  const ours = leavesOf(50)
  for (let fork = 0; fork < 50; fork += 7) {
    const theirs = [...ours.slice(0, fork), ...leavesOf(50, 'other').slice(fork)]
    for (let from = 1; from < 50; from++) {
      const proof = await consistencyProof(BigInt(from), 50n, memoryReader(theirs))
      const fromRoot = treeHash(ours.slice(0, from))
      const held = verifyConsistency({ from: BigInt(from), fromRoot, size: 50n, root: treeHash(theirs), proof })
      expect(held, `fork at ${fork}, from ${from}`).toBe(from <= fork)
    }
  }
})

test('of arbitrary trees up to 10,000 leaves proofs hold, are at most 2 · log n hashes, and are asked for in one call', async () => {
  const all = leavesOf(10_000)
  const read = memoryReader(all)
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 10_000 }), fc.nat(), fc.nat(), async (size, a, b) => {
      const [index, from] = [a % size, (b % size) + 1]
      let calls = 0
      const counting = (...args: Parameters<typeof read>): ReturnType<typeof read> => {
        calls++
        return read(...args)
      }
      const root = rootOf(await frontierAt(BigInt(size), read))
      const path = await inclusionProof(BigInt(index), BigInt(size), counting)
      const claim = { leaf: all[index]!, index: BigInt(index), size: BigInt(size), root, proof: path }
      expect(verifyInclusion(claim)).toBe(true)
      const proof = await consistencyProof(BigInt(from), BigInt(size), counting)
      const fromRoot = rootOf(await frontierAt(BigInt(from), read))
      expect(verifyConsistency({ from: BigInt(from), fromRoot, size: BigInt(size), root, proof })).toBe(true)
      expect(Math.max(path.length, proof.length)).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(size + 1)))
      expect(calls).toBeLessThanOrEqual(2)
    }),
    { numRuns: 200 },
  )
})

test('verification answers false to whatever it is given, and never throws', () => {
  const bytes = fc.uint8Array({ maxLength: 40 })
  const size = fc.bigInt({ min: -5n, max: 1n << 70n })
  fc.assert(
    fc.property(size, size, bytes, bytes, fc.array(bytes, { maxLength: 6 }), (a, b, one, two, proof) => {
      expect(verifyInclusion({ leaf: one, index: a, size: b, root: two, proof })).toBe(false)
      if (a !== b) expect(verifyConsistency({ from: a, fromRoot: one, size: b, root: two, proof })).toBe(false)
    }),
  )
})

test('what no tree has is asked for in vain', async () => {
  const read = memoryReader(leavesOf(3))
  await expect(inclusionProof(3n, 3n, read)).rejects.toThrow(RangeError)
  await expect(inclusionProof(-1n, 3n, read)).rejects.toThrow(RangeError)
  await expect(consistencyProof(4n, 3n, read)).rejects.toThrow(RangeError)
  await expect(frontierAt(4n, read)).rejects.toThrow(RangeError)
  expect(await consistencyProof(0n, 3n, read)).toEqual([])
  expect(await consistencyProof(3n, 3n, read)).toEqual([])
})
