import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findEmbedded, removeData } from '../../src/db/embedded.ts'
import { openPool } from '../../src/db/pool.ts'
import { type DataDir, makeDataDir } from '../support/data-dir.ts'
import { until } from '../support/until.ts'

const isRoot = process.getuid?.() === 0
let data: DataDir

beforeEach(async () => {
  data = await makeDataDir()
})
afterEach(() => data.remove())

test('what was committed is there after a stop and a start, under the same connection strings', async () => {
  const first = await data.start()
  await remember(first.ownerUrl, 'kept')
  await first.stop()
  expect(isAlive(first.pid)).toBe(false)
  const second = await data.start()
  expect(second.ownerUrl).toBe(first.ownerUrl)
  expect(await remembered(second.ownerUrl)).toEqual(['kept'])
})

test('passwords and log are for their owner alone, and the roles are not superusers', async () => {
  const server = await data.start()
  for (const file of ['passwords.json', 'postgres.log']) {
    expect((await stat(join(data.path, 'postgres', file))).mode & 0o777).toBe(0o600)
  }
  const { rows } = await query(
    server.superuserUrl,
    `select rolname, rolsuper, rolinherit, rolcreaterole from pg_roles where rolname in ('weir_owner', 'weir_app') order by 1`,
  )
  expect(rows).toEqual([
    { rolname: 'weir_app', rolsuper: false, rolinherit: false, rolcreaterole: false },
    { rolname: 'weir_owner', rolsuper: false, rolinherit: true, rolcreaterole: true },
  ])
  await expect(query(server.appUrl, 'create table public.mine (id int)')).rejects.toThrow('permission denied')
  const wrong = server.superuserUrl.replace(/:[^:@/]+@/, ':guessed@')
  await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' })
})

test('a killed Postgres is started again with what was committed', async () => {
  const first = await data.start({ durable: true })
  await remember(first.ownerUrl, 'before the kill')
  const pid = first.pid
  process.kill(pid, 'SIGKILL')
  await until('the killed Postgres is back', () => first.pid !== pid)
  expect(await remembered(first.ownerUrl)).toEqual(['before the kill'])
  await first.stop()
})

test('gateway and Postgres killed at once: the next start recovers', async () => {
  const gateway = await startGateway(data.path)
  await remember(gateway.ownerUrl, 'before the kill')
  gateway.process.kill('SIGKILL')
  process.kill(gateway.postgres, 'SIGKILL')
  const second = await data.start()
  expect(second.pid).not.toBe(gateway.postgres)
  expect(await remembered(second.ownerUrl)).toEqual(['before the kill'])
})

test('a killed gateway leaves Postgres alive: the next start adopts it, and its stop stops it', async () => {
  const gateway = await startGateway(data.path)
  gateway.process.kill('SIGKILL')
  await until('the gateway is gone', () => gateway.process.signalCode === 'SIGKILL')
  const second = await data.start()
  expect(second.pid).toBe(gateway.postgres)
  await second.stop()
  expect(isAlive(gateway.postgres)).toBe(false)
})

test('a pid file that names a living stranger does not fool it', async () => {
  const first = await data.start()
  await remember(first.ownerUrl, 'kept')
  const pidFile = join(data.path, 'postgres', 'cluster', 'postmaster.pid')
  const stale = await readFile(pidFile, 'utf8')
  await first.stop()
  const strangers = [process.pid, await startStranger(`${data.path}/postgres/cluster`)]
  for (const pid of strangers) {
    await writeFile(pidFile, stale.replace(/^\d+/, String(pid)))
    expect(await findEmbedded(data.path)).toBeUndefined()
    await writeFile(pidFile, stale.replace(/^\d+/, String(pid)))
    const server = await data.start()
    expect(strangers).not.toContain(server.pid)
    expect(await remembered(server.ownerUrl)).toEqual(['kept'])
    await server.stop()
  }
  expect(isAlive(strangers[1] ?? 0)).toBe(true)
  process.kill(strangers[1] ?? 0, 'SIGKILL')
})

test('two starts at once on an empty directory share one server, and the last to stop stops it', async () => {
  const [one, two] = await Promise.all([data.start(), data.start()])
  expect(one.pid).toBe(two.pid)
  await one.stop()
  expect((await query(two.ownerUrl, 'select 1 as one')).rows).toEqual([{ one: 1 }])
  await two.stop()
  expect(isAlive(two.pid)).toBe(false)
})

test('a port taken meanwhile is exchanged for a free one', async () => {
  const first = await data.start()
  await first.stop()
  const port = Number(new URL(first.ownerUrl).port)
  const taker = createServer().listen(port, '127.0.0.1')
  await until('the port is taken', () => taker.listening)
  const second = await data.start()
  expect(new URL(second.ownerUrl).port).not.toBe(String(port))
  taker.close()
})

test('pools come back by themselves after Postgres died', async () => {
  const server = await data.start()
  const app = openPool({ url: server.appUrl, max: 2 })
  await app.$client.query('select 1')
  const pid = server.pid
  process.kill(pid, 'SIGKILL')
  await until('the pool answers again', async () => {
    const answer = await app.$client.query<{ one: number }>('select 1 as one').catch(() => undefined)
    return server.pid !== pid && answer?.rows[0]?.one === 1
  })
  await app.$client.end()
})

test("no value of a failed statement reaches Postgres' log", async () => {
  const server = await data.start()
  const marker = 'leak-5c1d@example.com'
  await query(server.ownerUrl, `create table once (email text primary key check (email <> 'x'))`)
  await query(server.ownerUrl, 'insert into once values ($1)', [marker])
  await expect(query(server.ownerUrl, 'insert into once values ($1)', [marker])).rejects.toMatchObject({
    code: '23505',
  })
  await expect(query(server.ownerUrl, 'select $1::text::uuid', [marker])).rejects.toMatchObject({ code: '22P02' })
  await expect(query(server.ownerUrl, `select '${marker}'::int`)).rejects.toMatchObject({ code: '22P02' })
  await query(server.ownerUrl, `do $$ begin raise warning '${marker}'; end $$`)
  await server.stop()
  const log = await readFile(join(data.path, 'postgres', 'postgres.log'), 'utf8')
  expect(log).toContain('database system is shut down')
  expect(log).not.toContain(marker)
})

test('a link to a database that is gone is an error, not an empty database', async () => {
  const link = join(data.path, 'postgres')
  await mkdir(data.path, { recursive: true })
  await symlink('/nowhere/at/all', link)
  await expect(data.start()).rejects.toThrow('points to a database that is gone')
  await rm(link)
})

if (!isRoot) console.warn('not root: the start under /root is not tested')
test.skipIf(!isRoot)(
  'under /root it lives in /var/lib/weir, with a link that says so, and nothing is chmod-ed',
  async () => {
    const before = (await stat('/root')).mode
    const hidden = await makeDataDir('/root')
    try {
      const server = await hidden.start()
      await remember(server.ownerUrl, 'kept')
      await server.stop()
      expect(await readlink(join(hidden.path, 'postgres'))).toMatch(/^\/var\/lib\/weir\/[0-9a-f]{16}$/)
      const again = await hidden.start()
      expect(await remembered(again.ownerUrl)).toEqual(['kept'])
      const { uid } = await stat(join(hidden.path, 'postgres', 'cluster'))
      expect(uid).not.toBe(0)
      expect((await stat('/root')).mode).toBe(before)
      await again.stop()
      const place = await readlink(join(hidden.path, 'postgres'))
      await removeData(hidden.path)
      await expect(stat(place)).rejects.toThrow('ENOENT')
    } finally {
      await hidden.remove()
    }
  },
)

async function query(url: string, text: string, values: unknown[] = []): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await client.query(text, values)
  } finally {
    await client.end()
  }
}

async function remember(url: string, word: string): Promise<void> {
  await query(url, 'create table if not exists word (word text)')
  await query(url, 'insert into word values ($1)', [word])
}

async function remembered(url: string): Promise<string[]> {
  return (await query(url, 'select word from word order by word')).rows.map((row) => row.word)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // killed and not yet collected by init is not alive
    return !existsSync(`/proc/${pid}`) || existsSync(`/proc/${pid}/exe`)
  } catch {
    return false
  }
}

/** A process of its own that holds an embedded server, to be killed. */
async function startGateway(dataDir: string): Promise<{ process: ChildProcess; ownerUrl: string; postgres: number }> {
  const root = join(import.meta.dirname, '..', '..')
  const script = `
    const { startEmbedded } = await import(${JSON.stringify(join(root, 'src/db/embedded.ts'))})
    const { createLog } = await import(${JSON.stringify(join(root, 'src/log.ts'))})
    const server = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, log: createLog({ to: 'stderr', level: 'error' }) })
    console.log(JSON.stringify({ ownerUrl: server.ownerUrl, postgres: server.pid }))
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  await until('the gateway process has its server', () => text.includes('\n') || child.exitCode !== null)
  return { process: child, ...JSON.parse(text) }
}

/** A live process whose arguments look much like a postmaster's. */
async function startStranger(files: string): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)', '--', 'postgres', '-D', files], {
    stdio: 'ignore',
  })
  await until('the stranger runs', () => child.pid !== undefined)
  return child.pid ?? 0
}
