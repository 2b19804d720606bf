import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Db, openPool } from '../../src/db/pool.ts'
import { subjectId } from '../../src/event/ids.ts'
import { generateKey } from '../../src/keys/key-table.ts'
import { openKeyring } from '../../src/keys/keyring.ts'
import { KEY_CLASSES, type KeyProvider } from '../../src/keys/provider.ts'
import { createKeyset, openFileProvider } from '../../src/keys/providers/file.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'

let directory: string
let provider: KeyProvider
let other: KeyProvider
let database: TestDatabase
let db: Db
let owner: Db

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-keyring-'))
  provider = await keysetNamed('keyset.json')
  other = await keysetNamed('other.json')
})
afterAll(() => rm(directory, { recursive: true }))
beforeEach(async () => {
  database = await createTestDatabase()
  db = openPool({ url: database.appUrl })
  owner = openPool({ url: database.ownerUrl })
})
afterEach(async () => {
  await Promise.all([db.$client.end(), owner.$client.end()])
  await database.drop()
})

test('processes that start at once on an empty database agree on one key epoch', async () => {
  const keyrings = await Promise.all(Array.from({ length: 5 }, () => openKeyring(db, provider)))
  expect(await epochs()).toEqual(['1 active'])
  const subject = subjectId(randomUUID())
  const { wrapped, keys } = keyrings[0]!.createSubjectKey(subject)
  for (const keyring of keyrings) expect(keyring.unwrapSubjectKey(subject, wrapped).key.equals(keys.key)).toBe(true)
})

test('what one start sealed the next one opens', async () => {
  const subject = subjectId(randomUUID())
  const { wrapped, keys } = (await openKeyring(db, provider)).createSubjectKey(subject)
  const later = await openKeyring(db, provider)
  const opened = later.unwrapSubjectKey(subject, wrapped)
  expect(opened.keyVersion).toBe(1)
  expect(opened.group('sealed_order', 'order').equals(keys.group('sealed_order', 'order'))).toBe(true)
  expect(await epochs()).toEqual(['1 active'])
})

test("another database's keyset is refused in one line that says what to do", async () => {
  await openKeyring(db, provider)
  await expect(openKeyring(db, other)).rejects.toMatchObject({
    code: 'keyset-mismatch',
    message: `the keyset in ${other.uri} does not open this database's keys: bring back the one that belongs to it, or put a copy of the keys under it with weir keys restore`,
  })
  expect(await epochs()).toEqual(['1 active'])
})

test('a wrapped key put in the place of another does not open', async () => {
  await openKeyring(db, provider)
  await owner.$client.query(
    `update weir.key set wrapped = (select wrapped from weir.key where class = 'token') where class = 'index'`,
  )
  await expect(openKeyring(db, provider)).rejects.toMatchObject({ code: 'keyset-mismatch' })
})

test('every class has a key of its own, one active, and none can go back or be deleted', async () => {
  const keyring = await openKeyring(db, provider)
  const keys = [keyring.epoch, keyring.pseudonym, keyring.index].map((versions) => versions.active.key)
  const all = [...keys, keyring.dedupeKey, keyring.tombstoneKey, keyring.tokenKey, keyring.auditKey]
  expect(new Set(all.map((key) => key.export().toString('hex'))).size).toBe(7)
  const second = `insert into weir.key (class, kid, state, wrapped) values ('index', 2, 'active', '\\x00')`
  await expect(owner.$client.query(second)).rejects.toThrow('key_one_active')
  await owner.$client.query(`update weir.key set state = 'decrypt-only' where class = 'index'`)
  await expect(owner.$client.query(`update weir.key set state = 'active' where class = 'index'`)).rejects.toThrow(
    'forward',
  )
  await expect(owner.$client.query(`update weir.key set kid = 9 where class = 'index'`)).rejects.toThrow('forward')
  await expect(owner.$client.query('delete from weir.key')).rejects.toThrow('never deleted')
  await expect(owner.$client.query(`update weir.key set state = 'destroyed' where class = 'index'`)).rejects.toThrow()
})

test('a new subject is cached only once it is remembered, and gone once it is forgotten', async () => {
  const keyring = await openKeyring(db, provider)
  const subject = subjectId(randomUUID())
  const { wrapped, keys } = keyring.createSubjectKey(subject)
  expect(keyring.cached(subject, 1)).toBeUndefined()
  keyring.remember(subject, keys)
  expect(keyring.cached(subject, 1)).toBe(keys)
  keyring.forget(subject)
  keyring.unwrapSubjectKey(subject, wrapped)
  expect(keyring.cached(subject, 1)).toBeUndefined()
})

test('a row of one subject does not open for another', async () => {
  const keyring = await openKeyring(db, provider)
  const { wrapped } = keyring.createSubjectKey(subjectId(randomUUID()))
  expect(() => keyring.unwrapSubjectKey(subjectId(randomUUID()), wrapped)).toThrow('authentication')
})

test('after a roll of the epoch new keys go under the new one, old ones open until it is destroyed', async () => {
  const keyring = await openKeyring(db, provider)
  const subject = subjectId(randomUUID())
  const { wrapped } = keyring.createSubjectKey(subject)
  const key = await provider.wrap(Buffer.alloc(32, 5), { class: 'key-epoch', kid: '2' })
  await owner.$client.query(`update weir.key set state = 'decrypt-only' where class = 'epoch'`)
  await owner.$client.query(`insert into weir.key (class, kid, wrapped, state) values ('epoch', 2, $1, 'active')`, [
    key,
  ])
  expect(await keyring.refresh()).toBe(true)
  expect(await keyring.refresh()).toBe(false)
  expect(keyring.createSubjectKey(subject).wrapped.readUInt32BE(2)).toBe(2)
  expect(keyring.unwrapSubjectKey(subject, wrapped).keyVersion).toBe(1)
  expect(keyring.rewrapSubjectKey(subject, wrapped)!.readUInt32BE(2)).toBe(2)
  await destroyEpoch(1)
  await keyring.refresh()
  expect(() => keyring.unwrapSubjectKey(subject, wrapped)).toThrow('key epoch 1 is not open here')
  await expect(insertSubjectKey(subject, wrapped)).rejects.toMatchObject({ code: 'WK001' })
})

test('a database without an active epoch does not start', async () => {
  await openKeyring(db, provider)
  await owner.$client.query(`update weir.key set state = 'decrypt-only' where class = 'epoch'`)
  await expect(openKeyring(db, provider)).rejects.toMatchObject({ code: 'key-inactive' })
})

test('a database that has subject keys but lost its keys does not start with new ones', async () => {
  const subject = subjectId(randomUUID())
  const { wrapped } = (await openKeyring(db, provider)).createSubjectKey(subject)
  await insertSubjectKey(subject, wrapped)
  await owner.$client.query('truncate weir.key')
  await expect(openKeyring(db, provider)).rejects.toMatchObject({ code: 'key-inactive' })
  expect(await epochs()).toEqual([])
})

test('a key that is pending is open already, and nothing is read or written by it before it is active', async () => {
  const keyring = await openKeyring(db, provider)
  const kids = (): number[] => keyring.index.readable.map(({ kid }) => kid)
  const wrapped = await provider.wrap(Buffer.alloc(32, 5), { class: 'index', kid: '2' })
  await owner.$client.query(`insert into weir.key (class, kid, wrapped, state) values ('index', 2, $1, 'pending')`, [
    wrapped,
  ])
  await keyring.refresh()
  expect([kids(), keyring.index.active.kid]).toEqual([[1], 1])
  await owner.$client.query(`update weir.key set state = 'decrypt-only' where class = 'index' and kid = 1`)
  await owner.$client.query(`update weir.key set state = 'active' where class = 'index' and kid = 2`)
  await keyring.refresh()
  expect([kids(), keyring.index.active.kid]).toEqual([[2, 1], 2])
})

test('a keyset from before keys lay in the database gives its keys to it once, also beside subject keys', async () => {
  const first = await openKeyring(db, provider)
  const subject = subjectId(randomUUID())
  await insertSubjectKey(subject, first.createSubjectKey(subject).wrapped)
  // As the version before left it: the epoch in the database, every other root in the file.
  const classes = KEY_CLASSES.filter((one) => one !== 'epoch')
  const roots = new Map(classes.map((keyClass) => [keyClass, { kid: 1, key: generateKey() }]))
  await owner.$client.query(`alter table weir.key disable trigger user`)
  await owner.$client.query(`delete from weir.key where class <> 'epoch'`)
  await owner.$client.query(`alter table weir.key enable trigger user`)
  await expect(openKeyring(db, provider)).rejects.toMatchObject({ code: 'key-inactive' })
  const taken = await openKeyring(db, { ...provider, inherited: roots })
  expect(taken.pseudonym.active.key.equals(roots.get('pseudonym')!.key)).toBe(true)
  expect(taken.tokenKey.equals(roots.get('token')!.key)).toBe(true)
  const later = await openKeyring(db, provider) // the file is not asked again
  expect(later.index.active.key.equals(roots.get('index')!.key)).toBe(true)
  expect(later.unwrapSubjectKey(subject, await wrappedOf(subject)).keyVersion).toBe(1)
})

async function wrappedOf(subject: string): Promise<Buffer> {
  const text = 'select wrapped from weir.subject_key where subject_id = $1'
  return (await db.$client.query<{ wrapped: Buffer }>(text, [subject])).rows[0]!.wrapped
}

async function insertSubjectKey(subject: string, wrapped: Buffer): Promise<void> {
  const text = 'insert into weir.subject_key (subject_id, key_version, wrapped) values ($1, 1, $2)'
  await db.$client.query(text, [subject, wrapped])
}

async function destroyEpoch(kid: number): Promise<void> {
  await owner.$client.query(
    `update weir.key set state = 'destroyed', wrapped = null, destroyed_at = clock_timestamp() where class = 'epoch' and kid = $1`,
    [kid],
  )
}

async function epochs(): Promise<string[]> {
  const { rows } = await db.$client.query<{ kid: number; state: string }>(
    `select kid, state from weir.key where class = 'epoch'`,
  )
  return rows.map(({ kid, state }) => `${kid} ${state}`)
}

async function keysetNamed(name: string): Promise<KeyProvider> {
  const location = { path: join(directory, name), passphrase: 'a passphrase for tests' }
  await createKeyset({ ...location, mode: 'development', kdf: { m: 19_456, t: 2, p: 1 } })
  return openFileProvider(location)
}
