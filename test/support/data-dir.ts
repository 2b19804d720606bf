import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive } from '../../src/db/embedded/process.ts'
import { type Embedded, type EmbeddedOptions, findEmbedded, removeData, startEmbedded } from '../../src/db/embedded.ts'
import { createLog } from '../../src/log.ts'

export const testLog = createLog({ level: 'error', to: 'stderr' })

export interface DataDir {
  readonly path: string
  start(options?: Partial<EmbeddedOptions>): Promise<Embedded>
  /** Stops what still runs there and removes everything, the part in /var/lib/weir too. */
  remove(): Promise<void>
}

const PREFIX = 'weir-test-'

/** A data directory of its own for tests that stop, kill and move servers. `within`: another parent than the temporary one. */
export async function makeDataDir(within: string = tmpdir()): Promise<DataDir> {
  const folder = await mkdtemp(join(within, PREFIX))
  if (within === tmpdir()) await chmod(folder, 0o711) // under root, Postgres runs as a user that has to get in
  await writeFile(join(folder, 'run.pid'), String(process.pid))
  const path = join(folder, 'data')
  const started: Embedded[] = []
  return {
    path,
    async start(options = {}) {
      const server = await startEmbedded({ dataDir: path, log: testLog, durable: false, ...options })
      started.push(server)
      return server
    },
    async remove() {
      for (const server of started) await server.stop()
      await removeFolder(folder)
    },
  }
}

/** A run that was killed leaves servers and folders: they go when the next run starts. */
export async function removeAbandonedRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue
    const folder = join(tmpdir(), name)
    const runner = Number(await readFile(join(folder, 'run.pid'), 'utf8').catch(() => ''))
    if (runner > 0 && !isAlive(runner)) await removeFolder(folder)
  }
}

async function removeFolder(folder: string): Promise<void> {
  const path = join(folder, 'data')
  if ((await findEmbedded(path)) !== undefined) await (await startEmbedded({ dataDir: path, log: testLog })).stop()
  await removeData(path)
  await rm(folder, { recursive: true, force: true })
}
