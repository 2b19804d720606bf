import { createHash, createPublicKey } from 'node:crypto'
import { logSigningKey } from '../audit/log-key.ts'
import type { Keyring } from '../keys/keyring.ts'
import { LOG_KEY_USE } from './receipt-claims.ts'
import { type ReceiptJwk, receiptKey } from './receipt-key.ts'

/** The key of the audit log: `use` keeps it from being taken for one that signs receipts. */
export type LogJwk = Omit<ReceiptJwk, 'use'> & { readonly use: typeof LOG_KEY_USE }

/** What /.well-known/jwks.json answers (RFC 7517 §5): all that is needed to check a receipt without us. */
export interface ReceiptJwks {
  readonly keys: readonly (ReceiptJwk | LogJwk)[]
}

export function receiptJwks(keyring: Pick<Keyring, 'auditKey'>): ReceiptJwks {
  const { x = '' } = createPublicKey(logSigningKey(keyring.auditKey)).export({ format: 'jwk' })
  const kid = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url')
  const ofLog: LogJwk = { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: LOG_KEY_USE }
  return { keys: [receiptKey(keyring).publicJwk, ofLog] }
}
