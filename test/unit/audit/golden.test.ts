import { describe, expect, test } from 'vitest'
import { readBundle, writeBundle } from '../../../src/audit/bundles.ts'
import { addLines, cosign, signCheckpoint } from '../../../src/audit/checkpoint.ts'
import { canonicalJson } from '../../../src/audit/jcs.ts'
import { parseTilePath, tilePath } from '../../../src/audit/tile-paths.ts'
import { formatTlogProof, verifyTlogProof } from '../../../src/audit/tlog-proof.ts'
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  memoryReader,
  treeHash,
  verifyConsistency,
  verifyInclusion,
} from '../../../src/audit/tree.ts'
import {
  COSIGNATURE,
  ED25519,
  ed25519FromSeed,
  formatVerifierKey,
  parseVerifierKey,
  verifierKey,
} from '../../../src/audit/verifier-key.ts'
import golden from '../../golden/audit-v1.json' with { type: 'json' }

// The vectors were computed in Python from the definitions in RFC 6962 §2.1, RFC 8032 §6 and the C2SP texts, by nothing
// of src/. A change of them is a change of what auditors keep: old receipts and checkpoints would no longer verify.
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
const log = { name: golden.logName, key: ed25519FromSeed(bytes(golden.logSeed)) }
const witness = { name: golden.witnessName, key: ed25519FromSeed(bytes(golden.witnessSeed)) }
const entries = golden.entries.map((entry) => Buffer.from(entry))
const leaves = golden.leaves.map(bytes)
const hex = (hashes: readonly Buffer[]): string[] => hashes.map((hash) => hash.toString('hex'))

test('keys are written as they were', () => {
  expect(formatVerifierKey(verifierKey(log.name, log.key, ED25519))).toBe(golden.logKey)
  expect(formatVerifierKey(verifierKey(witness.name, witness.key, COSIGNATURE))).toBe(golden.witnessKey)
})

test('entries are canonical and hash to their leaves, leaves to their roots', () => {
  expect(golden.entries.map((entry) => canonicalJson(JSON.parse(entry)))).toEqual(golden.entries)
  expect(hex(entries.map(leafHash))).toEqual(golden.leaves)
  expect(golden.roots.map((_, size) => treeHash(leaves.slice(0, size)).toString('hex'))).toEqual(golden.roots)
})

describe('proofs', () => {
  const read = memoryReader(leaves)
  test('of inclusion', async () => {
    for (const { index, size, proof } of golden.inclusion) {
      const ours = await inclusionProof(BigInt(index), BigInt(size), read)
      expect(hex(ours)).toEqual(proof)
      const root = bytes(golden.roots[size]!)
      const claim = { leaf: leaves[index]!, index: BigInt(index), size: BigInt(size), root }
      expect(verifyInclusion({ ...claim, proof: proof.map(bytes) })).toBe(true)
    }
  })

  test('of consistency', async () => {
    for (const { from, size, proof } of golden.consistency) {
      expect(hex(await consistencyProof(BigInt(from), BigInt(size), read))).toEqual(proof)
      const [fromRoot, root] = [bytes(golden.roots[from]!), bytes(golden.roots[size]!)]
      const claim = { from: BigInt(from), fromRoot, size: BigInt(size), root }
      expect(verifyConsistency({ ...claim, proof: proof.map(bytes) })).toBe(true)
    }
  })
})

test('a checkpoint is signed, and cosigned, byte for byte', () => {
  const note = signCheckpoint({ origin: log.name, size: 7n, root: bytes(golden.roots[7]!) }, log)
  expect(note).toBe(golden.checkpoint)
  expect(cosign(note, witness, golden.cosignedAt)).toBe(golden.cosignature)
})

test('a receipt is written byte for byte, and proves its entry', async () => {
  const proof = await inclusionProof(4n, 7n, memoryReader(leaves))
  const note = addLines(golden.checkpoint, [golden.cosignature])
  expect(formatTlogProof({ index: 4n, proof, note, extra: entries[4]! })).toBe(golden.receipt)
  const policy = { log: [parseVerifierKey(golden.logKey)], witnesses: [parseVerifierKey(golden.witnessKey)], quorum: 1 }
  const result = verifyTlogProof(golden.receipt, policy)
  expect(result.outcome === 'valid' && result.cosigned.map(({ timestamp }) => timestamp)).toEqual([golden.cosignedAt])
  expect(verifyTlogProof(golden.receipt, policy, { entry: entries[3]! }).outcome).toBe('inclusion')
})

test('tile and bundle are laid out byte for byte, under their paths', () => {
  expect(Buffer.concat(leaves).toString('hex')).toBe(golden.tile.hex)
  expect(writeBundle(entries).toString('hex')).toBe(golden.bundle.hex)
  expect(readBundle(bytes(golden.bundle.hex), 7).map(String)).toEqual(golden.entries)
  for (const { path } of [golden.tile, golden.bundle]) expect(tilePath(parseTilePath(path)!)).toBe(path)
})
