import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { ed25519FromSeed } from '../audit/verifier-key.ts'
import type { Keyring } from '../keys/keyring.ts'
import { expandKey } from '../protect/expand.ts'
import { lpConcat } from '../protect/layouts.ts'

/** What verifies a receipt, as /.well-known/jwks.json says it (RFC 7517, RFC 8037). */
export interface ReceiptJwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  /** Base64url of the 32 bytes of the public key. */
  readonly x: string
  readonly kid: string
  readonly alg: 'EdDSA'
  readonly use: 'sig'
}

export interface ReceiptKey {
  /** SHA-256 thumbprint of the public key, base64url (RFC 7638 §3, RFC 8037 appendix A.3). */
  readonly kid: string
  /** Ed25519. */
  readonly privateKey: KeyObject
  readonly publicJwk: ReceiptJwk
}

/**
 * The key that signs erasure receipts: from the root of the audit log, whose key is never rolled, so that a receipt is
 * verified years later; not the log's own key, since what signs one kind of thing must not be mistaken for another.
 */
export function receiptKey(keyring: Pick<Keyring, 'auditKey'>): ReceiptKey {
  const seed = expandKey(keyring.auditKey, lpConcat('gw/v1/receipt/ed25519')).export()
  let privateKey: KeyObject
  try {
    privateKey = ed25519FromSeed(seed)
  } finally {
    seed.fill(0)
  }
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  const kid = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url')
  return { kid, privateKey, publicJwk: { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' } }
}
