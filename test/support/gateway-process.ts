import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { inject } from 'vitest'
import { findHome, linkHome } from '../../src/db/embedded/home.ts'
import { type DataDir, makeDataDir, testLog } from './data-dir.ts'
import { until } from './until.ts'

const ROOT = join(import.meta.dirname, '..', '..')
export const WEIR = join(ROOT, 'bin', 'weir.mjs')

/** A data directory and a port on which gateways of their own processes are started, killed and started again. */
export interface Station {
  readonly data: DataDir
  readonly port: number
  readonly env: NodeJS.ProcessEnv
  start(options?: StartOptions): GatewayProcess
  /** Answer of a weir command with --json. */
  weir(...args: string[]): Promise<Record<string, string>>
  /** Pid of the postmaster, as its own file says. */
  postmaster(): Promise<number>
  /** Ends the gateways that still run; Postgres stays. */
  killAll(): Promise<void>
  /** Ends what still runs and removes everything. */
  remove(): Promise<void>
}

export interface StartOptions {
  readonly env?: Record<string, string>
  /** Program and its arguments; absent: this Node with bin/weir.mjs start. */
  readonly command?: readonly [string, ...string[]]
  /** In a process group of its own, as a terminal makes one. */
  readonly detached?: boolean
}

export interface GatewayProcess {
  readonly url: string
  readonly child: ChildProcess
  /** Resolves when the process is gone. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** What it said so far, on both streams. */
  said(): string
  /** Resolves when it answers /healthz. @throws where it ended instead */
  answering(seconds?: number): Promise<void>
  /** SIGTERM, then its end; resolves with the exit code. */
  stop(): Promise<number | null>
}

/** With a migrated database in which nothing is yet; `empty`: with none, as on a new machine. */
export async function makeStation(
  env: Record<string, string> = {},
  { empty = false }: { readonly empty?: boolean } = {},
): Promise<Station> {
  const data = await makeDataDir()
  if (!empty) await copyTemplate(data.path)
  const port = await freePort()
  const all = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    WEIR_DATA_DIR: data.path,
    WEIR_PORT: String(port),
    WEIR_LOG_LEVEL: 'info',
    ...env,
  }
  const started: GatewayProcess[] = []
  const killAll = async (): Promise<void> => {
    for (const { child } of started) child.kill('SIGKILL')
    await Promise.all(started.splice(0).map((one) => one.ended))
  }
  return {
    data,
    port,
    env: all,
    start(options = {}) {
      const gateway = launch({ ...all, ...options.env }, options)
      started.push(gateway)
      return gateway
    },
    async weir(...args) {
      const { stdout } = await promisify(execFile)(process.execPath, [WEIR, ...args, '--json'], { env: all })
      return JSON.parse(stdout) as Record<string, string>
    },
    postmaster: () => postmasterOf(data.path),
    killAll,
    async remove() {
      await killAll()
      await data.remove()
    },
  }
}

async function copyTemplate(dataDir: string): Promise<void> {
  const home = await findHome(dataDir, testLog)
  await promisify(execFile)('cp', ['-a', inject('clusterTemplate'), home.path]) // with owners and modes
  await rm(join(home.path, 'port'), { force: true }) // two stations at once would want the same
  await linkHome(dataDir, home)
}

function launch(env: NodeJS.ProcessEnv, options: StartOptions): GatewayProcess {
  const [program, ...args] = options.command ?? [process.execPath, WEIR, 'start']
  const url = `http://127.0.0.1:${env.WEIR_PORT}`
  const detached = options.detached ?? false
  const child = spawn(program, args, { cwd: ROOT, env, detached, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  }
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  return {
    url,
    child,
    ended,
    said: () => said,
    async answering(seconds = 60) {
      const answers = async (): Promise<boolean> => {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended instead: ${said}`)
        return (await fetch(`${url}/healthz`).catch(() => undefined))?.ok ?? false
      }
      await until('the gateway answers', answers, seconds)
    },
    async stop() {
      child.kill('SIGTERM')
      return (await ended).code
    },
  }
}

export async function postmasterOf(dataDir: string): Promise<number> {
  const file = join(dataDir, 'postgres', 'cluster', 'postmaster.pid')
  return Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0])
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** Whether that process runs; one that was killed and not yet collected does not. */
export async function isRunning(pid: number): Promise<boolean> {
  if (pid <= 0 || Number.isNaN(pid)) return false
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return stat === undefined ? process.platform !== 'linux' : !/\) [ZX] /.test(stat)
}

/** One query on a connection of its own. */
export async function ask<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined) // a server that is killed meanwhile: the query says so
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}
