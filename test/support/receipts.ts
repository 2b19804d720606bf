import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { CompactSign } from 'jose'
import { addLines, cosign, signCheckpoint } from '../../src/audit/checkpoint.ts'
import { type CanonicalValue, canonicalJson } from '../../src/audit/jcs.ts'
import { logSigningKey } from '../../src/audit/log-key.ts'
import { formatTlogProof } from '../../src/audit/tlog-proof.ts'
import { inclusionProof, leafHash, memoryReader, treeHash } from '../../src/audit/tree.ts'
import { COSIGNATURE, type VerifierKey, verifierKey } from '../../src/audit/verifier-key.ts'
import { commitmentOf, loggedDigest, RECEIPT_TYPE, type ReceiptClaims } from '../../src/rights/receipt-claims.ts'
import { receiptKey } from '../../src/rights/receipt-key.ts'

/** The keys of a gateway, as far as receipts need them. */
export const keyring = { auditKey: createSecretKey(Buffer.alloc(32, 7)) }
export const ORIGIN = 'weir.test/audit/2026'
export const NOW = Date.parse('2026-11-23T12:00:00Z')
export const SALT = Buffer.alloc(32, 9).toString('base64url')

const witnessKey = generateKeyPairSync('ed25519')
export const witness: VerifierKey = verifierKey('witness.example', witnessKey.publicKey, COSIGNATURE)

/** The claims of an erasure in which something stays, and recipients are differently far. */
export function claimsOf(changes: Partial<Omit<ReceiptClaims, 'log'>> = {}): Omit<ReceiptClaims, 'log'> {
  return {
    iss: 'https://weir.test',
    jti: 'b7a0f6f2-4f0a-4b0e-9a55-1de1f6b1a001',
    iat: NOW / 1000 - 60,
    request_id: '0c9df3d4-8a53-4d0c-8a0e-5f1ab2c3d4e5',
    regime: 'pipl',
    right: 'erasure',
    received_at: '2026-11-20T08:00:00.000Z',
    completed_at: '2026-11-23T11:59:00.000Z',
    verified_by: 'mail-link',
    subject_commitment: [commitmentOf(SALT, 'ann'), commitmentOf(SALT, 'ann@mail.example')].sort(),
    actions: [
      { store: 'weir.subject_key', class: 'any', action: 'shredded', count_bucket: '1-9' },
      { store: 'weir.sealed', class: 'any', action: 'deleted', count_bucket: '100-999' },
      { store: 'module:recommendation', class: 'any', action: 'deleted', count_bucket: '10-99' },
      { store: 'weir.consent_ledger', class: 'any', action: 'anonymised', count_bucket: '1-9' },
    ],
    retained: [{ class: 'order', ground: 'E-commerce Law 31', until: '2029-06-30' }],
    destinations: [
      { id: 'mailing', protocol: 'webhook', state: 'acknowledged', ack_sha256: 'ab'.repeat(32) },
      { id: 'ads', protocol: 'opendsr', state: 'sent' },
      { id: 'warehouse', protocol: 'webhook', state: 'verified-gone' },
    ],
    models: [
      { name: 'attribution', method: 'exact_subtract', verified: true },
      { name: 'recommendation', method: 'exact_subtract', verified: false },
    ],
    horizon: '2027-02-21T00:00:00.000Z',
    backups_expire_at: '2026-12-23T00:00:00.000Z',
    scan: { at: '2026-11-23T11:58:00.000Z', version: 1, columns: 312, hits: 0 },
    files_scan: { state: 'pending' },
    sample: { tried: 8, opened: 0 },
    prev: null,
    ...changes,
  }
}

export interface ReceiptOptions {
  readonly claims?: Partial<Omit<ReceiptClaims, 'log'>>
  /** What the entry of the log says instead. */
  readonly entry?: Record<string, CanonicalValue>
  readonly logKey?: KeyObject
  readonly origin?: string
  readonly cosigned?: boolean
}

/** A receipt as the gateway issues it, over a log of five entries. */
export async function makeReceipt(options: ReceiptOptions = {}): Promise<{ jws: string; claims: ReceiptClaims }> {
  const claims = claimsOf(options.claims)
  const body = {
    v: 1,
    at: claims.completed_at,
    actor: 'weir',
    action: 'receipt.issue',
    resource: `request:${claims.request_id}`,
    purpose: 'rights',
    outcome: 'done',
    receipt_sha256: loggedDigest(claims),
    ...options.entry,
  }
  const entry = Buffer.from(canonicalJson(body), 'utf8')
  const leaves = [0, 1, 2, 3, 4].map((i) => (i === 3 ? leafHash(entry) : leafHash(Buffer.of(i))))
  const origin = options.origin ?? ORIGIN
  const key = options.logKey ?? logSigningKey(keyring.auditKey)
  const signed = signCheckpoint({ origin, size: 5n, root: treeHash(leaves) }, { name: origin, key })
  const line = cosign(signed, { name: witness.name, key: witnessKey.privateKey }, NOW / 1000 - 30)
  const note = options.cosigned === false ? signed : addLines(signed, [line])
  const proof = formatTlogProof({
    index: 3n,
    proof: await inclusionProof(3n, 5n, memoryReader(leaves)),
    note,
    extra: entry,
  })
  const log = { origin, index: 3, leaf: leaves[3]!.toString('base64'), checkpoint: note, proof }
  const whole = { ...claims, log }
  return { jws: await signClaims(whole), claims: whole }
}

export async function signClaims(
  claims: unknown,
  { header = {}, key = receiptKey(keyring).privateKey }: { header?: Record<string, string>; key?: KeyObject } = {},
): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims), 'utf8'))
    .setProtectedHeader({ alg: 'EdDSA', typ: RECEIPT_TYPE, kid: receiptKey(keyring).kid, ...header })
    .sign(key)
}
