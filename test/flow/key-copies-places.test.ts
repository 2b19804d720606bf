import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { explained } from '../../src/db/explained.ts'
import { backupKeys, verifyBackup } from '../../src/keys/backup.ts'
import type { JWK, SealTo } from '../../src/keys/backup-file.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

const sealTo: SealTo = { passphrase: Buffer.from('the recovery passphrase'), kdf: { m: 19_456, t: 2, p: 1 } }

let folder: string
let dataDir: string
let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp()
  folder = await mkdtemp(join(tmpdir(), 'weir-places-'))
  dataDir = join(folder, 'data')
  await mkdir(join(dataDir, 'below'), { recursive: true })
  await mkdir(join(folder, 'elsewhere', 'cluster'), { recursive: true })
  await symlink(join(folder, 'elsewhere'), join(dataDir, 'postgres'))
  await symlink(join(dataDir, 'below'), join(folder, 'link'))
  await symlink(dataDir, join(folder, 'alias'))
  await symlink(join(folder, 'gone.json'), join(folder, 'dangling.json'))
})
afterAll(async () => {
  await weir.stop()
  await rm(folder, { recursive: true })
})

const deps = (dir = dataDir) => ({ db: weir.db, provider: weir.keys, now: Date.now, dataDir: dir })

async function listed(): Promise<number> {
  const { rows } = await weir.owner.$client.query<{ n: number }>('select count(*)::int as n from weir.key_backup')
  return rows[0]!.n
}

test.each([
  ['through a link into it', 'link/keys.json', 'data'],
  ['where the data directory itself is named by a link', 'data/keys.json', 'alias'],
  ['beside the cluster, which lies behind a link', 'elsewhere/cluster/keys.json', 'data'],
  ['up and down again', 'elsewhere/../data/keys.json', 'data'],
  ['in a folder that is not there', 'none/keys.json', 'data'],
])('a copy is not made in the data directory %s, and none is listed', async (_how, file, dir) => {
  const path = `${folder}/${file}`
  await expect(backupKeys(deps(join(folder, dir)), path, sealTo, 35)).rejects.toMatchObject({
    code: 'key-backup-place',
  })
  expect(existsSync(path)).toBe(false)
  expect(await listed()).toBe(0)
})

test('nothing is written through a link that leads nowhere', async () => {
  await expect(backupKeys(deps(), join(folder, 'dangling.json'), sealTo, 35)).rejects.toMatchObject({
    code: 'key-backup-exists',
  })
  expect(await listed()).toBe(0)
})

test('a copy that cannot be read is said to be that, and not a database that is away', async () => {
  const verifying = (path: string) => explained(() => verifyBackup(deps(), path, { passphrase: Buffer.alloc(20) }))
  await expect(verifying(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'key-backup-missing' })
  await expect(verifying(folder)).rejects.toMatchObject({ code: 'key-backup-missing' })
})

const jwk = (type: 'ec' | 'x25519', curve: string) => {
  const pair = type === 'ec' ? generateKeyPairSync('ec', { namedCurve: curve }) : generateKeyPairSync('x25519')
  return { pub: pair.publicKey.export({ format: 'jwk' }) as JWK, prv: pair.privateKey.export({ format: 'jwk' }) as JWK }
}

test.each([
  ['an octet key', { kty: 'oct', k: 'QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE' }],
  ['a key of another curve', jwk('ec', 'P-384').pub],
  ['a point of low order', { kty: 'OKP', crv: 'X25519', x: Buffer.alloc(32).toString('base64url') }],
])('%s is refused in one line', async (_what, key) => {
  const path = join(folder, 'sealed.json')
  await expect(backupKeys(deps(), path, { publicKeys: [key] }, 35)).rejects.toMatchObject({ code: 'key-backup' })
  expect(existsSync(path)).toBe(false)
})

test('a public key where the private one is asked for is told from a wrong one', async () => {
  const officer = jwk('x25519', '')
  const path = join(folder, 'officers.json')
  await backupKeys(deps(), path, { publicKeys: [officer.pub] }, 35)
  await expect(verifyBackup(deps(), path, { privateKey: officer.pub })).rejects.toThrow('that is a public key')
  await expect(verifyBackup(deps(), path, { privateKey: jwk('ec', 'P-384').prv })).rejects.toThrow('no JWK of')
  await expect(verifyBackup(deps(), path, { privateKey: jwk('ec', 'P-256').prv })).rejects.toThrow('other officers')
  expect((await verifyBackup(deps(), path, { privateKey: officer.prv })).missing).toEqual([])
})
