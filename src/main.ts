import cluster from 'node:cluster'
import { createServer, type Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import { type App, createApp } from './app.ts'
import { runWorkers, toPrimary, type Workers } from './cluster.ts'
import type { Config, Secrets } from './config.ts'
import { type Database, openDatabase, runningDatabase } from './db/database.ts'
import { explained } from './db/explained.ts'
import { migrate } from './db/migrate.ts'
import { type Db, openPool } from './db/pool.ts'
import { AppError } from './errors.ts'
import { closeSilentConnections } from './http/server.ts'
import { openKeyProvider } from './keys/open.ts'
import type { Logger } from './log.ts'
import { whenParentGoes } from './parent.ts'
import { createNightlyProof } from './rights/prove-nightly.ts'
import { openSms } from './rights/sms/open.ts'

const POOL = 12
const HOUR_MS = 3_600_000
const PATIENCE_MS = 30_000 // with a server that hangs; a statement takes milliseconds
const KEYS_MS = 10_000
const ONE_WISH_MS = 1_000 // Ctrl-C reaches us from the terminal and again through npm
const LAST_REQUESTS_MS = 300
const DRAIN_MS = 15_000 // as long as a request may take to arrive
const STOP_MS = 24_000

interface Process {
  readonly config: Config
  readonly secrets: Secrets
  readonly log: Logger
}

/** Runs the gateway until a signal, then drains: answers what it took, delivers what is under way, stops Postgres. */
export async function run(start: Process): Promise<void> {
  const stop = signalled(start)
  if (cluster.isWorker) return runWorker(start, stop)
  const { config, log } = start
  for (const warning of config.warnings) log.warn(warning)
  const database = await openDatabase(config, start.secrets, log)
  try {
    await applyMigrations(database)
    const alone = config.http.workers <= 1
    await (alone ? runAlone(start, database, stop) : runPrimary(start, database, stop))
  } finally {
    await database.stop()
  }
  log.info('stopped')
}

/**
 * Resolves at the first signal, or where npm that started us is gone; a second signal ends at once. What hangs (a
 * database that does not answer) may hold up the end for so long and no longer: everything answered is durable already.
 */
function signalled({ config, log }: Process): Promise<void> {
  return new Promise((resolve) => {
    let askedAt: number | undefined
    const ask = (): void => {
      askedAt = performance.now()
      const late = (): void => {
        log.error('it did not stop in time: ending as it is')
        process.exit(1)
      }
      setTimeout(late, STOP_MS).unref()
      resolve()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (askedAt === undefined) ask()
        else if (performance.now() - askedAt > ONE_WISH_MS) process.exit(signal === 'SIGTERM' ? 143 : 130)
      })
    }
    const parent = config.endsWith ?? (config.startedByNpm ? process.ppid : undefined)
    if (parent !== undefined) whenParentGoes(parent, () => askedAt ?? ask())
  })
}

async function applyMigrations(database: Database): Promise<void> {
  const owner = openPool({ ...database.owner, max: 1, applicationName: 'weir-migrate' })
  try {
    await explained(() => migrate(owner))
  } finally {
    await owner.$client.end()
  }
}

async function runAlone(start: Process, database: Database, stop: Promise<void>): Promise<void> {
  const db = openPool({ ...database.app, max: POOL, patience: PATIENCE_MS })
  let house: House | undefined
  try {
    const app = await makeApp(start, db, {})
    house = keepHouse(app, start.log)
    app.sequencer.start()
    await listen(app.server, start.config)
    if (start.config.delivery) app.delivery.start()
    app.mail?.start()
    app.rights.start()
    announce(start)
    await stop
    start.log.info('stopping: no new requests, finishing what was taken')
    await drain(app, start.log)
  } finally {
    await house?.stop()
    await db.$client.end()
  }
}

async function runPrimary(start: Process, database: Database, stop: Promise<void>): Promise<void> {
  const db = openPool({ ...database.app, max: 4, patience: PATIENCE_MS })
  let workers: Workers | undefined
  let house: House | undefined
  try {
    const app = await makeApp(start, db, {})
    house = keepHouse(app, start.log)
    app.sequencer.start()
    await tryPort(start.config)
    workers = runWorkers(start.config.http.workers, {
      log: start.log,
      registry: app.metrics.registry,
      committed: () => app.delivery.nudge(),
    })
    await Promise.race([workers.listening, stop])
    if (start.config.delivery) app.delivery.start()
    app.mail?.start()
    app.rights.start()
    announce(start)
    await stop
    start.log.info('stopping: no new requests, finishing what was taken')
    await workers.stop()
    await app.delivery.stop()
    await app.rights.stop()
    await app.mail?.stop()
  } finally {
    await workers?.stop()
    await house?.stop()
    await db.$client.end()
  }
}

async function runWorker(start: Process, stop: Promise<void>): Promise<void> {
  const app: { value?: App } = {}
  const primary = toPrimary(() => app.value?.metrics.registry)
  try {
    const database = await runningDatabase(start.config, start.secrets)
    const db = openPool({ ...database, max: POOL, patience: PATIENCE_MS })
    try {
      app.value = await makeApp(start, db, primary)
      const watching = watchKeys(app.value, start.log)
      const end = Promise.race([primary.stopRequested, stop])
      await Promise.race([listen(app.value.server, start.config), end]) // which the primary answers, if it lives
      primary.ready()
      await end
      clearInterval(watching)
      await drain(app.value, start.log)
    } finally {
      await db.$client.end()
    }
  } catch (error) {
    primary.failed(error) // who says it, once for all workers
    process.exitCode = 1
  }
  if (process.connected) process.disconnect()
}

async function makeApp(
  start: Process,
  db: Db,
  more: { committed?: () => void; metricsText?: () => Promise<string> },
): Promise<App> {
  const keys = await openKeyProvider({ ...start.config.keys, mode: start.config.mode })
  const { config, secrets, log } = start
  const { smsSecret: secret, smtpUrl } = secrets
  const sms =
    config.sms === undefined || secret === undefined ? undefined : openSms({ ...config.sms, secret, now: Date.now })
  return createApp({ config, smtpUrl, sms, db, keys, log, ...more })
}

function listen(server: Server, config: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken =
        cause.code === 'EADDRINUSE' ? 'is taken: set WEIR_PORT to a free one' : `cannot be listened on (${cause.code})`
      reject(new AppError('conflict', `port ${config.http.port} ${taken}`, { cause }))
    })
    server.listen(config.http.port, config.http.host, resolve)
  })
}

/** Says that the port is taken before there are workers: two of them failing to listen at once crash inside Node's cluster. */
async function tryPort(config: Config): Promise<void> {
  const trial = createServer()
  await listen(trial, config)
  await new Promise((resolve) => trial.close(resolve))
}

/** One line for each place to go. */
function announce({ config, log }: Process): void {
  const url = config.http.publicUrl
  process.stdout.write(
    [
      `Weir is ready (${config.mode})`,
      `  events    ${url}/v1/batch`,
      `  consent   ${url}/v1/consent`,
      `  privacy   ${url}/privacy`,
      `  docs      ${url}/docs`,
      `  openapi   ${url}/openapi.json`,
      `  health    ${url}/readyz`,
      `  metrics   ${url}/metrics`,
      '',
    ].join('\n'),
  )
  log.info({ workers: config.http.workers, mode: config.mode }, 'ready')
}

/**
 * No new connections. On those that stand the next answer asks the client to leave, since one that is closed while the
 * client writes to it loses that request; after a moment idle ones are closed. What was taken is committed and answered.
 */
async function drain(app: App, log: Logger): Promise<void> {
  const { server } = app
  server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
  const closed = new Promise<void>((resolve) => {
    NetServer.prototype.close.call(server, () => resolve()) // that of http closes idle connections at once
  })
  await new Promise((resolve) => setTimeout(resolve, LAST_REQUESTS_MS))
  server.close()
  const deadline = setTimeout(() => {
    log.warn('some connections did not end in time: closing them')
    server.closeAllConnections()
  }, DRAIN_MS)
  const sweeping = setInterval(() => {
    server.closeIdleConnections()
    closeSilentConnections(server)
  }, 100)
  await app.intake.drain()
  await closed
  clearTimeout(deadline)
  clearInterval(sweeping)
  await app.delivery.stop()
  await app.rights.stop()
  await app.mail?.stop()
}

/** A roll of the keys by another process is heard of within seconds; until then what needs the new key looks by itself. */
function watchKeys(app: App, log: Logger): NodeJS.Timeout {
  const look = (): void => {
    app.refreshKeys().catch((error: unknown) => log.warn({ err: error }, 'the keys could not be looked at'))
  }
  return setInterval(look, KEYS_MS).unref()
}

/** UTC. */
function today(): string {
  return new Date().toISOString().slice(0, 10)
}

interface House {
  /** Ends what runs beside the requests, the sequencer last: what the others entered is signed. */
  stop(): Promise<void>
}

/** Housekeeping now and every hour, beside everything else; after midnight (UTC) the proof that modules forget. Stopped, it ends after the step under way. */
function keepHouse(app: App, log: Logger): House {
  const enough = new AbortController()
  let running: Promise<void> = Promise.resolve()
  const proveNightly = createNightlyProof(app.rights.deps, app.metrics.registry)
  let provedOn = today()
  const work = (): void => {
    running = running
      .then(() => app.maintain(enough.signal))
      .then(async () => {
        if (provedOn === today() || enough.signal.aborted) return
        provedOn = today()
        await proveNightly()
      })
      .catch((error: unknown) => log.error({ err: error }, 'housekeeping failed; it runs again in an hour'))
  }
  work()
  const hourly = setInterval(work, HOUR_MS).unref()
  const watching = watchKeys(app, log)
  return {
    async stop() {
      clearInterval(hourly)
      clearInterval(watching)
      enough.abort()
      await running
      await app.sequencer.step().catch(() => false)
      await app.sequencer.stop()
    },
  }
}
