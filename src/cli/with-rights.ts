import { createAudit } from '../audit/log.ts'
import { logSigningKey } from '../audit/log-key.ts'
import { createSequencer } from '../audit/sequencer.ts'
import { type Config, readConfig } from '../config.ts'
import { openDatabase } from '../db/database.ts'
import { explained } from '../db/explained.ts'
import { pendingMigrations } from '../db/migrate.ts'
import { openPool } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { type ActivePolicy, prepareStorage } from '../eventlog/partitions.ts'
import { openKeyring } from '../keys/keyring.ts'
import { openKeyProvider } from '../keys/open.ts'
import { keysStatus } from '../keys/status.ts'
import { createMetrics } from '../metrics.ts'
import { attribution } from '../modules/attribution/attribution.ts'
import { recommendation } from '../modules/recommendation/recommendation.ts'
import { createPolicyShelf } from '../pipeline/policy-shelf.ts'
import { createPseudonymisers } from '../pipeline/pseudonymisers.ts'
import { activeVersion, createPolicyArchive } from '../policy/registry.ts'
import type { RightsDeps } from '../rights/deps.ts'
import { createErasureLedger, installationOf } from '../rights/erasure/ledger-file.ts'
import { commandLog } from './output.ts'
import { refuseMissing, refuseNoKeyset } from './with-keys.ts'

const MODULES = [attribution, recommendation]
const HOUR_MS = 3_600_000

export interface WithRights {
  readonly config: Config
  readonly rights: RightsDeps
}

/**
 * What a command carries requests of people out with: the gateway's own role, by the policy that decides in the database.
 * Entries are taken into the audit log here where no gateway runs. The embedded database is started where it does not run.
 */
export async function withRights<T>(work: (context: WithRights) => Promise<T>): Promise<T> {
  const { config, secrets } = readConfig()
  if (secrets.databaseUrl === undefined) await refuseMissing(config.dataDir)
  await refuseNoKeyset(config.keys.uri)
  const provider = await openKeyProvider({ ...config.keys, mode: config.mode })
  const log = commandLog(config.log.level)
  const database = await openDatabase(config, secrets, log)
  try {
    const db = openPool({ ...database.app, max: 6, applicationName: 'weir-rights' })
    try {
      return await explained(async () => {
        if ((await pendingMigrations(db)) > 0) throw new AppError('conflict', 'migrations wait: run weir migrate')
        const keyring = await openKeyring(db, provider)
        const active = await activePolicy(db)
        const { publicUrl } = config.http
        const sequencer = createSequencer({
          db,
          key: logSigningKey(keyring.auditKey),
          publicUrl,
          log,
          metrics: createMetrics(),
        })
        const pseudonymisers = createPseudonymisers(keyring)
        const rights: RightsDeps = {
          db,
          keyring,
          audit: createAudit({ db, keyring, now: Date.now, catchUp: async () => void (await sequencer.step()) }),
          sequencer,
          active: () => active,
          policies: createPolicyShelf(),
          pseudonymisers,
          holders: () =>
            MODULES.flatMap((module) => {
              const destinationId = active.destinationIds.get(module.name)
              return destinationId === undefined
                ? []
                : [{ destinationId, module, keyring, pseudonymisers, now: Date.now }]
            }),
          now: Date.now,
          log,
          publicUrl,
          ledger: createErasureLedger(config.rights.ledger, installationOf(keyring)),
          coolingMs: config.rights.coolingHours * HOUR_MS,
          horizon: async () =>
            (await keysStatus({ db, provider }, active.compiled.keys, Date.now())).horizon.unrecoverableAfter,
          committed: () => undefined, // the gateway looks for itself
        }
        try {
          return await work({ config, rights })
        } finally {
          await sequencer.stop()
        }
      })
    } finally {
      await db.$client.end()
    }
  } finally {
    await database.stop()
  }
}

async function activePolicy(db: RightsDeps['db']): Promise<ActivePolicy> {
  const version = await activeVersion(db)
  const compiled = version === undefined ? undefined : await createPolicyArchive()(db, version)
  if (compiled === undefined) {
    throw new AppError('conflict', 'no policy decides in this database yet: start Weir first', { code: 'no-policy' })
  }
  return prepareStorage(db, compiled, new Date().toISOString().slice(0, 10))
}
