import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Config, readConfig } from '../config.ts'
import { openDatabase } from '../db/database.ts'
import { explained } from '../db/explained.ts'
import { pendingMigrations } from '../db/migrate.ts'
import { type Db, openPool } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { type Keyring, openKeyring } from '../keys/keyring.ts'
import { keysetPath, openKeyProvider } from '../keys/open.ts'
import type { KeyProvider } from '../keys/provider.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { loadPolicy } from '../policy/load.ts'
import { commandLog } from './output.ts'

export interface WithKeys {
  readonly config: Config
  /** As its owner, with connections enough for the lock of the keys. */
  readonly db: Db
  readonly provider: KeyProvider
  readonly policy: CompiledPolicy
  /** Opens every key; not done before it is needed, since a lost root is put back by a command too. */
  openKeyring(): Promise<Keyring>
}

/**
 * Runs `work` over the database and the provider of the keys. The embedded database is started where it does not run,
 * and stopped afterwards. @throws AppError where there is no database yet
 */
export async function withKeys<T>(
  work: (context: WithKeys) => Promise<T>,
  { mayMakeRoot = false }: { readonly mayMakeRoot?: boolean } = {},
): Promise<T> {
  const { config, secrets } = readConfig()
  if (secrets.databaseUrl === undefined) await refuseMissing(config.dataDir)
  if (!mayMakeRoot) await refuseNoKeyset(config.keys.uri)
  const provider = await openKeyProvider({ ...config.keys, mode: config.mode })
  const { policy } = await loadPolicy(config.policyDir)
  const database = await openDatabase(config, secrets, commandLog(config.log.level))
  try {
    const db = openPool({ ...database.owner, max: 4, applicationName: 'weir-keys' })
    try {
      return await explained(async () => {
        if ((await pendingMigrations(db)) > 0) throw new AppError('conflict', 'migrations wait: run weir migrate')
        return work({ config, db, provider, policy, openKeyring: () => openKeyring(db, provider) })
      })
    } finally {
      await db.$client.end()
    }
  } finally {
    await database.stop()
  }
}

/** Development would make one, and what was asked about would be another root than the database’s. */
export async function refuseNoKeyset(uri: string): Promise<void> {
  if (!uri.startsWith('file:')) return
  const path = keysetPath(uri)
  const found = await lstat(path).catch(() => undefined)
  if (found !== undefined) return
  const message = `the keyset ${path} is not there: bring it back, or make one with weir keys init and put a copy of the keys under it with weir keys restore`
  throw new AppError('invalid', message, { code: 'secret-file-missing' })
}

export async function refuseMissing(dataDir: string): Promise<void> {
  const found = await lstat(join(dataDir, 'postgres')).catch(() => undefined)
  if (found === undefined) {
    throw new AppError('conflict', `no database is under ${dataDir}: start Weir first, or set DATABASE_URL`)
  }
}
