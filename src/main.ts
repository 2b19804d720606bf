import cluster from 'node:cluster'
import type { Server } from 'node:http'
import { type App, createApp } from './app.ts'
import { runWorkers, toPrimary, type Workers } from './cluster.ts'
import type { Config, Secrets } from './config.ts'
import { type Database, openDatabase, runningDatabase } from './db/database.ts'
import { migrate } from './db/migrate.ts'
import { type Db, openPool } from './db/pool.ts'
import { AppError } from './errors.ts'
import { openKeyProvider } from './keys/open.ts'
import type { Logger } from './log.ts'

const POOL = 12
const HOUR_MS = 3_600_000
const DRAIN_MS = 20_000

interface Process {
  readonly config: Config
  readonly secrets: Secrets
  readonly log: Logger
}

/** Runs the gateway until a signal, then drains: answers what it took, delivers what is under way, stops Postgres. */
export async function run(start: Process): Promise<void> {
  const stop = signalled()
  if (cluster.isWorker) return runWorker(start)
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

/** Resolves at the first SIGINT or SIGTERM; a second one ends at once. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(130)
        asked = true
        resolve()
      })
    }
  })
}

async function applyMigrations(database: Database): Promise<void> {
  const owner = openPool({ ...database.owner, max: 1, applicationName: 'weir-migrate' })
  try {
    await migrate(owner)
  } finally {
    await owner.$client.end()
  }
}

async function runAlone(start: Process, database: Database, stop: Promise<void>): Promise<void> {
  const db = openPool({ ...database.app, max: POOL })
  try {
    const app = await makeApp(start, db, {})
    await app.maintain()
    const housekeeping = every(HOUR_MS, () => app.maintain(), start.log)
    if (start.config.delivery) app.delivery.start()
    await listen(app.server, start.config)
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
  const db = openPool({ ...database.app, max: 4 })
  let workers: Workers | undefined
  try {
    const app = await makeApp(start, db, {})
    await app.maintain()
    const housekeeping = every(HOUR_MS, () => app.maintain(), start.log)
    if (start.config.delivery) app.delivery.start()
    workers = runWorkers(start.config.http.workers, {
      log: start.log,
      registry: app.metrics.registry,
      committed: () => app.delivery.nudge(),
    })
    await Promise.race([workers.listening, stop])
    announce(start)
    await stop
    clearInterval(housekeeping)
    await workers.stop()
    await app.delivery.stop()
  } finally {
    await db.$client.end()
  }
}

async function runWorker(start: Process): Promise<void> {
  const app: { value?: App } = {}
  const primary = toPrimary(() => app.value!.metrics.registry)
  const database = await runningDatabase(start.config, start.secrets)
  const db = openPool({ ...database, max: POOL })
  try {
    app.value = await makeApp(start, db, primary)
    await listen(app.value.server, start.config)
    primary.ready()
    await primary.stopRequested
    await drain(app.value, start.log)
  } finally {
    await db.$client.end()
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

/** No new connections; what was taken is committed and answered; batches under way end; idle connections are closed. */
async function drain(app: App, log: Logger): Promise<void> {
  const closed = new Promise<void>((resolve) => app.server.close(() => resolve()))
  app.server.closeIdleConnections()
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
