import { chmod, lstat, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { AppError } from '../errors.ts'

/** Where the demo's gateway keeps its data. */
export interface Place {
  readonly dataDir: string
  /** Gone with `remove`; a folder that was asked for stays. */
  readonly temporary: boolean
  remove(): Promise<void>
}

const PREFIX = 'weir-demo-'

/**
 * The asked folder, new (`makeFolder` makes it) or empty, or a temporary one.
 * @throws AppError where the folder has something in it: the demo's people would mix with whoever is in there
 */
export async function makePlace(
  asked: string | undefined,
  makeFolder: (path: string) => Promise<void>,
): Promise<Place> {
  if (asked !== undefined) {
    const dataDir = resolve(asked)
    const found = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw new AppError('invalid', `--data-dir: ${dataDir} cannot be used (${error.code})`)
    })
    if (found.length > 0) throw new AppError('invalid', `--data-dir: ${dataDir} is not empty; name a new folder`)
    await makeFolder(dataDir)
    return { dataDir, temporary: false, remove: async () => undefined }
  }
  await removeAbandoned()
  const folder = await mkdtemp(join(tmpdir(), PREFIX))
  await chmod(folder, 0o711) // started as root, Postgres runs as a user that has to get in
  await writeFile(join(folder, 'run.pid'), String(process.pid))
  return { dataDir: join(folder, 'data'), temporary: true, remove: () => removeFolder(folder) }
}

/** What a demo left that was killed without a word; its gateway has ended since, seeing its parent gone. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue
    const folder = join(tmpdir(), name)
    if (!(await isOurs(folder))) continue
    const owner = Number(await readFile(join(folder, 'run.pid'), 'utf8').catch(() => ''))
    if (owner > 0 && !isAlive(owner) && !isAlive(await postmasterOf(join(folder, 'data')))) {
      await removeFolder(folder).catch(() => undefined) // another user's: theirs to remove
    }
  }
}

/** A folder that this user made and nobody else can write into: what it says may be believed. */
async function isOurs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined)
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0
}

/** Where a gateway keeps a database that Postgres' user could not reach otherwise (src/db/embedded/home.ts). */
const ELSEWHERE = /^\/var\/lib\/weir\/[0-9a-f]{16}$/

async function removeFolder(folder: string): Promise<void> {
  const database = join(folder, 'data', 'postgres')
  // There may be a link to it in its place; a link to anything else is nobody's to follow.
  const place = await readlink(database).catch(() => undefined)
  if (place !== undefined && ELSEWHERE.test(place)) await rm(place, { recursive: true, force: true })
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** Process id of the Postgres that runs there, 0 where none does. */
export async function postmasterOf(dataDir: string): Promise<number> {
  const file = join(dataDir, 'postgres', 'cluster', 'postmaster.pid')
  return Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0])
}

export function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The wished port where nobody listens on it, else a free one. */
export async function choosePort(wished: number): Promise<number> {
  return (await tryPort(wished)) ?? (await tryPort(0)) ?? wished
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(undefined))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : undefined))
    })
  })
}
