import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startEmbedded } from '../../src/db/embedded.ts'
import { MIGRATIONS_FOLDER, migrate } from '../../src/db/migrate.ts'
import { openPool } from '../../src/db/pool.ts'
import { createLog } from '../../src/log.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Connection strings of the run's cluster, to the database that test databases are cloned from. */
    postgres: { superuserUrl: string; ownerUrl: string; appUrl: string }
  }
}

const PREFIX = 'weir-test-'
const log = createLog({ level: 'warn', to: 'stderr' })

/** One Postgres for the whole run, in a temporary folder, migrated once into the template that test files clone. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeAbandonedRuns()
  const folder = await mkdtemp(join(tmpdir(), PREFIX))
  await chmod(folder, 0o711) // under root, Postgres runs as a user that has to get in
  await writeFile(join(folder, 'run.pid'), String(process.pid))
  const server = await startEmbedded({ dataDir: join(folder, 'data'), log, durable: false })
  const template = (url: string): string => url.replace(/\/[^/]+$/, '/weir_template')
  const urls = {
    superuserUrl: server.superuserUrl,
    ownerUrl: template(server.ownerUrl),
    appUrl: template(server.appUrl),
  }
  await makeTemplate(urls)
  project.provide('postgres', urls)
  return async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function makeTemplate(urls: { superuserUrl: string; ownerUrl: string }): Promise<void> {
  const client = new pg.Client({ connectionString: urls.superuserUrl })
  await client.connect()
  await client.query('create database weir_template owner weir_owner')
  await client.end()
  if (!existsSync(join(MIGRATIONS_FOLDER, 'meta', '_journal.json'))) {
    console.warn('drizzle/meta/_journal.json is missing: test databases are empty')
    return
  }
  const owner = openPool({ url: urls.ownerUrl, max: 1 })
  await migrate(owner)
  await owner.$client.end()
}

/** A run that was killed leaves its server and folder: both go when the next run starts. */
async function removeAbandonedRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue
    const folder = join(tmpdir(), name)
    const runner = Number(await readFile(join(folder, 'run.pid'), 'utf8').catch(() => ''))
    if (runner === 0 || isAlive(runner)) continue
    const server = await startEmbedded({ dataDir: join(folder, 'data'), log, durable: false }).catch(() => undefined)
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
