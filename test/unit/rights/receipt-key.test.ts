import { createSecretKey, sign, verify } from 'node:crypto'
import { CompactSign, calculateJwkThumbprint, compactVerify, importJWK } from 'jose'
import { expect, test } from 'vitest'
import { logSigningKey } from '../../../src/audit/log-key.ts'
import { receiptKey } from '../../../src/rights/receipt-key.ts'

const auditKey = createSecretKey(Buffer.alloc(32, 7))

test('the key of receipts is the same at every start, and named by its thumbprint', async () => {
  const key = receiptKey({ auditKey })
  expect(receiptKey({ auditKey }).publicJwk).toEqual(key.publicJwk)
  expect(key.kid).toBe(await calculateJwkThumbprint({ ...key.publicJwk }))
  expect(JSON.stringify(key.publicJwk)).not.toContain('"d"')
})

test('what it signs, its public key verifies, and that of the audit log does not', async () => {
  const { privateKey, publicJwk, kid } = receiptKey({ auditKey })
  const jws = await new CompactSign(Buffer.from('{}')).setProtectedHeader({ alg: 'EdDSA', kid }).sign(privateKey)
  expect((await compactVerify(jws, await importJWK({ ...publicJwk }))).payload).toEqual(
    new Uint8Array(Buffer.from('{}')),
  )
  const words = Buffer.from('words')
  expect(verify(null, words, logSigningKey(auditKey), sign(null, words, privateKey))).toBe(false)
})
