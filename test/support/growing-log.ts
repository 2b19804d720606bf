import { signCheckpoint } from '../../src/audit/checkpoint.ts'
import { consistencyProof, leafHash, memoryReader, treeHash } from '../../src/audit/tree.ts'
import { ED25519, formatVerifierKey, type Signer, type VerifierKey, verifierKey } from '../../src/audit/verifier-key.ts'
import { signerOf } from './audit-shard.ts'

/** A log in memory that can be made to say anything: what it signs is any list of leaves. */
export interface GrowingLog {
  readonly signer: Signer
  readonly key: VerifierKey
  readonly vkey: string
  /** `size` leaves; those from `fork` on are others than in the log without one. */
  leaves(size: number, fork?: string, from?: number): Buffer[]
  note(leaves: readonly Buffer[]): string
  proof(leaves: readonly Buffer[], from: bigint): Promise<Buffer[]>
}

export function growingLog(origin = 'weir.example/audit/2026', seed = 1): GrowingLog {
  const signer = signerOf(origin, seed)
  const key = verifierKey(origin, signer.key, ED25519)
  return {
    signer,
    key,
    vkey: formatVerifierKey(key),
    leaves: (size, fork = '', from = 0) =>
      Array.from({ length: size }, (_, i) => leafHash(Buffer.from(`${origin} ${i}${i >= from ? fork : ''}`))),
    note: (leaves) => signCheckpoint({ origin, size: BigInt(leaves.length), root: treeHash(leaves) }, signer),
    proof: (leaves, from) => consistencyProof(from, BigInt(leaves.length), memoryReader(leaves)),
  }
}
