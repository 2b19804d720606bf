import cluster from 'node:cluster'
import type { Server } from 'node:http'
import { type App, createApp } from './app.ts'
import { runWorkers, toPrimary, type Workers } from './cluster.ts'
import type { Config, Secrets } from './config.ts'
import { type Database, openDatabase, runningDatabase } from './db/database.ts'
import { explained } from './db/explained.ts'
import { migrate } from './db/migrate.ts'
import { type Db, openPool } from './db/pool.ts'
import { AppError } from './errors.ts'
import { openKeyProvider } from './keys/open.ts'
import type { Logger } from './log.ts'

const POOL = 12
const HOUR_MS = 3_600_000
const PATIENCE_MS = 30_000 // with a server that hangs; a statement takes milliseconds
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
  const stop = signalled(start.log)
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
 * Resolves at the first signal; a second one ends at once. What hangs (a database that does not answer) may hold up the
 * end for so long and no longer: everything answered is durable already.
 */
function signalled(log: Logger): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(signal === 'SIGTERM' ? 143 : 130)
        asked = true
        setTimeout(() => {
          log.error('it did not stop in time: ending as it is')
          process.exit(1)
        }, STOP_MS).unref()
        resolve()
      })
    }
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
  try {
    const app = await makeApp(start, db, {})
    await app.maintain()
    const housekeeping = every(HOUR_MS, () => app.maintain(), start.log)
    await listen(app.server, start.config)
    if (start.config.delivery) app.delivery.start()
    announce(start)
    await stop
    start.log.info('stopping: no new requests, finishing what was taken')
    clearInterval(housekeeping)
    await drain(app, start.log)
  } finally {
    await db.$client.end()
  }
}

async function runPrimary(start: Process, database: Database, stop: Promise<void>): Promise<void> {
  const db = openPool({ ...database.app, max: 4, patience: PATIENCE_MS })
  let workers: Workers | undefined
  try {
    const app = await makeApp(start, db, {})
    await app.maintain()
    const housekeeping = every(HOUR_MS, () => app.maintain(), start.log)
    workers = runWorkers(start.config.http.workers, {
      log: start.log,
      registry: app.metrics.registry,
      committed: () => app.delivery.nudge(),
    })
    await Promise.race([workers.listening, stop])
    if (start.config.delivery) app.delivery.start()
    announce(start)
    await stop
    start.log.info('stopping: no new requests, finishing what was taken')
    clearInterval(housekeeping)
    await workers.stop()
    await app.delivery.stop()
  } finally {
    await workers?.stop()
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
      await listen(app.value.server, start.config)
      primary.ready()
      await Promise.race([primary.stopRequested, stop])
      await drain(app.value, start.log)
    } finally {
      await db.$client.end()
    }
  } catch (error) {
    primary.failed(error) // who says it, once for all workers
    process.exitCode = 1
  }
  process.disconnect?.()
}

async function makeApp(
  start: Process,
  db: Db,
  more: { committed?: () => void; metricsText?: () => Promise<string> },
): Promise<App> {
  const keys = await openKeyProvider({ ...start.config.keys, mode: start.config.mode })
  return createApp({ config: start.config, db, keys, log: start.log, ...more })
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

/** One line for each place to go. */
function announce({ config, log }: Process): void {
  const url = config.http.publicUrl
  process.stdout.write(
    [
      `Weir is ready (${config.mode})`,
      `  events    ${url}/v1/batch`,
      `  consent   ${url}/v1/consent`,
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
 * For a moment every answer asks its client to leave, since a connection that is closed while the client writes to it
 * loses that request; then no new connections. What was taken is committed and answered, batches under way end.
 */
async function drain(app: App, log: Logger): Promise<void> {
  app.server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
  await new Promise((resolve) => setTimeout(resolve, LAST_REQUESTS_MS))
  const closed = new Promise<void>((resolve) => app.server.close(() => resolve()))
  const deadline = setTimeout(() => {
    log.warn('some connections did not end in time: closing them')
    app.server.closeAllConnections()
  }, DRAIN_MS)
  const sweeping = setInterval(() => app.server.closeIdleConnections(), 100)
  await app.intake.drain()
  await closed
  clearTimeout(deadline)
  clearInterval(sweeping)
  await app.delivery.stop()
}

function every(ms: number, work: () => Promise<void>, log: Logger): NodeJS.Timeout {
  return setInterval(() => {
    work().catch((error: unknown) => log.error({ err: error }, 'housekeeping failed; it runs again in an hour'))
  }, ms).unref()
}
