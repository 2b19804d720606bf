import { readConfig } from '../config.ts'
import { findEmbedded } from '../db/embedded.ts'
import { type Db, openPool } from '../db/pool.ts'
import { AppError } from '../errors.ts'

/** Runs `work` over the running database as its owner: what the gateway's own role may only read is changed here. */
export async function withOwnerDatabase<T>(work: (db: Db) => Promise<T>): Promise<T> {
  const { config, secrets } = readConfig()
  const url = secrets.databaseUrl ?? (await findEmbedded(config.dataDir))?.ownerUrl
  if (url === undefined) {
    throw new AppError('conflict', `no database runs under ${config.dataDir}: start Weir first, or set DATABASE_URL`)
  }
  const db = openPool({ url, max: 1, applicationName: 'weir-cli' })
  try {
    return await work(db)
  } finally {
    await db.$client.end()
  }
}
