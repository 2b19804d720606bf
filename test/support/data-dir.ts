import { chmod, mkdtemp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
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

/**
 * A data directory of its own for tests that stop, kill and move servers. `within`: another parent than the temporary
 * one. In memory where there is enough: on a disk a fifth of a run's time goes into making and removing small files.
 */
export async function makeDataDir(within?: string): Promise<DataDir> {
  const folder = await mkdtemp(join(within ?? ((await isRoomy(MEMORY)) ? MEMORY : tmpdir()), PREFIX))
  if (within === undefined) await chmod(folder, 0o711) // under root, Postgres runs as a user that has to get in
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

const MEMORY = '/dev/shm'
const ROOM = 8 * 2 ** 30 // bytes

async function isRoomy(place: string): Promise<boolean> {
  const found = await statfs(place).catch(() => undefined)
  return found !== undefined && found.bavail * found.bsize >= ROOM
}

/** A run that was killed leaves servers and folders: they go when the next run starts. */
export async function removeAbandonedRuns(): Promise<void> {
  const places = [tmpdir(), MEMORY]
  const names = await Promise.all(places.map((place) => readdir(place).catch(() => [])))
  for (const folder of places.flatMap((place, i) => names[i]!.map((name) => join(place, name)))) {
    if (!basename(folder).startsWith(PREFIX)) continue
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
