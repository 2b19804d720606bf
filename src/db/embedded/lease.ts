import pg from 'pg'

/**
 * Counts the processes that use one embedded server: each holds this advisory lock shared on a connection of its own,
 * and who can take it exclusive is the last and may stop the server. A killed process frees it with its connection.
 */
const USERS_LOCK = 0x77656972 // "weir"

export interface Lease {
  /** Settles when the connection is gone: the server stopped, crashed, or dropped every session to recover. */
  readonly lost: Promise<void>
  /** Gives the lease back; true: nobody else has one, and none will be given until the server is stopped. */
  release(): Promise<boolean>
  end(): Promise<void>
}

export type Answer =
  | { state: 'ready'; lease: Lease }
  | { state: 'not-yet' | 'being-stopped' | 'another-server' | 'wrong-password' }

const STARTING_OR_STOPPING = '57P03'
const WRONG_PASSWORD = '28P01'

/** Connects as the superuser and takes a lease, or says why it cannot. */
export async function takeLease(url: string, files: string): Promise<Answer> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'weir-lease',
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
  })
  const lost = new Promise<void>((resolve) => client.once('end', () => resolve()))
  client.on('error', () => undefined) // reported through `lost`
  try {
    await client.connect()
    const { rows } = await client.query<{ here: string; leased: boolean }>(
      `select current_setting('data_directory') as here, pg_try_advisory_lock_shared($1) as leased`,
      [USERS_LOCK],
    )
    if (rows[0]?.here === files && rows[0].leased) return { state: 'ready', lease: leaseOver(client, lost) }
    await client.end()
    return { state: rows[0]?.here === files ? 'being-stopped' : 'another-server' }
  } catch (error) {
    await client.end().catch(() => undefined)
    const code = (error as { code?: unknown }).code
    if (code === WRONG_PASSWORD) return { state: 'wrong-password' }
    if (code === STARTING_OR_STOPPING || isUnreachable(code)) return { state: 'not-yet' }
    throw error
  }
}

// A server that goes down between two steps ends the connection with 57P01, with a reset, or without a word.
function isUnreachable(code: unknown): boolean {
  return code === undefined || code === '57P01' || code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EPIPE'
}

function leaseOver(client: pg.Client, lost: Promise<void>): Lease {
  return {
    lost,
    async release() {
      await client.query('select pg_advisory_unlock_shared($1)', [USERS_LOCK])
      const { rows } = await client.query<{ last: boolean }>('select pg_try_advisory_lock($1) as last', [USERS_LOCK])
      return rows[0]?.last ?? false
    },
    async end() {
      await client.end()
    },
  }
}
