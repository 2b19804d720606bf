import { beforeAll, expect, test } from 'vitest'
import { addLines, cosign, signCheckpoint } from '../../../src/audit/checkpoint.ts'
import { FormatError } from '../../../src/audit/format-error.ts'
import { formatTlogProof, parseTlogProof, verifyTlogProof } from '../../../src/audit/tlog-proof.ts'
import { inclusionProof, leafHash, memoryReader, treeHash } from '../../../src/audit/tree.ts'
import { COSIGNATURE, ED25519, ed25519FromSeed, verifierKey } from '../../../src/audit/verifier-key.ts'

const signer = (name: string, seed: number): { name: string; key: ReturnType<typeof ed25519FromSeed> } => ({
  name,
  key: ed25519FromSeed(Buffer.alloc(32, seed)),
})
const log = signer('weir.example/audit/2026', 1)
const otherLog = signer('other.example/log', 4)
const witnesses = [signer('witness.example/w1', 2), signer('witness.example/w2', 3)]
const logKey = verifierKey(log.name, log.key, ED25519)
const witnessKeys = witnesses.map(({ name, key }) => verifierKey(name, key, COSIGNATURE))

const entries = Array.from({ length: 21 }, (_, i) => Buffer.from(`{"n":${i}}`))
const leaves = entries.map(leafHash)
const note = signCheckpoint({ origin: log.name, size: 21n, root: treeHash(leaves) }, log)
let proof: Buffer[]
let receipt: string
beforeAll(async () => {
  proof = await inclusionProof(13n, 21n, memoryReader(leaves))
  receipt = formatTlogProof({ index: 13n, proof, note, extra: entries[13]! })
})

const outcome = (text: string, ...rest: [] | [object] | [object, object]): string =>
  verifyTlogProof(text, { log: [logKey], ...rest[0] }, rest[1]).outcome

test('a receipt is written in the lines of C2SP tlog-proof@v1, and read back', () => {
  const lines = receipt.split('\n')
  expect(lines.slice(0, 3)).toEqual(['c2sp.org/tlog-proof@v1', `extra ${entries[13]!.toString('base64')}`, 'index 13'])
  expect(lines.slice(3, 3 + proof.length)).toEqual(proof.map((hash) => hash.toString('base64')))
  expect(receipt.endsWith(`\n\n${note}`)).toBe(true)
  expect(parseTlogProof(receipt)).toEqual({ index: 13n, proof, note, extra: entries[13] })
  const bare = formatTlogProof({ index: 0n, proof: [], note })
  expect(parseTlogProof(bare)).toEqual({ index: 0n, proof: [], note })
})

test('a receipt proves its entry, offline, with nothing but the key of the log', () => {
  const result = verifyTlogProof(receipt, { log: [logKey] })
  expect(result.outcome === 'valid' && result.checkpoint.size).toBe(21n)
  const bare = formatTlogProof({ index: 13n, proof, note })
  expect(outcome(bare, {}, { entry: entries[13]! })).toBe('valid')
  expect(outcome(bare, {}, { leaf: leaves[13]! })).toBe('valid')
  expect(outcome(bare)).toBe('malformed') // nobody says which entry
})

test('it proves no other entry, index, tree or log', () => {
  expect(outcome(receipt, {}, { entry: entries[12]! })).toBe('inclusion')
  expect(outcome(receipt.replace('index 13', 'index 12'))).toBe('inclusion')
  expect(outcome(formatTlogProof({ index: 13n, proof: proof.slice(1), note, extra: entries[13]! }))).toBe('inclusion')
  expect(outcome(receipt.replace('\n21\n', '\n22\n'))).toBe('signature')
  expect(outcome(receipt, { log: [verifierKey(otherLog.name, otherLog.key, ED25519)] })).toBe('signature')
  // Signed with a key that we trust, but for another log.
  const foreign = signCheckpoint({ origin: log.name, size: 21n, root: treeHash(leaves) }, otherLog)
  const keys = [logKey, verifierKey(otherLog.name, otherLog.key, ED25519)]
  const text = formatTlogProof({ index: 13n, proof, note: foreign, extra: entries[13]! })
  expect(outcome(text, { log: keys })).toBe('origin')
})

test('a quorum of witnesses is asked for where the reader trusts no one else', () => {
  const policy = { witnesses: witnessKeys, quorum: 2 }
  const [one, two] = witnesses.map((witness) => cosign(note, witness, 1_790_000_000))
  const later = cosign(note, witnesses[0]!, 1_790_000_060)
  const withLines = (...lines: string[]): string =>
    formatTlogProof({ index: 13n, proof, note: addLines(note, lines), extra: entries[13]! })
  expect(outcome(receipt, policy)).toBe('quorum')
  expect(outcome(withLines(one!, later), policy)).toBe('quorum') // twice the same witness
  expect(outcome(withLines(one!, two!), policy)).toBe('valid')
  expect(outcome(withLines(one!), { ...policy, quorum: 1 })).toBe('valid')
  // A witness vouches for the log's growth, not in its place.
  const bodyOnly = withLines(one!, two!).replace(/— weir\.example.*\n/, '')
  expect(outcome(bodyOnly, policy)).toBe('signature')
})

test('what is no receipt is malformed, never an exception', () => {
  const bad = [
    '',
    'c2sp.org/tlog-proof@v1',
    receipt.replace('@v1', '@v2'),
    receipt.replace('index 13', 'index 013'),
    receipt.replace('index 13', 'index -1'),
    receipt.replace('index 13\n', ''),
    receipt.replace('extra ', 'extra  '),
    receipt.replace(proof[0]!.toString('base64'), proof[0]!.subarray(1).toString('base64')),
    receipt.replace('\n\n', '\n'),
    receipt.slice(0, receipt.indexOf('— ')),
    receipt.replace('\n21\n', '\n021\n'),
    `c2sp.org/tlog-proof@v1\nindex 0\n${`${proof[0]!.toString('base64')}\n`.repeat(64)}\n${note}`,
  ]
  for (const text of bad) expect(['malformed', 'signature']).toContain(outcome(text))
  for (const text of bad.slice(0, -2)) expect(() => parseTlogProof(text), text).toThrow(FormatError)
})
