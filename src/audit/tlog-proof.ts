import { type Checkpoint, openCheckpoint, parseSize } from './checkpoint.ts'
import { FormatError } from './format-error.ts'
import { parseNote, SignatureError, type Verified } from './note.ts'
import { HASH_SIZE, leafHash, verifyInclusion } from './tree.ts'
import { COSIGNATURE, decodeBase64, ED25519, type VerifierKey } from './verifier-key.ts'

/** A receipt that can be checked offline: an entry's place in a tree that its log signed (C2SP tlog-proof@v1). */
export interface TlogProof {
  readonly index: bigint
  readonly proof: readonly Buffer[]
  /** The signed checkpoint, as it was issued, cosignatures included. */
  readonly note: string
  /** In our receipts the entry's body, from which the leaf is hashed. The format itself does not protect it. */
  readonly extra?: Buffer
}

/** Who must have signed: one key of the log, and at least `quorum` of the witnesses (none where it is left out). */
export interface ProofPolicy {
  readonly log: readonly VerifierKey[]
  readonly witnesses?: readonly VerifierKey[]
  readonly quorum?: number
}

export type ProofResult =
  | { readonly outcome: 'valid'; readonly checkpoint: Checkpoint; readonly cosigned: readonly Verified[] }
  | { readonly outcome: 'signature' | 'quorum' | 'inclusion' | 'origin' | 'malformed' }

const FIRST_LINE = 'c2sp.org/tlog-proof@v1'
const MAX_PROOF_LINES = 63

/** The text of a receipt. */
export function formatTlogProof({ index, proof, note, extra }: TlogProof): string {
  const lines = [
    FIRST_LINE,
    ...(extra === undefined ? [] : [`extra ${extra.toString('base64')}`]),
    `index ${index}`,
    ...proof.map((hash) => hash.toString('base64')),
  ]
  return `${lines.join('\n')}\n\n${note}`
}

/** Reads a receipt, nothing verified. A FormatError says what is wrong with it. */
export function parseTlogProof(text: string): TlogProof {
  const end = text.indexOf('\n\n')
  const [first, ...lines] = text.slice(0, Math.max(end, 0)).split('\n')
  if (first !== FIRST_LINE) throw new FormatError('a receipt begins with the line of C2SP tlog-proof@v1')
  const extra = lines[0]?.startsWith('extra ') === true ? decodeBase64(lines.shift()!.slice(6)) : null
  if (extra === undefined) throw new FormatError('the extra data of the receipt is not base64')
  const [index, ...hashes] = lines
  if (index?.startsWith('index ') !== true) throw new FormatError('the receipt has no index')
  if (hashes.length > MAX_PROOF_LINES) throw new FormatError('the proof of the receipt is too long')
  const proof = hashes.map((line) => {
    const hash = decodeBase64(line)
    if (hash?.length !== HASH_SIZE) throw new FormatError('a line of the proof is not a hash in base64')
    return hash
  })
  const note = text.slice(end + 2)
  parseNote(note)
  return { index: parseSize(index.slice(6)), proof, note, ...(extra === null ? {} : { extra }) }
}

/**
 * Checks a receipt against who must have signed. The entry is given, or its hash, or it is taken from the receipt's
 * extra data. Never throws: a receipt that cannot be read is `malformed`.
 */
export function verifyTlogProof(
  text: string,
  policy: ProofPolicy,
  known: { readonly entry?: Uint8Array; readonly leaf?: Uint8Array } = {},
): ProofResult {
  try {
    const receipt = parseTlogProof(text)
    const entry = known.entry ?? receipt.extra
    const leaf = known.leaf ?? (entry === undefined ? undefined : leafHash(entry))
    if (leaf === undefined) return { outcome: 'malformed' }
    const { witnesses = [], quorum = 0 } = policy
    const { checkpoint, verified } = openCheckpoint(receipt.note, [...policy.log, ...witnesses])
    const { origin, size, root } = checkpoint
    const byLog = verified.filter(({ key }) => key.type === ED25519 && policy.log.includes(key))
    if (byLog.length === 0) return { outcome: 'signature' }
    if (byLog.every(({ key }) => key.name !== origin)) return { outcome: 'origin' } // a key of another log
    const cosigned = verified.filter(({ key }) => key.type === COSIGNATURE && witnesses.includes(key))
    if (new Set(cosigned.map(({ key }) => key)).size < quorum) return { outcome: 'quorum' }
    const isIncluded = verifyInclusion({ leaf, index: receipt.index, size, root, proof: receipt.proof })
    return isIncluded ? { outcome: 'valid', checkpoint, cosigned } : { outcome: 'inclusion' }
  } catch (error) {
    if (error instanceof SignatureError) return { outcome: 'signature' }
    if (error instanceof FormatError) return { outcome: 'malformed' }
    throw error
  }
}
