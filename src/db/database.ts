import type { Logger } from 'pino'
import type { Config, Secrets } from '../config.ts'
import { AppError } from '../errors.ts'
import { findEmbedded, startEmbedded } from './embedded.ts'
import type { PoolOptions } from './pool.ts'

export interface Database {
  /** For migrations and commands of the operator. */
  readonly owner: PoolOptions
  /** For the gateway: the role weir_app, which owns nothing. */
  readonly app: PoolOptions
  /** Stops the embedded server if nobody else uses it; nothing for a server of your own. Close all pools before. */
  stop(): Promise<void>
}

/**
 * The database that the configuration says: the server of DATABASE_URL, whose one user owns and, with the role
 * weir_app, serves; else the embedded one, started or adopted.
 */
export async function openDatabase(config: Config, secrets: Secrets, log: Logger): Promise<Database> {
  if (secrets.databaseUrl !== undefined) {
    const url = secrets.databaseUrl
    return { owner: { url }, app: { url, role: 'weir_app' }, stop: async () => undefined }
  }
  const embedded = await startEmbedded({ dataDir: config.dataDir, log })
  return { owner: { url: embedded.ownerUrl }, app: { url: embedded.appUrl }, stop: () => embedded.stop() }
}

/** The same database, already running: for workers, which neither start nor stop it. */
export async function runningDatabase(config: Config, secrets: Secrets): Promise<PoolOptions> {
  if (secrets.databaseUrl !== undefined) return { url: secrets.databaseUrl, role: 'weir_app' }
  const urls = await findEmbedded(config.dataDir)
  if (urls === undefined) throw new AppError('conflict', `no database runs under ${config.dataDir}: start Weir first`)
  return { url: urls.appUrl }
}
