import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { logSigningKey } from '../../../src/audit/log-key.ts'
import { receiptJwks } from '../../../src/rights/receipt-jwks.ts'
import { type ReceiptCheck, verifyReceipt } from '../../../src/rights/verify-receipt.ts'
import { claimsOf, keyring, makeReceipt, NOW, ORIGIN, SALT, signClaims, witness } from '../../support/receipts.ts'

const jwks = receiptJwks(keyring)
type Options = Parameters<typeof verifyReceipt>[1]
const check = (jws: string, more: Partial<Options> = {}): Promise<ReceiptCheck> =>
  verifyReceipt(jws, { jwks, now: NOW, ...more })
const problemsOf = async (jws: string, more: Partial<Options> = {}): Promise<readonly string[]> =>
  (await check(jws, more)).problems

test('a receipt holds with nothing but the keys: signature, times, and its place in the log', async () => {
  const { jws, claims } = await makeReceipt()
  expect(await check(`${jws}\n`)).toEqual({
    ok: true,
    problems: [],
    claims,
    log: 'proved',
    witnesses: [],
    unchecked: ['witness.example'],
  })
})

describe('an outside witness', () => {
  test('counts where its key is given, and it is said when it saw the log', async () => {
    const { jws } = await makeReceipt()
    const { witnesses, unchecked } = await check(jws, { witnesses: [witness] })
    expect(witnesses).toEqual([{ name: 'witness.example', at: '2026-11-23T11:59:30.000Z' }])
    expect(unchecked).toEqual([])
  })

  test('that saw nothing is not claimed to have', async () => {
    const { jws } = await makeReceipt({ cosigned: false })
    expect(await check(jws, { witnesses: [witness] })).toMatchObject({ ok: true, witnesses: [], unchecked: [] })
  })
})

describe('whose it is', () => {
  test('shows who has the salt, for any of the identifiers, blanks around it or not', async () => {
    const { jws } = await makeReceipt()
    for (const identifier of ['ann', ' ann@mail.example ']) {
      expect(await check(jws, { person: { salt: SALT, identifiers: [identifier] } })).toMatchObject({
        ok: true,
        yours: true,
      })
    }
  })

  test('does not show without it, and somebody else’s is said to be somebody else’s', async () => {
    const { jws } = await makeReceipt()
    const other = Buffer.alloc(32, 1).toString('base64url')
    expect(await problemsOf(jws, { person: { salt: other, identifiers: ['ann'] } })).toEqual(['not-yours'])
    expect(await problemsOf(jws, { person: { salt: SALT, identifiers: ['ben'] } })).toEqual(['not-yours'])
  })

  test('is one commitment or several', async () => {
    const { jws } = await makeReceipt({ claims: { subject_commitment: claimsOf().subject_commitment[0]! } })
    expect((await check(jws)).ok).toBe(true)
  })
})

describe('is not believed', () => {
  test('what somebody changed, wherever', async () => {
    const { jws } = await makeReceipt()
    const signed = jws.lastIndexOf('.') // in the signature two texts can be the same bytes
    await fc.assert(
      fc.asyncProperty(fc.nat(signed - 1), fc.constantFrom('A', 'x', '.', '-', ''), async (at, other) => {
        const changed = jws.slice(0, at) + other + jws.slice(at + 1)
        fc.pre(changed !== jws)
        expect((await check(changed)).ok).toBe(false)
      }),
      { numRuns: 100 },
    )
  })

  test('another kind of token under the same key, another algorithm, none', async () => {
    const { claims } = await makeReceipt()
    expect(await problemsOf(await signClaims(claims, { header: { typ: 'JWT' } }))).toEqual(['type'])
    const none = `${Buffer.from('{"alg":"none","typ":"erasure-receipt+jwt"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`
    expect(await problemsOf(none)).toEqual(['type'])
    expect(await problemsOf('nothing')).toEqual(['malformed'])
  })

  test('what somebody else signed, the log’s key among them', async () => {
    const { claims } = await makeReceipt()
    const stranger = generateKeyPairSync('ed25519').privateKey
    expect(await problemsOf(await signClaims(claims, { key: stranger }))).toEqual(['signature'])
    expect(await problemsOf(await signClaims(claims, { key: stranger, header: { kid: 'unheard-of' } }))).toEqual([
      'unknown-key',
    ])
    const logKid = jwks.keys.find(({ use }) => use === 'tlog')!.kid
    const byLog = await signClaims(claims, { key: logSigningKey(keyring.auditKey), header: { kid: logKid } })
    expect(await problemsOf(byLog)).toEqual(['unknown-key'])
  })

  test('claims that are none: a hit, a state of a recipient that there is not, a word for a time', async () => {
    for (const change of [
      { scan: { ...claimsOf().scan, hits: 1 as unknown as 0 } },
      { destinations: [{ id: 'x', protocol: 'webhook', state: 'completed' as 'sent' }] },
      { completed_at: 'yesterday' },
    ]) {
      expect(await problemsOf((await makeReceipt({ claims: change })).jws)).toEqual(['malformed'])
    }
  })

  test('times that cannot be: of the future, or done before it was asked', async () => {
    expect(await problemsOf((await makeReceipt()).jws, { now: NOW - 3_600_000 })).toEqual(['times'])
    const early = await makeReceipt({ claims: { received_at: '2026-11-24T00:00:00.000Z' } })
    expect(await problemsOf(early.jws)).toEqual(['times'])
  })

  test('an entry of the log that is of another receipt, or of another request', async () => {
    const other = await makeReceipt({ entry: { receipt_sha256: 'ab'.repeat(32) } })
    expect(await check(other.jws)).toMatchObject({ problems: ['log-entry'], log: 'wrong' })
    const { claims } = await makeReceipt()
    const borrowed = { ...claims, request_id: '00000000-0000-4000-8000-000000000000' }
    expect(await problemsOf(await signClaims(borrowed))).toEqual(['log-entry'])
    expect(await problemsOf(await signClaims({ ...claims, log: { ...claims.log, index: 2 } }))).toEqual(['log-entry'])
  })

  test('a log that somebody else signed', async () => {
    const { jws } = await makeReceipt({ logKey: generateKeyPairSync('ed25519').privateKey })
    expect(await check(jws)).toMatchObject({ problems: ['log-proof'], log: 'wrong' })
  })
})

test('where no key of the log is given, it is said that its proof was not looked at', async () => {
  const { jws } = await makeReceipt()
  const onlyReceipts = { keys: jwks.keys.filter(({ use }) => use === 'sig') }
  expect(await check(jws, { jwks: onlyReceipts })).toMatchObject({ ok: true, log: 'no-key' })
  expect(ORIGIN).toContain('weir.test')
})
