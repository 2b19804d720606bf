import { setTimeout as delay } from 'node:timers/promises'
import { pendingMigrations } from '../db/migrate.ts'
import type { Db } from '../db/pool.ts'
import type { Keyring } from '../keys/keyring.ts'

export interface ReadinessDeps {
  readonly db: Db
  readonly keyring: Pick<Keyring, 'health'>
  /** Whether this node delivers. */
  readonly delivers: boolean
  /** In production: how old the last good copy of the keys is. Said, and no reason to be out of service. */
  readonly keyBackupAge?: () => Promise<{ readonly days: number; readonly found: boolean }>
  /** What keeps the audit log from being signed: said, and no reason to be out of service. */
  readonly auditTrouble?: () => string | undefined
  /** Whether a synthetic event came through. */
  flows(): Promise<boolean>
}

export interface Ready {
  readonly ok: boolean
  /** `ok`, or what is wrong, in words for an operator. */
  readonly checks: Readonly<Record<string, string>>
}

const DATABASE_MS = 2_000
const OTHERS_MS = 5_000
const MAX_COPY_AGE = 7 // days
const NO_COPY = `no copy of the keys was verified for ${MAX_COPY_AGE} days and holds every key in use: run weir keys backup`
const NOT_CHECKED = 'not checked here: WEIR_DELIVERY=off'

/** What /readyz asks. Each look is bounded, and one that hangs is waited for by all callers rather than begun again. */
export function createReadiness(deps: ReadinessDeps): () => Promise<Ready> {
  const { db, keyring } = deps
  const database = createCheck(
    () => db.$client.query('select 1').then(yes),
    'the database does not answer',
    DATABASE_MS,
  )
  const others = {
    migrations: createCheck(async () => (await pendingMigrations(db)) === 0, 'migrations wait: run weir migrate'),
    keys: createCheck(() => keyring.health().then(yes), 'the key provider does not answer'),
    flow: createCheck(() => deps.flows(), 'a synthetic event did not come through in time: delivery is stuck'),
  }
  const copy = deps.keyBackupAge
  const keyBackup =
    copy === undefined ? undefined : createCheck(async () => (await copy()).days < MAX_COPY_AGE, NO_COPY)
  // What this node is there for is to take events: that another one delivers, that other one's /readyz says.
  const flows = deps.delivers ? others.flow : async () => NOT_CHECKED
  return async function ready() {
    const first = await database()
    if (first !== 'ok') return { ok: false, checks: { database: first } }
    const [migrations, keys, flow] = await Promise.all([others.migrations(), others.keys(), flows()])
    const checks = { database: first, migrations, keys, flow }
    const ok = Object.values(checks).every((state) => state === 'ok' || state === NOT_CHECKED)
    const trouble = deps.auditTrouble?.()
    const said = trouble === undefined ? checks : { ...checks, audit: trouble }
    return { ok, checks: keyBackup === undefined ? said : { ...said, keyBackup: await keyBackup() } }
  }
}

const yes = (): boolean => true

function createCheck(look: () => Promise<boolean>, otherwise: string, ms = OTHERS_MS): () => Promise<string> {
  let looking: Promise<boolean> | undefined
  return async function check() {
    looking ??= look().finally(() => {
      looking = undefined
    })
    const enough = new AbortController()
    try {
      const passes = await Promise.race([looking, delay(ms, false, { signal: enough.signal })])
      return passes ? 'ok' : otherwise
    } catch {
      return otherwise
    } finally {
      enough.abort()
    }
  }
}
