import { chmod, chown, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import { initKeys } from '../../../src/keys/init.ts'
import type { KeyProvider } from '../../../src/keys/provider.ts'
import { createKeyset, openFileProvider, readPassphrase, resealKeyset } from '../../../src/keys/providers/file.ts'

// The files lie in a directory of their own; argon2id runs at its floor, which takes about 30 ms a time.
const kdf = { m: 19_456, t: 2, p: 1 }
const passphrase = 'a passphrase for tests'
let directory: string
let path: string
let whole: Buffer

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-keys-'))
  path = join(directory, 'keyset.json')
  await createKeyset({ path, passphrase, mode: 'development', kdf })
  whole = await readFile(path)
})
afterAll(() => rm(directory, { recursive: true }))

test('a keyset opens what it wrapped each time, another keyset does not, and no byte of a root stands in the file', async () => {
  const other = join(directory, 'other.json')
  await createKeyset({ path: other, passphrase, mode: 'development', kdf })
  const [a, b, c] = await Promise.all([path, path, other].map((p) => openFileProvider({ path: p, passphrase })))
  const wrapped = await a!.wrap(Buffer.alloc(32, 1), { class: 'index', kid: '1' })
  expect(await b!.unwrap(wrapped, { class: 'index', kid: '1' })).toEqual(Buffer.alloc(32, 1))
  await expect(c!.unwrap(wrapped, { class: 'index', kid: '1' })).rejects.toThrow('authentication')
  expect(a!.rootVersion(wrapped)).toBe('1')
})

test('a new version of the root is found by a process that was there before, and an old one destroyed for both', async () => {
  const rolled = join(directory, 'rolled.json')
  await createKeyset({ path: rolled, passphrase, mode: 'development', kdf })
  const [a, b] = await Promise.all([rolled, rolled].map((p) => openFileProvider({ path: p, passphrase })))
  const context = { class: 'key-epoch', kid: '1' }
  const old = await a!.wrap(Buffer.alloc(32, 1), context)
  expect(await a!.rotate()).toBe('2')
  const wrapped = await a!.wrap(Buffer.alloc(32, 2), context)
  expect(await b!.unwrap(wrapped, context)).toEqual(Buffer.alloc(32, 2))
  expect(await b!.unwrap(old, context)).toEqual(Buffer.alloc(32, 1))
  await a!.destroy('1')
  await a!.destroy('1')
  await expect(a!.unwrap(old, context)).rejects.toMatchObject({ code: 'key-root-destroyed' })
  const c = await openFileProvider({ path: rolled, passphrase })
  await expect(c.unwrap(old, context)).rejects.toMatchObject({ code: 'key-root-destroyed' })
  await expect(c.destroy('2')).rejects.toMatchObject({ code: 'key-root-in-use' })
  expect((await stat(rolled)).mode & 0o777).toBe(0o600)
})

test('what is wrapped opens in its context only, and with no bit changed', async () => {
  const provider = await openFileProvider({ path, passphrase })
  const key = Buffer.alloc(32, 9)
  const context = { class: 'key-epoch', kid: '1' }
  const wrapped = await provider.wrap(key, context)
  expect((await provider.unwrap(wrapped, context)).equals(key)).toBe(true)
  for (const other of [{}, { class: 'key-epoch' }, { ...context, kid: '2' }, { ...context, more: '' }]) {
    await expect(provider.unwrap(wrapped, other)).rejects.toThrow('authentication')
  }
  for (let bit = 0; bit < wrapped.length * 8; bit++) {
    await expect(provider.unwrap(flipped(wrapped, bit), context), `bit ${bit}`).rejects.toThrow()
  }
  await expect(provider.health()).resolves.toBeUndefined()
})

test('the file holds JSON with argon2id parameters and is 0600 from its first moment', async () => {
  const { kdf: stored, ...rest } = JSON.parse(whole.toString('utf8'))
  expect({ ...stored, salt: 22 }).toEqual({ alg: 'argon2id', ...kdf, salt: stored.salt.length })
  expect(Object.keys(rest)).toEqual(['v', 'aead', 'nonce', 'ct'])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('a wrong passphrase is said in one line', async () => {
  await refused({ path, passphrase: 'another passphrase!' }, 'keyset-passphrase', /passphrase is wrong or the file was/)
})

test('no byte of the file can be changed without being noticed', async () => {
  for (let at = 0; at < whole.length - 1; at += 7) {
    const opened = await openChanged(flipped(whole, at * 8 + 1)).catch((error: unknown) => error)
    expect(opened, `byte ${at}`).toBeInstanceOf(AppError)
  }
})

test('bytes in base64url have one form: unused bits of the last character are zero', async () => {
  const text = whole.toString('utf8')
  const salt: string = JSON.parse(text).kdf.salt
  const last = salt.at(-1)! // 16 bytes leave 4 unused bits: one of A, Q, g, w
  const changed = text.replace(salt, salt.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1))
  await expect(openChanged(Buffer.from(changed))).rejects.toMatchObject({ code: 'keyset-damaged' })
})

test('a file cut anywhere is called damaged', async () => {
  for (const length of [0, 1, 40, whole.length >> 1, whole.length - 3]) {
    await expect(openChanged(whole.subarray(0, length))).rejects.toMatchObject({ code: 'keyset-damaged' })
  }
})

test.each([
  ['an unknown version', { v: 2 }, 'keyset-version'],
  ['another cipher', { aead: 'A128GCM' }, 'keyset-damaged'],
  ['a field that nobody knows', { extra: 1 }, 'keyset-damaged'],
  ['too little memory', { kdf: { m: 19_455 } }, 'keyset-parameters'],
  ['one pass', { kdf: { t: 1 } }, 'keyset-parameters'],
  ['all the memory of the machine', { kdf: { m: 4_194_304 } }, 'keyset-parameters'],
  ['passes without end', { kdf: { t: 1_000_000 } }, 'keyset-parameters'],
  ['lanes without end', { kdf: { p: 1_000 } }, 'keyset-parameters'],
  ['other parameters within the limits', { kdf: { m: 20_000 } }, 'keyset-passphrase'],
])('refused: a keyset with %s', async (_what, change: object, code) => {
  const file = JSON.parse(whole.toString('utf8'))
  const kdfChange = 'kdf' in change ? (change.kdf as object) : {}
  const changed = { ...file, ...change, kdf: { ...file.kdf, ...kdfChange } }
  await expect(openChanged(Buffer.from(JSON.stringify(changed)))).rejects.toMatchObject({ code })
})

test.skipIf(process.platform === 'win32')('a keyset or passphrase open to other users is refused', async () => {
  const secret = join(directory, 'passphrase')
  await writeFile(secret, `${passphrase}\n`, { mode: 0o600 })
  expect((await readPassphrase(secret)).toString()).toBe(passphrase)
  for (const mode of [0o640, 0o604, 0o620, 0o666]) {
    await chmod(secret, mode)
    await expect(readPassphrase(secret)).rejects.toMatchObject({ code: 'secret-file-mode' })
    await chmod(path, mode)
    await refused({ path, passphrase }, 'secret-file-mode', /chmod 600 it$/)
  }
  await chmod(path, 0o600)
})

test.skipIf(process.geteuid?.() !== 0)('a keyset of another user is refused', async () => {
  await chown(path, 65_534, 65_534)
  await refused({ path, passphrase }, 'secret-file-owner', /chown it/)
  await chown(path, 0, 0)
})

test('a keyset that is not there is named', async () => {
  await refused({ path: join(directory, 'none.json'), passphrase }, 'secret-file-missing', /none\.json does not exist$/)
})

test('short passphrases and weak parameters seal nothing', async () => {
  const target = join(directory, 'weak.json')
  const make = (with_: { passphrase?: string; kdf?: typeof kdf }): Promise<string> =>
    createKeyset({ path: target, passphrase, mode: 'development', kdf, ...with_ })
  await expect(make({ passphrase: 'fifteen bytes..' })).rejects.toMatchObject({ code: 'keyset-passphrase-short' })
  await expect(make({ kdf: { ...kdf, m: 8 } })).rejects.toMatchObject({ code: 'keyset-parameters' })
  expect(await readdir(directory)).not.toContain('weak.json')
})

test('a keyset is never replaced by a new one', async () => {
  expect(await createKeyset({ path, passphrase: 'some other passphrase', mode: 'production', kdf })).toBe('exists')
  await expect(initKeys({ path, passphrase, kdf })).rejects.toMatchObject({ kind: 'conflict', code: 'keyset-exists' })
  expect((await readFile(path)).equals(whole)).toBe(true)
  expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('sealed anew under another passphrase it holds the same root', async () => {
  const target = join(directory, 'resealed.json')
  await initKeys({ path: target, passphrase, kdf })
  const before = await openFileProvider({ path: target, passphrase })
  const wrapped = await before.wrap(Buffer.alloc(32, 1), { class: 'index' })
  await resealKeyset({ path: target, passphrase, newPassphrase: 'the next passphrase', kdf })
  const after = await openFileProvider({ path: target, passphrase: 'the next passphrase' })
  expect(await after.unwrap(wrapped, { class: 'index' })).toEqual(Buffer.alloc(32, 1))
  await refused({ path: target, passphrase }, 'keyset-passphrase', /passphrase is wrong/)
})

async function openChanged(bytes: Buffer): Promise<KeyProvider> {
  const changed = join(directory, 'changed.json')
  await writeFile(changed, bytes, { mode: 0o600 })
  return openFileProvider({ path: changed, passphrase })
}

async function refused(location: { path: string; passphrase: string }, code: string, message: RegExp): Promise<void> {
  const error: unknown = await openFileProvider(location).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(AppError)
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
  expect(String(error)).not.toMatch(/\n/)
  expect(String(error)).not.toContain(location.passphrase)
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[bit >> 3]! ^= 1 << (bit & 7)
  return changed
}

test('an older copy put in the place of the keyset is refused, and nothing is written over it', async () => {
  const place = join(directory, 'replaced.json')
  await createKeyset({ path: place, passphrase, mode: 'development', kdf })
  const older = await readFile(place)
  const provider = await openFileProvider({ path: place, passphrase })
  await provider.rotate()
  const newest = await readFile(place)
  const context = { class: 'key-epoch', kid: '2' }
  const wrapped = await provider.wrap(Buffer.alloc(32, 2), context)
  await writeFile(place, older)
  await expect(provider.rotate()).rejects.toMatchObject({ code: 'keyset-older' })
  await expect(provider.destroy('1')).rejects.toMatchObject({ code: 'keyset-older' })
  expect(await readFile(place)).toEqual(older)
  // A version that another process made in the older copy has the number of one that is known.
  const misled = await openFileProvider({ path: place, passphrase })
  await misled.rotate()
  await expect(provider.rotate()).rejects.toMatchObject({ code: 'keyset-older' })
  await writeFile(place, newest)
  expect(await provider.rotate()).toBe('3')
  expect(await provider.unwrap(wrapped, context)).toEqual(Buffer.alloc(32, 2))
})

test('a version that the disk did not take wraps nothing, and one that another process makes is found', async () => {
  const short = join(directory, 'full.json')
  const place = join(directory, `${'f'.repeat(245)}.json`) // beside it no temporary file has room for its name
  await createKeyset({ path: short, passphrase, mode: 'development', kdf })
  await rename(short, place)
  const provider = await openFileProvider({ path: place, passphrase })
  await expect(provider.rotate()).rejects.toMatchObject({ code: 'keyset-unwritable' })
  const context = { class: 'key-epoch', kid: '1' }
  expect(provider.rootVersion(await provider.wrap(Buffer.alloc(32, 1), context))).toBe('1')
  await expect(provider.destroy('1')).rejects.toMatchObject({ code: 'key-root-in-use' })
})
