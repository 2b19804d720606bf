import { createHash } from 'node:crypto'
import { lstat, mkdir, readlink, realpath, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { AppError } from '../../errors.ts'
import { canTraverse, chooseUser, isRoot, type RunAs } from './run-as.ts'

/** Where the embedded cluster lives. `path` need not exist yet; see cluster.ts for what is in it. */
export interface Home {
  readonly path: string
  readonly runAs: RunAs | undefined
}

const VAR_LIB = '/var/lib/weir'
const OF_VAR_LIB = /^\/var\/lib\/weir\/[0-9a-f]{16}$/

/**
 * `postgres` in the data directory; where the user that Postgres runs as cannot get there (root's home), a folder of
 * /var/lib/weir with a link to it in the data directory. Folders of others are never chmod-ed.
 * @throws AppError where the link points to a folder that is gone: an empty database in its place would look like loss
 */
export async function findHome(dataDir: string, log: Logger): Promise<Home> {
  await makeFolder(dataDir, isRoot() ? 0o711 : 0o700)
  const root = await realpath(dataDir)
  const usual = join(root, 'postgres')
  const existing = await realpath(usual).catch(() => undefined)
  if (existing !== undefined) return { path: existing, runAs: await chooseUser(join(existing, 'cluster')) }
  await refuseDanglingLink(usual)
  const runAs = await chooseUser(join(usual, 'cluster'))
  if (runAs === undefined || (await canTraverse(root, runAs))) return { path: usual, runAs }
  const path = await placeInVarLib(root, runAs)
  log.info({ dataDir: root, place: path }, 'the database lives outside the data directory, which has a link to it')
  return { path, runAs }
}

async function refuseDanglingLink(link: string): Promise<void> {
  const found = await lstat(link).catch(() => undefined)
  if (found === undefined) return
  throw new AppError(
    'conflict',
    `${link} points to a database that is gone: bring it back, or remove the link to start empty`,
  )
}

async function placeInVarLib(root: string, runAs: RunAs): Promise<string> {
  await makeFolder(VAR_LIB, 0o711)
  if (!(await canTraverse(VAR_LIB, runAs))) {
    throw new AppError(
      'conflict',
      `uid ${runAs.uid} cannot enter ${VAR_LIB} nor ${root}: set WEIR_DATA_DIR to a folder that it can`,
    )
  }
  // With the folder's birth: a data directory removed and made anew must not find the old one's database.
  const { ino, birthtimeNs } = await stat(root, { bigint: true })
  const hash = createHash('sha256').update(`${root}\n${ino}\n${birthtimeNs}`).digest('hex').slice(0, 16)
  return join(VAR_LIB, hash)
}

/** Makes the data directory's link to a home elsewhere, once that home is there. */
export async function linkHome(dataDir: string, home: Home): Promise<void> {
  const usual = join(await realpath(dataDir), 'postgres')
  if (usual !== home.path && dirname(home.path) === VAR_LIB) {
    await symlink(home.path, usual).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

/** Removes a data directory with its database, which may live elsewhere. Nothing may run there any more. */
export async function removeData(dataDir: string): Promise<void> {
  // A link to anything but a place of ours is nobody's to follow.
  const place = await readlink(join(dataDir, 'postgres')).catch(() => undefined)
  if (place !== undefined && OF_VAR_LIB.test(place)) await rm(place, { recursive: true, force: true })
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
}

/**
 * Makes a folder, and those above it that are missing; one that is there stays as it is. Node's own recursive mkdir
 * never ends where a folder that exists refuses with ENOENT, as /proc does.
 * @throws AppError `invalid` where it cannot be made
 */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  const folder = resolve(path)
  let refused = await tryFolder(folder, mode)
  if (refused?.code === 'ENOENT' && !(await isFolder(dirname(folder)))) {
    await makeFolder(dirname(folder), mode) // ends at the root, which is a folder
    refused = await tryFolder(folder, mode)
  }
  if (refused === undefined) return
  throw new AppError('invalid', `${folder} cannot be made (${refused.code}): name a folder that can`, {
    cause: refused,
  })
}

async function tryFolder(folder: string, mode: number | undefined): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(folder, { mode })
  } catch (error) {
    // Some file systems refuse what is there already with another code than EEXIST.
    return (await isFolder(folder)) ? undefined : (error as NodeJS.ErrnoException)
  }
  return undefined
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() === true
}
