import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureDevelopmentKeys } from '../../../src/keys/development.ts'
import { initKeys } from '../../../src/keys/init.ts'
import { keysetPath, openKeyProvider } from '../../../src/keys/open.ts'
import { openFileProvider } from '../../../src/keys/providers/file.ts'
import { replaceSecretFile } from '../../../src/keys/secret-file.ts'

const CONTEXT = { class: 'index', kid: '1' }
const kdf = { m: 19_456, t: 2, p: 1 }
let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir start 100% '))
})
afterEach(() => rm(directory, { recursive: true }))

test('development makes its keys once, for its own user alone, and finds them again', async () => {
  const made = await ensureDevelopmentKeys(directory, { kdf })
  const found = await ensureDevelopmentKeys(directory, { kdf })
  expect([made.created, found.created]).toEqual([true, false])
  expect(found.path).toBe(join(directory, 'keys', 'keyset.json'))
  expect((await stat(join(directory, 'keys'))).mode & 0o777).toBe(0o700)
  expect((await stat(join(directory, 'keys', 'passphrase'))).mode & 0o777).toBe(0o600)
  const [a, b] = await Promise.all([openFileProvider(made), openFileProvider(found)])
  expect(await b.unwrap(await a.wrap(Buffer.alloc(32, 1), CONTEXT), CONTEXT)).toEqual(Buffer.alloc(32, 1))
})

test('processes that start at once all get the same keys', async () => {
  const all = await Promise.all(Array.from({ length: 6 }, () => ensureDevelopmentKeys(directory, { kdf })))
  expect(all.filter(({ created }) => created)).toHaveLength(1)
  const [first, ...others] = await Promise.all(all.map((made) => openFileProvider(made)))
  const wrapped = await first!.wrap(Buffer.alloc(32, 1), CONTEXT)
  for (const other of others) expect(await other.unwrap(wrapped, CONTEXT)).toEqual(Buffer.alloc(32, 1))
  expect((await readdir(join(directory, 'keys'))).sort()).toEqual(['keyset.json', 'passphrase'])
})

test('a development keyset whose passphrase is gone is said, not replaced', async () => {
  const { path } = await ensureDevelopmentKeys(directory, { kdf })
  const before = await readFile(path)
  await unlink(join(directory, 'keys', 'passphrase'))
  await expect(ensureDevelopmentKeys(directory, { kdf })).rejects.toThrow(/is there but its passphrase .* is not/)
  expect((await readFile(path)).equals(before)).toBe(true)
})

test('production makes no key by itself and says which command does', async () => {
  const passphraseFile = join(directory, 'passphrase')
  await writeFile(passphraseFile, 'a passphrase for tests\n', { mode: 0o600 })
  const settings = { uri: `file:${directory}`, passphraseFile, mode: 'production' } as const
  await expect(openKeyProvider(settings)).rejects.toThrow(/does not exist: restore it, or make one .* weir keys init$/)
  await expect(openKeyProvider({ ...settings, passphraseFile: undefined })).rejects.toThrow(/WEIR_KEYS_PASSPHRASE_FILE/)
  expect(await readdir(directory)).toEqual(['passphrase'])
  await initKeys({ path: keysetPath(settings.uri), passphrase: 'a passphrase for tests', kdf })
  expect((await openKeyProvider(settings)).uri).toBe(`file:${join(directory, 'keyset.json')}`)
})

test('a process killed between writing and renaming leaves the old keyset whole', async () => {
  const path = join(directory, 'keyset.json')
  await replaceSecretFile(path, Buffer.from('old'))
  // The child's rename kills it: everything before it has happened, nothing after.
  const script = `
    import promises from 'node:fs/promises'
    import { syncBuiltinESMExports } from 'node:module'
    promises.rename = () => process.kill(process.pid, 'SIGKILL')
    syncBuiltinESMExports()
    const { replaceSecretFile } = await import(${JSON.stringify(new URL('../../../src/keys/secret-file.ts', import.meta.url).href)})
    await replaceSecretFile(${JSON.stringify(path)}, Buffer.from('new'))`
  const killed = await new Promise<string | null | undefined>((resolve) => {
    execFile(process.execPath, ['--input-type=module', '--eval', script], (error) => resolve(error?.signal))
  })
  expect(killed).toBe('SIGKILL')
  const left = await readdir(directory)
  expect(left.filter((name) => name.endsWith('.tmp'))).toHaveLength(1)
  expect(await readFile(path, 'utf8')).toBe('old')
  await replaceSecretFile(path, Buffer.from('newer'))
  expect(await readFile(path, 'utf8')).toBe('newer')
})
