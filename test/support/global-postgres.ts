import { existsSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { MIGRATIONS_FOLDER, migrate } from '../../src/db/migrate.ts'
import { openPool } from '../../src/db/pool.ts'
import { makeDataDir, removeAbandonedRuns } from './data-dir.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Connection strings of the run's cluster, to the database that test databases are cloned from. */
    postgres: { superuserUrl: string; ownerUrl: string; appUrl: string }
  }
}

/** One Postgres for the whole run, in a temporary folder, migrated once into the template that test files clone. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeAbandonedRuns()
  const data = await makeDataDir()
  const server = await data.start()
  const template = (url: string): string => url.replace(/\/[^/]+$/, '/weir_template')
  const urls = {
    superuserUrl: server.superuserUrl,
    ownerUrl: template(server.ownerUrl),
    appUrl: template(server.appUrl),
  }
  await makeTemplate(urls)
  project.provide('postgres', urls)
  return () => data.remove()
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
