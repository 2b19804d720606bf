import { type ChildProcess, spawn } from 'node:child_process'
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import type { Cluster } from './cluster.ts'
import { isAlive } from './process.ts'
import { postgresEnvironment } from './run-as.ts'

/** A running postmaster: one that we spawned, or one found alive. */
export interface Postmaster {
  readonly pid: number
  readonly port: number
  /** Whether it still runs. A zombie that nobody reaps does not. */
  isRunning(): Promise<boolean>
}

// On the command line, so that no edit of postgresql.conf lets a value of a person into the log (law 2): only what
// Postgres says of itself is logged, no error of a statement, no statement, no parameter, no DETAIL or CONTEXT.
const privateLog = [
  'log_statement=none',
  'log_min_duration_statement=-1',
  'log_min_error_statement=panic',
  'log_min_messages=log',
  'log_error_verbosity=terse',
  'log_parameter_max_length=0',
  'log_parameter_max_length_on_error=0',
  'log_line_prefix=%m [%p] ',
  'log_destination=stderr',
  'logging_collector=off',
]
// For tests: what a crash of the machine may cost does not matter there.
const undurable = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'autovacuum_naptime=600']
const LOG_ROTATES_AT = 16 * 1024 * 1024

/** Spawns `postgres` in a session of its own, so that Ctrl-C at a terminal reaches us and not it. */
export async function spawnPostmaster(
  postgres: string,
  cluster: Cluster,
  options: { port: number; durable: boolean },
): Promise<Postmaster> {
  await rotateLog(cluster)
  const log = await open(cluster.logFile, 'a', 0o600)
  try {
    const settings = [`port=${options.port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', ...privateLog]
    if (!options.durable) settings.push(...undurable)
    const child = spawn(postgres, ['-D', cluster.files, ...settings.flatMap((setting) => ['-c', setting])], {
      ...cluster.runAs,
      cwd: '/',
      env: postgresEnvironment,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    const pid = await spawned(child)
    child.unref()
    return { pid, port: options.port, isRunning: async () => child.exitCode === null && child.signalCode === null }
  } finally {
    await log.close()
  }
}

async function spawned(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('spawn', () => resolve(child.pid ?? 0))
  })
}

/**
 * The live postmaster of the cluster with these files, if postmaster.pid names one. A number reused by another process is not it: its
 * pid file is removed, since Postgres itself would take that process for its own. A file whose process is gone stays:
 * Postgres removes it after having made sure that no orphaned backend still uses the shared memory named there.
 */
export async function findPostmaster(files: string): Promise<Postmaster | undefined> {
  const pidFile = join(files, 'postmaster.pid')
  const lines = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n')
  const pid = Number(lines[0])
  const port = Number(lines[3])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  if (await isPostmasterOf(files, pid)) {
    if (!Number.isInteger(port) || port <= 0) return undefined // just spawned by another process, port not written yet
    return { pid, port, isRunning: () => isPostmasterOf(files, pid) }
  }
  if (isAlive(pid)) await rm(pidFile, { force: true })
  return undefined
}

/** Whether that process is `postgres -D files`, by its command line where /proc tells it, else by being alive. */
async function isPostmasterOf(files: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
  // Without /proc the caller's connection decides: it asks the server for its data directory before it trusts it.
  if (commandLine === undefined) return process.platform !== 'linux' && isAlive(pid)
  const words = commandLine.split('\0')
  const at = words.indexOf('-D')
  const named = words[at + 1]
  if (basename(words[0] ?? '') !== 'postgres' || at < 0 || named === undefined) return false
  return (await realpath(named).catch(() => named)) === (await realpath(files))
}

/** The port of the last start if nobody took it, else any free one. */
export async function choosePort(cluster: Cluster): Promise<number> {
  const remembered = Number(await readFile(cluster.portFile, 'utf8').catch(() => '0'))
  if (Number.isInteger(remembered) && remembered > 0) {
    const same = await bindOnce(remembered)
    if (same !== undefined) return same
  }
  const free = await bindOnce(0)
  if (free === undefined) throw new Error('no free port on 127.0.0.1')
  return free
}

async function bindOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(undefined))
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined))
    })
  })
}

async function rotateLog(cluster: Cluster): Promise<void> {
  if ((await logSize(cluster)) > LOG_ROTATES_AT) await rename(cluster.logFile, `${cluster.logFile}.1`)
}

/** The last reason that Postgres gave for not starting since its log had `from` bytes: of files and ports, never data. */
export async function lastFatal(cluster: Cluster, from: number): Promise<string> {
  const text = (await readFile(cluster.logFile).catch(() => Buffer.alloc(0))).subarray(from).toString()
  const fatal = text.split('\n').findLast((line) => line.includes('FATAL:') || line.includes('PANIC:'))
  return fatal?.replace(/^.*?(FATAL|PANIC):\s*/, '') ?? `it gave no reason, see ${cluster.logFile}`
}

export async function logSize(cluster: Cluster): Promise<number> {
  return stat(cluster.logFile).then(
    ({ size }) => size,
    () => 0,
  )
}
