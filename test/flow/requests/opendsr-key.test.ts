import { createSecretKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OpenDsrKeyOptions, openDsrKey } from '../../../src/rights/protocols/opendsr-key.ts'
import { isSignedBy, signatureHeaders } from '../../../src/rights/protocols/opendsr-signature.ts'
import { selfSignedCertificate } from '../../../src/rights/protocols/self-signed.ts'

// What signs answers to OpenDSR controllers: files that an operator names.
const NOW = Date.parse('2026-11-23T08:00:00Z')
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-opendsr-'))
})
afterAll(() => rm(folder, { recursive: true }))

const ec = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

async function file(name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text, { mode })
  return path
}

function pem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }) as string
}

function options(more: Partial<OpenDsrKeyOptions>): OpenDsrKeyOptions {
  return {
    keyFile: undefined,
    certFile: undefined,
    mode: 'development',
    publicUrl: 'https://weir.example',
    tokenKey: createSecretKey(Buffer.alloc(32, 3)),
    now: () => NOW,
    ...more,
  }
}

async function refusal(more: Partial<OpenDsrKeyOptions>): Promise<string> {
  const error: unknown = await openDsrKey(options(more)).catch((one: unknown) => one)
  return error instanceof Error ? error.message : 'it was taken'
}

test('a key and its certificate are read at the start', async () => {
  const key = ec()
  const certificate = await selfSignedCertificate(key, { host: 'weir.example', now: NOW })
  const given = { keyFile: await file('key.pem', pem(key)), certFile: await file('cert.pem', certificate) }
  const made = await (await openDsrKey(options(given)))()
  expect(made).toMatchObject({ certificate, domain: 'weir.example' })
  const body = Buffer.from('{"a":1}')
  const headers = signatureHeaders(made!.privateKey, { domain: made!.domain, body })
  const x509 = new X509Certificate(certificate)
  expect(isSignedBy(x509, { headers, body, now: NOW })).toBe(true)
  expect(isSignedBy(x509, { headers, body: Buffer.from('{"a":2}'), now: NOW })).toBe(false)
  expect(isSignedBy(x509, { headers: {}, body, now: NOW })).toBe(false)
  expect(isSignedBy(x509, { headers, body, now: NOW + 366 * 86_400_000 })).toBe(false) // it has ended
  const another = new X509Certificate(await selfSignedCertificate(ec(), { host: 'weir.example', now: NOW }))
  expect(isSignedBy(another, { headers, body, now: NOW })).toBe(false)
})

test('what does not fit is refused at the start, with what to do', async () => {
  const key = ec()
  const certificate = await selfSignedCertificate(key, { host: 'weir.example', now: NOW })
  const keyFile = await file('ok.pem', pem(key))
  const certFile = await file('ok.crt', certificate)
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  const ed = generateKeyPairSync('ed25519').privateKey
  const old = await selfSignedCertificate(key, { host: 'weir.example', now: NOW - 400 * 86_400_000 })
  const elsewhere = await selfSignedCertificate(key, { host: 'other.example', now: NOW })
  const cases: [Partial<OpenDsrKeyOptions>, string][] = [
    [{ keyFile }, 'must be set together'],
    [{ certFile }, 'must be set together'],
    [{ keyFile: await file('open.pem', pem(key), 0o644), certFile }, 'chmod 600'],
    [{ keyFile: join(folder, 'none'), certFile }, 'does not exist'],
    [{ keyFile, certFile: join(folder, 'none') }, 'can read'],
    [{ keyFile: await file('words.pem', 'no key'), certFile }, 'one private key in PEM'],
    [{ keyFile: await file('rsa.pem', pem(rsa)), certFile }, '2048 bits'],
    [{ keyFile: await file('ed.pem', pem(ed)), certFile }, 'EC key'],
    [{ keyFile: await file('other.pem', pem(ec())), certFile }, 'certificate of the key'],
    [{ keyFile, certFile: await file('words.crt', 'no certificate') }, 'certificate in PEM'],
    [{ keyFile, certFile: await file('old.crt', old) }, 'in force'],
    [{ keyFile, certFile: await file('else.crt', elsewhere), mode: 'production' }, 'host of WEIR_PUBLIC_URL'],
    [{ keyFile, certFile, mode: 'production' }, 'by an authority'],
  ]
  for (const [given, words] of cases) expect(await refusal(given)).toContain(words)
})

test('development makes one when it is first asked for, under the same key at every start; production makes none', async () => {
  const first = await (await openDsrKey(options({})))()
  const second = await (await openDsrKey(options({})))()
  expect(first!.privateKey.equals(second!.privateKey)).toBe(true)
  expect(new X509Certificate(first!.certificate).checkHost('weir.example')).toBe('weir.example')
  const other = await (await openDsrKey(options({ tokenKey: createSecretKey(Buffer.alloc(32, 4)) })))()
  expect(other!.privateKey.equals(first!.privateKey)).toBe(false)
  expect(await (await openDsrKey(options({ mode: 'production' })))()).toBeUndefined()
  const byNumber = await (await openDsrKey(options({ publicUrl: 'http://127.0.0.1:8080' })))()
  expect(new X509Certificate(byNumber!.certificate).checkIP('127.0.0.1')).toBe('127.0.0.1')
})
