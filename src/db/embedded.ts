import { realpath, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { AppError } from '../errors.ts'
import { type Binaries, findBinaries } from './embedded/binaries.ts'
import { type Cluster, openCluster, type Passwords, readPasswords, SUPERUSER } from './embedded/cluster.ts'
import { findHome, linkHome } from './embedded/home.ts'
import { type Lease, takeLease } from './embedded/lease.ts'
import {
  choosePort,
  findPostmaster,
  lastFatal,
  logSize,
  type Postmaster,
  spawnPostmaster,
} from './embedded/postmaster.ts'
import { createRolesAndDatabase } from './embedded/roles.ts'

export { removeData } from './embedded/home.ts'
export { createRolesAndDatabase } from './embedded/roles.ts'

export interface EmbeddedOptions {
  readonly dataDir: string
  readonly log: Logger
  /** False only in tests: a crash of the machine may then cost the whole cluster. */
  readonly durable?: boolean
}

/** Connection strings; they stay the same while the data directory stays. */
export interface EmbeddedUrls {
  readonly superuserUrl: string
  readonly ownerUrl: string
  readonly appUrl: string
}

export interface Embedded extends EmbeddedUrls {
  /** Postgres' own data directory, for the backup. */
  readonly files: string
  /** Of the postmaster; another one after Postgres died and was started again. */
  readonly pid: number
  /** Stops Postgres and waits, unless another process uses it too. Close all pools before. */
  stop(): Promise<void>
}

/** How long a start that another process is in the way of is tried again. */
const CONFLICT_MS = 10_000
const POLL_MS = 40
const RETRY_MS = 1_000

/**
 * Runs Postgres under the data directory, or adopts the one that runs there, and makes the roles and the database.
 * While in use it is watched: one that dies is started again on the same port, so that pools come back by themselves.
 * Several processes may use it at once (gateway and commands); the last one to stop stops it.
 * @throws AppError, one line that says what to do, where it cannot run
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const { log } = options
  const durable = options.durable ?? true
  const home = await findHome(options.dataDir, log)
  const binaries = await findBinaries(dirname(home.path), home.runAs)
  const cluster = await openCluster(home, binaries, { durable })
  await linkHome(options.dataDir, home)
  const server: Server = { binaries, cluster, durable, log }

  let current = await bringUp(server, undefined)
  const urls = urlsOf(cluster.passwords, current.postmaster.port)
  await createRolesAndDatabase(urls.superuserUrl, cluster.passwords)

  let stopping = false
  const watch = async (): Promise<void> => {
    for (;;) {
      await current.lease.lost
      if (stopping) return
      log.warn({ port: current.postmaster.port }, 'Postgres went away: starting it again')
      current = await bringUpAgain(server, current, () => stopping)
      if (stopping) await shutDown(current, log)
    }
  }
  const watching = watch().catch((error: unknown) => log.error({ err: error }, 'Postgres is not watched any more'))

  return {
    ...urls,
    files: cluster.files,
    get pid() {
      return current.postmaster.pid
    },
    async stop() {
      if (stopping) return watching
      stopping = true
      await shutDown(current, log)
      await watching
    },
  }
}

/** The server that runs under the data directory, without starting or keeping one; undefined where none runs. */
export async function findEmbedded(dataDir: string): Promise<EmbeddedUrls | undefined> {
  const home = await realpath(join(dataDir, 'postgres')).catch(() => undefined)
  if (home === undefined) return undefined
  const postmaster = await findPostmaster(join(home, 'cluster'))
  return postmaster === undefined ? undefined : urlsOf(await readPasswords(home), postmaster.port)
}

function urlsOf(passwords: Passwords, port: number): EmbeddedUrls {
  const url = (user: string, password: string, database: string): string =>
    `postgres://${user}:${password}@127.0.0.1:${port}/${database}`
  return {
    superuserUrl: url(SUPERUSER, passwords.superuser, 'postgres'),
    ownerUrl: url('weir_owner', passwords.owner, 'weir'),
    appUrl: url('weir_app', passwords.app, 'weir'),
  }
}

interface Server {
  readonly binaries: Binaries
  readonly cluster: Cluster
  readonly durable: boolean
  readonly log: Logger
}

interface Running {
  readonly postmaster: Postmaster
  readonly lease: Lease
}

/** Adopts or spawns until one answers and gives a lease. @param fixedPort where clients already know the port */
async function bringUp(server: Server, fixedPort: number | undefined): Promise<Running> {
  const { cluster, binaries, durable, log } = server
  const giveUpAt = Date.now() + CONFLICT_MS
  const logBefore = await logSize(cluster)
  for (;;) {
    const adopted = await findPostmaster(cluster.files)
    const postmaster =
      adopted ??
      (await spawnPostmaster(binaries.postgres, cluster, { port: fixedPort ?? (await choosePort(cluster)), durable }))
    const lease = await waitForLease(server, postmaster)
    if (lease !== undefined) {
      await writeFile(cluster.portFile, `${postmaster.port}\n`, { mode: 0o600 })
      log.info({ postgres: postmaster.pid, port: postmaster.port, adopted: adopted !== undefined }, 'Postgres is up')
      return { postmaster, lease }
    }
    if (Date.now() > giveUpAt)
      throw new AppError('conflict', `Postgres does not start: ${await lastFatal(cluster, logBefore)}`)
    await delay(POLL_MS * 5)
  }
}

/** Polls until it answers; undefined once it is gone. Recovery after a crash may take minutes and is waited for. */
async function waitForLease(server: Server, postmaster: Postmaster): Promise<Lease | undefined> {
  const { cluster, log } = server
  const url = urlsOf(cluster.passwords, postmaster.port).superuserUrl
  for (let polls = 1; await postmaster.isRunning(); polls++) {
    const answer = await takeLease(url, cluster.files)
    if (answer.state === 'ready') return answer.lease
    if (answer.state === 'wrong-password') {
      const file = `${dirname(cluster.files)}/passwords.json`
      throw new AppError(
        'conflict',
        `the password in ${file} is not that of the database beside it: bring the right file back`,
      )
    }
    if (answer.state === 'another-server') return undefined // its port went to somebody else's server
    if (polls % (10_000 / POLL_MS) === 0) log.info({ postgres: postmaster.pid }, 'waiting for Postgres to answer')
    await delay(POLL_MS)
  }
  return undefined
}

/** Tries until it is back, once a second; until then /readyz says that the database is away. */
async function bringUpAgain(server: Server, before: Running, isStopping: () => boolean): Promise<Running> {
  for (;;) {
    try {
      return await bringUp(server, before.postmaster.port)
    } catch (error) {
      if (isStopping()) return before
      await stat(server.cluster.files) // its files are gone: nothing can bring it back
      server.log.error({ err: error }, 'Postgres does not come back: trying on')
      await delay(RETRY_MS)
    }
  }
}

async function shutDown(running: Running, log: Logger): Promise<void> {
  const last = await running.lease.release().catch(() => undefined)
  if (last !== true) {
    if (last === false) log.info('Postgres goes on: another process uses it')
    await running.lease.end().catch(() => undefined)
    return
  }
  process.kill(running.postmaster.pid, 'SIGINT') // fast shutdown: sessions end, a checkpoint is written
  const startedAt = Date.now()
  for (let polls = 1; await running.postmaster.isRunning(); polls++) {
    if (polls % (10_000 / POLL_MS) === 0)
      log.info({ seconds: (Date.now() - startedAt) / 1000 }, 'waiting for Postgres to stop')
    await delay(POLL_MS)
  }
  await running.lease.end().catch(() => undefined)
}
