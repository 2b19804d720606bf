import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { migrator, nodePostgres, nodePostgresMigrator } from './drizzle.ts'
import type { Db } from './pool.ts'
import { sqlState } from './transaction.ts'

export const MIGRATIONS_FOLDER: string = join(import.meta.dirname, '..', '..', 'drizzle')

const ADVICE = ', or were changed after they had been applied: run the release that made this database, or a later one'
const MIGRATE_LOCK = 0x6d696772 // "migr"
const NO_SUCH_TABLE = '42P01'
const NO_SUCH_SCHEMA = '3F000'

/**
 * Applies what drizzle/meta/_journal.json lists and the database has not, in its order, in one transaction, as the
 * owner. Two nodes that start at once take turns. Afterwards the gateway's role may read what was applied.
 * @returns how many were applied
 * @throws Error where a migration fails (nothing of this run stays) or one is older than the newest applied
 */
export async function migrate(owner: Db, folder: string = MIGRATIONS_FOLDER): Promise<number> {
  const client = await owner.$client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATE_LOCK])
    const db = nodePostgres.drizzle({ client })
    const before = await pending(client, folder)
    await nodePostgresMigrator.migrate(db, {
      migrationsFolder: folder,
      migrationsSchema: 'weir',
      migrationsTable: 'migrations',
    })
    const left = await pending(client, folder)
    // drizzle compares times only and skips, without an error, what was merged with an older one than the newest applied
    if (left > 0) throw new AppError('conflict', `${left} migrations are older than the newest applied one${ADVICE}`)
    await letGatewayReadThem(client)
    return before
  } finally {
    client.release(true) // the lock goes with the connection, also after an error
  }
}

/** How many migrations of the journal this database has not: 0 is ready. Runs as either role. */
export async function pendingMigrations(db: Db, folder: string = MIGRATIONS_FOLDER): Promise<number> {
  return pending(db.$client, folder)
}

interface Queryable {
  query<Row>(text: string): Promise<{ rows: Row[] }>
}

async function pending(client: Queryable, folder: string): Promise<number> {
  const applied = new Set(await appliedHashes(client))
  return migrator.readMigrationFiles({ migrationsFolder: folder }).filter(({ hash }) => !applied.has(hash)).length
}

async function appliedHashes(client: Queryable): Promise<string[]> {
  try {
    const { rows } = await client.query<{ hash: string }>('select hash from weir.migrations')
    return rows.map((row) => row.hash)
  } catch (error) {
    const state = sqlState(error)
    if (state === NO_SUCH_TABLE || state === NO_SUCH_SCHEMA) return []
    throw error
  }
}

async function letGatewayReadThem(client: Queryable): Promise<void> {
  const { rows } = await client.query(`select 1 from pg_roles where rolname = 'weir_app'`)
  if (rows.length === 0) return
  await letOwnerActAsGateway(client)
  // Asked for first: another node that makes partitions just now changes the rights of the same schema, and of two such
  // changes at once Postgres lets one fail.
  const { rows: has } = await client.query<{ usage: boolean; read: boolean }>(
    `select has_schema_privilege('weir_app', 'weir', 'usage') as usage, has_table_privilege('weir_app', 'weir.migrations', 'select') as read`,
  )
  if (!has[0]!.usage) await client.query('grant usage on schema weir to weir_app')
  if (!has[0]!.read) await client.query('grant select on weir.migrations to weir_app')
}

/** Since Postgres 16 whoever makes a role administers it but may not take it on, unless granted: DATABASE_URL has one user. */
async function letOwnerActAsGateway(client: Queryable): Promise<void> {
  try {
    await client.query('set role weir_app')
    await client.query('reset role')
  } catch (error) {
    if (sqlState(error) !== '42501') throw error
    await client.query('grant weir_app to current_user')
  }
}
