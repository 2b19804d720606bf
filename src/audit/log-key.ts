import type { KeyObject } from 'node:crypto'
import { expandKey } from '../protect/expand.ts'
import { lpConcat } from '../protect/layouts.ts'
import { ed25519FromSeed } from './verifier-key.ts'

/** The Ed25519 key that signs checkpoints: from the root of the audit log, which seals and hashes no data. */
export function logSigningKey(auditKey: KeyObject): KeyObject {
  const seed = expandKey(auditKey, lpConcat('gw/v1/audit/ed25519')).export()
  try {
    return ed25519FromSeed(seed)
  } finally {
    seed.fill(0)
  }
}

/** Origin of a shard: the gateway's host, the year, and a number after a break (C2SP tlog-checkpoint). */
export function originOf(publicUrl: string, year: number, part: number): string {
  const { host } = new URL(publicUrl)
  return `${host.replaceAll(':', '.')}/audit/${year}${part === 1 ? '' : `-${part}`}`
}
