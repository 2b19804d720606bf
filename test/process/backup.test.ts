import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { backup, refuseServer } from '../../src/db/backup.ts'
import { restore } from '../../src/db/restore.ts'
import { type DataDir, makeDataDir, testLog } from '../support/data-dir.ts'
import { until } from '../support/until.ts'

const progress = (): void => undefined
let source: DataDir
let target: DataDir
let dir: string

beforeEach(async () => {
  source = await makeDataDir()
  target = await makeDataDir()
  dir = join(dirname(target.path), 'copy')
})
afterEach(async () => {
  await source.remove()
  await target.remove()
})

test('a backup taken while rows are written opens with every row that was committed before it ended', async () => {
  const server = await source.start({ durable: true })
  const writer = await startWriting(server.ownerUrl)
  await until('rows are being written', () => writer.committed() > 20)
  const committedBefore = writer.committed()
  const made = await backup({ dataDir: source.path, to: dir, log: testLog, progress })
  const committedAfter = writer.committed()
  await writer.stop()
  expect(committedAfter).toBeGreaterThan(committedBefore)

  await restore({ from: dir, dataDir: target.path, log: testLog, progress })
  const restored = await target.start()
  const numbers = await committedNumbers(restored.ownerUrl)
  expect(numbers.length).toBeGreaterThanOrEqual(committedBefore)
  expect(numbers).toEqual(numbers.map((_, index) => index + 1)) // a prefix of what was written, without a gap
  expect(made.files).toBeGreaterThan(900)
})

test('a table made during the backup, and one before it, are both whole', async () => {
  const server = await source.start({ durable: true })
  const client = new pg.Client({ connectionString: server.ownerUrl })
  await client.connect()
  await client.query('create table big as select n, md5(n::text) as word from generate_series(1, 200000) n')
  await client.query('create index on big (word)')
  let made = false
  const onProgress = (): void => {
    if (!made) void client.query('create table late as select n from generate_series(1, 50000) n') // awaited by the count below
    made = true
  }
  await backup({ dataDir: source.path, to: dir, log: testLog, progress: onProgress })
  await client.query('select count(*) from late')
  await client.end()
  await restore({ from: dir, dataDir: target.path, log: testLog, progress })
  const restored = await target.start()
  expect((await query(restored.ownerUrl, 'select count(*)::int as rows, max(word) as last from big')).rows).toEqual(
    (await query(server.ownerUrl, 'select count(*)::int as rows, max(word) as last from big')).rows,
  )
  const late = await query(restored.ownerUrl, `select to_regclass('late') is not null as there`)
  if (late.rows[0]?.there === true)
    expect((await query(restored.ownerUrl, 'select count(*)::int as rows from late')).rows).toEqual([{ rows: 50_000 }])
})

test('a backup is for its owner alone and holds no key', async () => {
  await source.start()
  await mkdir(join(source.path, 'keys'))
  await writeFile(join(source.path, 'keys', 'keyset'), 'secret-key-material')
  await backup({ dataDir: source.path, to: dir, log: testLog, progress })
  expect((await stat(dir)).mode & 0o777).toBe(0o700)
  const names = await readdir(dir, { recursive: true, withFileTypes: true })
  for (const name of names.filter((entry) => entry.isFile())) {
    expect((await stat(join(name.parentPath, name.name))).mode & 0o077).toBe(0)
  }
  expect(names.map((name) => name.name)).not.toContain('keyset')
  expect(names.map((name) => name.name)).not.toContain('postmaster.pid')
})

test('a folder that is not empty is refused and left as it is', async () => {
  await source.start()
  await mkdir(dir)
  await writeFile(join(dir, 'mine'), 'text')
  await expect(backup({ dataDir: source.path, to: dir, log: testLog, progress })).rejects.toThrow('is not empty')
  expect(await readdir(dir)).toEqual(['mine'])
})

test('restore refuses a data directory with a database, a changed backup and half a backup', async () => {
  await source.start()
  await backup({ dataDir: source.path, to: dir, log: testLog, progress })
  const into = (dataDir: string): Promise<unknown> => restore({ from: dir, dataDir, log: testLog, progress })
  await expect(into(source.path)).rejects.toThrow('holds a database')

  await writeFile(join(dir, 'cluster', 'stranger'), '')
  await expect(into(target.path)).rejects.toThrow('does not name')
  await rm(join(dir, 'cluster', 'stranger'))

  const control = await readFile(join(dir, 'cluster', 'global', 'pg_control'))
  await writeFile(join(dir, 'cluster', 'global', 'pg_control'), randomBytes(control.length))
  await expect(into(target.path)).rejects.toThrow('not as the backup')
  await writeFile(join(dir, 'cluster', 'global', 'pg_control'), control)

  const manifest = await readFile(join(dir, 'manifest.json'), 'utf8')
  await rm(join(dir, 'manifest.json'))
  await expect(into(target.path)).rejects.toThrow('no whole backup')
  await writeFile(join(dir, 'manifest.json'), manifest.replace('"cluster/PG_VERSION"', '"../PG_VERSION"'))
  await expect(into(target.path)).rejects.toThrow('outside of it')

  expect(await readdir(target.path).catch(() => [])).toEqual([]) // nothing by halves
  await writeFile(join(dir, 'manifest.json'), manifest)
  await into(target.path)
})

test('with a server of their own, people are told to use its tools', () => {
  const secrets = {
    databaseUrl: 'postgres://db.example/weir',
    smtpUrl: undefined,
    keysPassphrase: undefined,
    smsSecret: undefined,
  }
  expect(() => refuseServer(secrets)).toThrow("the provider's own tools")
})

async function startWriting(url: string): Promise<{ committed(): number; stop(): Promise<void> }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('create table written (n int primary key, filler text)')
  let committed = 0
  let on = true
  const writing = (async () => {
    while (on) {
      await client.query(`insert into written values ($1, repeat('x', 2000))`, [committed + 1])
      committed++
    }
  })()
  return {
    committed: () => committed,
    async stop() {
      on = false
      await writing
      await client.end()
    },
  }
}

async function committedNumbers(url: string): Promise<number[]> {
  return (await query(url, 'select n from written order by n')).rows.map((row) => row.n)
}

async function query(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await client.query(text)
  } finally {
    await client.end()
  }
}
