import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openPool } from '../../src/db/pool.ts'
import {
  backupKeys,
  discardBackup,
  keyBackupAge,
  restoreKeys,
  uncopiedKeys,
  verifyBackup,
} from '../../src/keys/backup.ts'
import { openKeyring } from '../../src/keys/keyring.ts'
import { createKeyset, openFileProvider } from '../../src/keys/providers/file.ts'
import { rollKey } from '../../src/keys/roll.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'
import { createTestDatabase } from '../support/test-database.ts'

const DAY_MS = 86_400_000
const kdf = { m: 19_456, t: 2, p: 1 }
const passphrase = Buffer.from('the recovery passphrase')

let folder: string
let weir: TestApp
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-copies-'))
  weir = await createTestApp({ mode: 'production', delivering: true })
})
afterEach(async () => {
  await weir.stop()
  await rm(folder, { recursive: true })
})

const deps = (now = Date.now()) => ({
  db: weir.db,
  provider: weir.keys,
  now: () => now,
  dataDir: join(folder, 'nowhere'),
})
const copyTo = (path: string) => backupKeys(deps(), path, { passphrase, kdf }, 35)

test('production warns at start without a verified copy, and readyz says so after seven days, staying ready', async () => {
  expect(weir.logged()).toContain('run weir keys backup')
  expect((await weir.app.ready()).checks).toMatchObject({ keyBackup: 'ok' }) // of today, by its keys
  weir.moveClock(8 * DAY_MS)
  const late = await weir.app.ready()
  expect(late.checks.keyBackup).toMatch(/no copy of the keys was verified for 7 days.*weir keys backup$/)
  expect(Object.entries(late.checks).filter(([name, state]) => name !== 'keyBackup' && state !== 'ok')).toEqual([])
  expect(late.ok).toBe(true)
  await backupKeys(deps(Date.now() + 8 * DAY_MS), join(folder, 'keys.json'), { passphrase, kdf }, 35)
  expect((await weir.app.ready()).checks).toMatchObject({ keyBackup: 'ok' })
})

test('a copy that lacks a key in use, or has expired, is none', async () => {
  await copyTo(join(folder, 'keys.json'))
  expect(await keyBackupAge(weir.db, Date.now())).toEqual({ days: 0, found: true })
  expect((await keyBackupAge(weir.db, Date.now() + 36 * DAY_MS)).found).toBe(false)
  const keyring = await openKeyring(weir.db, weir.keys)
  await rollKey({ ...deps(), keyring, actor: 'cli' }, 'epoch')
  expect((await keyBackupAge(weir.db, Date.now())).found).toBe(false)
  const found = await verifyBackup(deps(), join(folder, 'keys.json'), { passphrase })
  expect(found.missing).toEqual(['epoch/2'])
})

test('a file is never replaced, and a name that is taken leaves no copy on the list', async () => {
  await writeFile(join(folder, 'keys.json'), 'something else')
  await expect(copyTo(join(folder, 'keys.json'))).rejects.toMatchObject({ code: 'key-backup-exists' })
  expect(await readFile(join(folder, 'keys.json'), 'utf8')).toBe('something else')
  const { rows } = await weir.owner.$client.query('select from weir.key_backup')
  expect(rows).toHaveLength(0)
})

test('a place that does not take a file leaves no copy on the list, and a deleted one is taken off it', async () => {
  await expect(copyTo(join(folder, 'no', 'such', 'keys.json'))).rejects.toMatchObject({ code: 'key-backup-place' })
  expect((await weir.owner.$client.query('select from weir.key_backup')).rowCount).toBe(0)
  const made = await copyTo(join(folder, 'keys.json'))
  expect(await uncopiedKeys(weir.db, Date.now())).toEqual([])
  await discardBackup(deps(), made.backupId)
  expect(await uncopiedKeys(weir.db, Date.now())).toContain('epoch/1')
  await expect(discardBackup(deps(), made.backupId)).rejects.toMatchObject({ kind: 'not-found' })
  const missing = verifyBackup(deps(), join(folder, 'gone.json'), { passphrase })
  await expect(missing).rejects.toMatchObject({ kind: 'invalid' })
})

test('of a database without keys there is nothing to copy', async () => {
  const empty = await createTestDatabase()
  const db = openPool({ url: empty.ownerUrl })
  try {
    const path = join(folder, 'none.json')
    const made = backupKeys({ ...deps(), db }, path, { passphrase, kdf }, 35)
    await expect(made).rejects.toMatchObject({ code: 'key-backup-empty' })
  } finally {
    await db.$client.end()
    await empty.drop()
  }
})

test("another database's copy is refused before anything is changed", async () => {
  const other = await createTestApp()
  try {
    const path = join(folder, 'other.json')
    await backupKeys({ ...deps(), db: other.db, provider: other.keys }, path, { passphrase, kdf }, 35)
    const before = await weir.owner.$client.query('select class, kid, wrapped from weir.key order by 1, 2')
    await expect(restoreKeys(deps(), path, { passphrase })).rejects.toMatchObject({ code: 'key-backup-foreign' })
    await expect(verifyBackup(deps(), path, { passphrase })).rejects.toMatchObject({ code: 'key-backup-foreign' })
    const after = await weir.owner.$client.query('select class, kid, wrapped from weir.key order by 1, 2')
    expect(after.rows).toEqual(before.rows)
  } finally {
    await other.stop()
  }
})

test('every byte of a copy is guarded: what is changed anywhere does not open', async () => {
  const path = join(folder, 'keys.json')
  await copyTo(path)
  const whole = await readFile(path)
  for (let at = 1; at < whole.length; at += 97) {
    const changed = Buffer.from(whole)
    changed[at] = changed[at]! ^ 0x01
    if (JSON.stringify(parsed(changed)) === JSON.stringify(parsed(whole))) continue // a blank of the layout
    await writeFile(join(folder, 'changed.json'), changed, { mode: 0o600 })
    await expect(verifyBackup(deps(), join(folder, 'changed.json'), { passphrase }), `byte ${at}`).rejects.toThrow()
  }
  await expect(verifyBackup(deps(), path, { passphrase: Buffer.from('another passphrase') })).rejects.toMatchObject({
    code: 'keyset-passphrase',
  })
})

test('the keys are put under another root, and everything opens with it alone', async () => {
  const path = join(folder, 'keys.json')
  await weir.grant('ann', 'personalisation')
  await copyTo(path)
  const location = { path: join(folder, 'new-root.json'), passphrase: 'the passphrase of a new root' }
  await createKeyset({ ...location, mode: 'development', kdf })
  const provider = await openFileProvider(location)
  await expect(openKeyring(weir.db, provider)).rejects.toMatchObject({ code: 'keyset-mismatch' })
  const put = await restoreKeys({ ...deps(), provider }, path, { passphrase })
  expect(put.same).toHaveLength(7)
  const keyring = await openKeyring(weir.db, provider)
  expect(keyring.index.active.key.equals(weir.keyring.index.active.key)).toBe(true)
  const { rows } = await weir.owner.$client.query<{ subject_id: string; wrapped: Buffer }>(
    'select subject_id, wrapped from weir.subject_key',
  )
  expect(rows.length).toBeGreaterThan(0)
  for (const row of rows) expect(keyring.unwrapSubjectKey(row.subject_id as never, row.wrapped).keyVersion).toBe(1)
})

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
