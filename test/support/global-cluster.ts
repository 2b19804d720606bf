import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../src/db/migrate.ts'
import { openPool } from '../../src/db/pool.ts'
import { makeDataDir, removeAbandonedRuns } from './data-dir.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Home of a migrated, stopped cluster: a station begins with a copy, where it is not to be empty. */
    clusterTemplate: string
  }
}

/** One cluster, made and migrated once: initdb and the migrations in every station took longer than what it is for. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeAbandonedRuns()
  const data = await makeDataDir()
  const server = await data.start()
  const owner = openPool({ url: server.ownerUrl, max: 1 })
  await migrate(owner)
  await owner.$client.end()
  await server.stop()
  project.provide('clusterTemplate', await realpath(join(data.path, 'postgres')))
  return () => data.remove()
}
