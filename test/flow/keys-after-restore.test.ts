import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { backupKeys, restoreKeys } from '../../src/keys/backup.ts'
import { destroyKeys } from '../../src/keys/destroy.ts'
import { readKeys } from '../../src/keys/key-table.ts'
import { openKeyring } from '../../src/keys/keyring.ts'
import { openFileProvider } from '../../src/keys/providers/file.ts'
import { type KeyDeps, rollKey } from '../../src/keys/roll.ts'
import { keepKeys } from '../../src/keys/schedule.ts'
import { createTestApp, type TestApp, track } from '../support/test-app.ts'

const DAY_MS = 86_400_000
const TIMES = { epochDays: 30, backupDays: 35, keyBackupDays: 35, overlapDays: 7 }

let weir: TestApp
let folder: string
let shift = 0
let deps: KeyDeps

beforeAll(async () => {
  weir = await createTestApp()
  folder = await mkdtemp(join(tmpdir(), 'weir-restored-'))
  deps = { db: weir.db, provider: weir.keys, keyring: weir.keyring, now: () => Date.now() + shift, actor: 'cli' }
  await weir.grant('ann', 'personalisation')
  await weir.send(track('ann', 'Product Viewed', { product_id: 'tea' }))
})
afterAll(async () => {
  await weir.stop()
  await rm(folder, { recursive: true })
})

test('after a copy of the keys was put back the schedule goes on, and every epoch is destroyed in its time', async () => {
  await rollKey(deps, 'epoch')
  const path = join(folder, 'keys.json')
  const copies = { db: weir.db, provider: weir.keys, now: deps.now, dataDir: join(folder, 'data') }
  const passphrase = Buffer.from('a passphrase for recovery')
  await backupKeys(copies, path, { passphrase, kdf: { m: 19_456, t: 2, p: 1 } }, 35)
  await restoreKeys(copies, path, { passphrase }) // both epochs are under one version of the root now
  const seen: unknown[] = []
  for (let day = 0; day < 140; day++) {
    shift += DAY_MS
    const { epoch, destroyed } = await keepKeys(deps, TIMES)
    if (epoch !== undefined) seen.push(`epoch ${epoch} began`)
    for (const name of destroyed) seen.push(`${name} destroyed`)
  }
  expect(seen).toContain('epoch 5 began')
  const epochs = (await readKeys(weir.db)).filter((row) => row.class === 'epoch')
  for (const row of epochs.filter(({ kid }) => kid <= 3)) {
    expect(row).toMatchObject({ state: 'destroyed', unrecoverable_at: expect.any(Date) })
  }
  await openKeyring(weir.db, await openFileProvider(weir.keyset))
})

test('an epoch whose version of the root wraps another one still is not called destroyed for good', async () => {
  const before = (await readKeys(weir.db)).filter((row) => row.class === 'epoch' && row.state === 'decrypt-only')
  const path = join(folder, 'again.json')
  const copies = { db: weir.db, provider: weir.keys, now: deps.now, dataDir: join(folder, 'data') }
  const passphrase = Buffer.from('a passphrase for recovery')
  await rollKey(deps, 'epoch')
  await backupKeys(copies, path, { passphrase, kdf: { m: 19_456, t: 2, p: 1 } }, 35)
  await restoreKeys(copies, path, { passphrase })
  await expect(destroyKeys(deps, 'epoch', before[0]!.kid)).rejects.toMatchObject({ code: 'key-in-use' })
  const row = (await readKeys(weir.db)).find(({ class: name, kid }) => name === 'epoch' && kid === before[0]!.kid)
  expect(row).toMatchObject({ state: 'destroyed', unrecoverable_at: null })
})
