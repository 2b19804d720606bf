import { randomBytes } from 'node:crypto'
import { chown, lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../errors.ts'
import type { Binaries } from './binaries.ts'
import { makeWhole } from './draft.ts'
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
  await makeWhole(home.path, async (draft) => {
    await mkdir(draft, { mode: home.runAs === undefined ? 0o700 : 0o711 })
    const passwords: Passwords = { superuser: randomPassword(), owner: randomPassword(), app: randomPassword() }
    await writeFile(join(draft, 'passwords.json'), `${JSON.stringify(passwords)}\n`, { mode: 0o600 })
    await initdb(draft, binaries, { runAs: home.runAs, password: passwords.superuser, durable: options.durable })
  })
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

/** @throws AppError where the file is missing or not ours */
export async function readPasswords(home: string): Promise<Passwords> {
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

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
