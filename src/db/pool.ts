import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { nodePostgres } from './drizzle.ts'

const { drizzle } = nodePostgres

/** The database: drizzle over a pool. `$client` is the pool, for SQL in the open. */
export type Db = NodePgDatabase & { readonly $client: pg.Pool }
/** One open transaction: drizzle over its one connection. `$client` is that connection. */
export type Tx = NodePgDatabase & { readonly $client: pg.PoolClient }

// Money, cursors and counts are bigint or numeric in Postgres; Number() would round them silently.
const typeParsers = new pg.TypeOverrides()
typeParsers.setTypeParser(pg.types.builtins.INT8, (text: string) => BigInt(text))
typeParsers.setTypeParser(pg.types.builtins.NUMERIC, (text: string) => text)
typeParsers.setTypeParser(pg.types.builtins.DATE, (text: string) => text)

export interface PoolOptions {
  readonly url: string
  /** Role that every connection takes on at start-up; absent: the login role itself. */
  readonly role?: string
  readonly max?: number
  readonly applicationName?: string
  /**
   * Milliseconds after which a statement without an answer is given up, with its connection: a server may hang. So may
   * we: the server ends a transaction in which nothing was asked for as long, and its locks with it.
   */
  readonly patience?: number
}

const CONNECT_MS = 10_000 // to a server that accepts and says nothing, or for a connection of a pool that is busy

/** Opens a pool. bigint columns arrive as BigInt, numeric and date columns as text. */
export function openPool(options: PoolOptions): Db {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max ?? 10,
    application_name: options.applicationName ?? 'weir',
    types: typeParsers,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    ...(options.patience === undefined
      ? {}
      : { query_timeout: options.patience, idle_in_transaction_session_timeout: options.patience }),
    ...(options.role === undefined ? {} : { options: `-c role=${options.role}` }),
  })
  // An idle connection that breaks (Postgres restarted) is replaced by the pool; the next query says what is wrong.
  pool.on('error', () => undefined)
  // One that breaks in somebody's hands tells so twice: the query under way rejects, and this event would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return drizzle({ client: pool })
}

/** A drizzle over one connection, for code that manages its own transaction. */
export function overConnection(client: pg.PoolClient): Tx {
  return drizzle({ client }) as unknown as Tx
}
