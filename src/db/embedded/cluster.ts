import { randomBytes } from 'node:crypto'
import { chown, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../errors.ts'
import type { Binaries } from './binaries.ts'
import type { Home } from './home.ts'
import { firstLine, type RunAs, runToEnd } from './run-as.ts'

/** The files of an embedded cluster. */
export interface Cluster {
  /** Postgres' own data directory. */
  readonly files: string
  readonly logFile: string
  /** Remembers the port, so that a later start has the same connection strings. */
  readonly portFile: string
  readonly passwords: Passwords
  readonly runAs: RunAs | undefined
}

const Passwords = z.strictObject({ superuser: z.string(), owner: z.string(), app: z.string() })
export type Passwords = z.infer<typeof Passwords>

export const SUPERUSER = 'postgres'

// May be edited in postgresql.conf; what protects people is on the command line, see postmaster.ts.
const initialSettings = ['max_connections=200', 'max_wal_size=2GB', 'jit=off', 'wal_level=replica']

/**
 * Opens the cluster at `home`, creating it where there is none. It is made under another name and renamed when whole,
 * so a crash leaves none by halves and of two processes at once one wins.
 * @throws AppError where initdb fails or the cluster is of another major version
 */
export async function openCluster(home: Home, binaries: Binaries, options: { durable: boolean }): Promise<Cluster> {
  if (!(await exists(home.path))) await create(home, binaries, options)
  const files = join(home.path, 'cluster')
  const major = (await readFile(join(files, 'PG_VERSION'), 'utf8').catch(() => '')).trim()
  if (major !== binaries.major) {
    const what =
      major === '' ? 'holds no whole cluster' : `is of Postgres ${major}, these programs are ${binaries.major}`
    throw new AppError('conflict', `${files} ${what}: restore a backup, or move it away to start empty`)
  }
  return {
    files,
    logFile: join(home.path, 'postgres.log'),
    portFile: join(home.path, 'port'),
    passwords: await readPasswords(home.path),
    runAs: home.runAs,
  }
}

async function create(home: Home, binaries: Binaries, options: { durable: boolean }): Promise<void> {
  await removeAbandonedDrafts(home.path)
  const draft = `${home.path}.new-${process.pid}-${randomBytes(4).toString('hex')}`
  ownDrafts.add(draft)
  try {
    await mkdir(draft, { mode: home.runAs === undefined ? 0o700 : 0o711 })
    const passwords: Passwords = { superuser: randomPassword(), owner: randomPassword(), app: randomPassword() }
    await writeFile(join(draft, 'passwords.json'), `${JSON.stringify(passwords)}\n`, { mode: 0o600 })
    await initdb(draft, binaries, { runAs: home.runAs, password: passwords.superuser, durable: options.durable })
    await rename(draft, home.path)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if (!isTaken(error)) throw error // taken: another process was first, its cluster is as good
  }
}

interface Initdb {
  readonly runAs: RunAs | undefined
  readonly password: string
  readonly durable: boolean
}

async function initdb(draft: string, binaries: Binaries, how: Initdb): Promise<void> {
  const files = join(draft, 'cluster')
  const passwordFile = join(draft, 'superuser.tmp')
  await mkdir(files, { mode: 0o700 })
  await writeFile(passwordFile, how.password, { mode: 0o600 })
  if (how.runAs !== undefined) {
    await chown(files, how.runAs.uid, how.runAs.gid)
    await chown(passwordFile, how.runAs.uid, how.runAs.gid)
  }
  const args = ['-D', files, '-U', SUPERUSER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8']
  // The built-in provider sorts alike on every machine: a restored index must not depend on the system's libc.
  args.push('--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions')
  for (const setting of initialSettings) args.push('-c', setting)
  if (!how.durable) args.push('--no-sync')
  const ended = await runToEnd(binaries.initdb, args, how.runAs)
  await rm(passwordFile)
  if (ended.code === 0) return
  throw new AppError('conflict', `initdb could not make a cluster in ${files}: ${firstLine(ended.stderr)}`)
}

const ownDrafts = new Set<string>()

/** Drafts are named by the process that makes them: one whose process is gone was left by a crash. */
async function removeAbandonedDrafts(home: string): Promise<void> {
  const prefix = `${basename(home)}.new-`
  for (const name of await readdir(dirname(home))) {
    const draft = join(dirname(home), name)
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : Number.NaN
    const abandoned = pid === process.pid ? !ownDrafts.has(draft) : Number.isInteger(pid) && !isAlive(pid)
    if (abandoned) await rm(draft, { recursive: true, force: true })
  }
}

async function readPasswords(home: string): Promise<Passwords> {
  const file = join(home, 'passwords.json')
  try {
    return Passwords.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    throw new AppError(
      'conflict',
      `${file} with the database's passwords cannot be read: bring it back from a backup`,
      { cause },
    )
  }
}

function randomPassword(): string {
  return randomBytes(24).toString('base64url')
}

/** Whether a process of that number runs, ours or another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function isTaken(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOTEMPTY' || code === 'EEXIST'
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
