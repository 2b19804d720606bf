import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MIGRATIONS_FOLDER, migrate, pendingMigrations } from '../../src/db/migrate.ts'
import { type Db, openPool } from '../../src/db/pool.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'

let database: TestDatabase
let owner: Db
let app: Db

beforeAll(async () => {
  database = await createTestDatabase()
  owner = openPool({ url: database.ownerUrl, max: 3 })
  app = openPool({ url: database.appUrl, max: 1 })
})

afterAll(async () => {
  await owner.$client.end()
  await app.$client.end()
  await database.drop()
})

test('a test database has exactly the migrations of the journal', async () => {
  const journal = JSON.parse(await readFile(join(MIGRATIONS_FOLDER, 'meta', '_journal.json'), 'utf8'))
  const hashes: string[] = []
  for (const { tag } of journal.entries) {
    const text = await readFile(join(MIGRATIONS_FOLDER, `${tag}.sql`), 'utf8')
    hashes.push(createHash('sha256').update(text).digest('hex'))
  }
  const { rows } = await owner.$client.query<{ hash: string }>('select hash from weir.migrations order by id')
  expect(rows.map((row) => row.hash)).toEqual(hashes)
})

test('the gateway, under its own role, sees that nothing is pending', async () => {
  expect(await pendingMigrations(app)).toBe(0)
})

test('migrating again, and twice at once, changes nothing', async () => {
  expect(await Promise.all([migrate(owner), migrate(owner)])).toEqual([0, 0])
})

test('what a folder has beyond the database is pending, applied once by two at once, and then not pending', async () => {
  const folder = await folderWith([{ tag: '9000_one', when: 4_000_000_000_000, sql: 'create table weir.one (id int)' }])
  expect(await pendingMigrations(app, folder)).toBe(1)
  const applied = await Promise.all([migrate(owner, folder), migrate(owner, folder)])
  expect(applied.toSorted((a, b) => a - b)).toEqual([0, 1])
  expect(await pendingMigrations(app, folder)).toBe(0)
  await rm(folder, { recursive: true })
})

test('a migration older than the newest applied one is an error, not skipped', async () => {
  const folder = await folderWith([{ tag: '9001_late', when: 1, sql: 'create table weir.late (id int)' }])
  await expect(migrate(owner, folder)).rejects.toThrow('older than the newest applied')
  await rm(folder, { recursive: true })
})

test('a migration that fails leaves nothing of its run', async () => {
  const sql = 'create table weir.half (id int);\n--> statement-breakpoint\nselect 1/0'
  const folder = await folderWith([{ tag: '9002_fails', when: 4_000_000_000_001, sql }])
  await expect(migrate(owner, folder)).rejects.toThrow()
  const { rows } = await owner.$client.query(`select to_regclass('weir.half') as half`)
  expect(rows).toEqual([{ half: null }])
  await rm(folder, { recursive: true })
})

async function folderWith(migrations: { tag: string; when: number; sql: string }[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-migrations-'))
  await mkdir(join(folder, 'meta'))
  const entries = migrations.map(({ tag, when }, idx) => ({ idx, version: '7', when, tag, breakpoints: true }))
  await writeFile(
    join(folder, 'meta', '_journal.json'),
    JSON.stringify({ version: '7', dialect: 'postgresql', entries }),
  )
  for (const { tag, sql } of migrations) await writeFile(join(folder, `${tag}.sql`), sql)
  return folder
}
