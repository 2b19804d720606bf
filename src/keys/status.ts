import type { Db } from '../db/pool.ts'
import type { KeyTimes } from '../policy/compiled.ts'
import { livingBackups, uncopiedKeys } from './backup.ts'
import { type Horizon, horizon } from './horizon.ts'
import { readKeys } from './key-table.ts'
import { KEY_CLASSES, type KeyClass, type KeyProvider } from './provider.ts'
import { type ModulePseudonyms, modulePseudonyms } from './pseudonyms-in-use.ts'

export interface ClassStatus {
  readonly class: KeyClass
  /** Number of the key that makes new values; null where a database was never started. */
  readonly active: number | null
  readonly decryptOnly: readonly number[]
  readonly destroyed: readonly number[]
}

export interface BackupStatus {
  readonly backupId: string
  readonly madeAt: string
  readonly expiresAt: string
  readonly sealedTo: string
  readonly verifiedAt: string | null
  /** Keys that are destroyed here and can still be opened with this copy: delete it, or wait until it expires. */
  readonly holdsDestroyed: readonly string[]
}

export interface KeysStatus {
  readonly classes: readonly ClassStatus[]
  readonly horizon: Horizon
  readonly backups: readonly BackupStatus[]
  /** Active keys that no good copy holds: lost with the root. */
  readonly uncopied: readonly string[]
  /** By which pseudonym root each module knows people, and how far a rebuild is. */
  readonly modules: readonly ModulePseudonyms[]
}

/** What keys there are, never a key. `now` in milliseconds. */
export async function keysStatus(
  { db, provider }: { readonly db: Db; readonly provider: KeyProvider },
  times: KeyTimes,
  now: number,
): Promise<KeysStatus> {
  const rows = await readKeys(db)
  const backups = await livingBackups(db, now)
  const of = (keyClass: KeyClass, state: string): number[] =>
    rows.filter((row) => row.class === keyClass && row.state === state).map((row) => row.kid)
  const destroyed = new Set(rows.filter((row) => row.state === 'destroyed').map((row) => `${row.class}/${row.kid}`))
  return {
    classes: KEY_CLASSES.map((keyClass) => ({
      class: keyClass,
      active: of(keyClass, 'active')[0] ?? null,
      decryptOnly: of(keyClass, 'decrypt-only'),
      destroyed: of(keyClass, 'destroyed'),
    })),
    horizon: horizon(rows, backups, { ...times, destroyDelayDays: provider.destroyDelayDays }, now),
    uncopied: await uncopiedKeys(db, now),
    backups: backups.map((one) => ({
      backupId: one.backup_id,
      madeAt: one.made_at.toISOString(),
      expiresAt: one.expires_at.toISOString(),
      sealedTo: one.sealed_to,
      verifiedAt: one.verified_at?.toISOString() ?? null,
      holdsDestroyed: one.keys.filter((name) => destroyed.has(name)),
    })),
    modules: await modulePseudonyms(db),
  }
}
