import type { KeyTimes } from '../policy/compiled.ts'
import type { KeyRow } from './key-table.ts'

/** When what was erased is beyond anybody's reach, the operator's included, in whatever copy of the database. */
export interface Horizon {
  /** For somebody who is erased now. ISO 8601. */
  readonly unrecoverableAfter: string
  /** Whoever was erased before this moment is beyond reach already; null where nobody is. */
  readonly erasedBefore: string | null
  /** For each epoch, oldest first: who was erased while it was in use, or before, is beyond reach from then on. */
  readonly epochs: readonly EpochHorizon[]
}

export interface EpochHorizon {
  readonly kid: number
  /** When the next epoch took its place; null while it is in use. */
  readonly erasedBefore: string | null
  readonly unrecoverableAfter: string
}

/** A sealed copy of the keys that has not expired. */
export interface LivingBackup {
  /** `class/kid` */
  readonly keys: readonly string[]
  readonly expires_at: Date
}

const DAY_MS = 86_400_000

/**
 * A subject key that was deleted lives on in backups of the database, wrapped by the epochs under which it was. It can
 * be opened as long as one of these can: until the epoch is destroyed with its version of the root, and until the last
 * sealed copy of the keys that holds it has expired. Epochs that are in use are counted as the schedule has them:
 * replaced after `epochDays`, destroyed `backupDays` later, in a copy made the day before at the latest.
 */
export function horizon(
  rows: readonly KeyRow[],
  backups: readonly LivingBackup[],
  times: KeyTimes & { readonly destroyDelayDays: number },
  now: number,
): Horizon {
  const epochs = rows.filter((row) => row.class === 'epoch').toSorted((a, b) => a.kid - b.kid)
  let erasedBefore: number | null = null
  let last = now
  const steps: EpochHorizon[] = []
  for (const epoch of epochs) {
    const gone = goneAt(epoch, backups, times, now)
    last = Math.max(last, gone)
    steps.push({
      kid: epoch.kid,
      erasedBefore: epoch.retired_at?.toISOString() ?? null,
      unrecoverableAfter: new Date(last > now ? last : gone).toISOString(),
    })
    // Until it was replaced, subjects were erased whose keys it wraps in older backups.
    const replaced = epoch.retired_at?.getTime()
    if (gone <= now && replaced !== undefined && last <= now) erasedBefore = replaced
  }
  return {
    unrecoverableAfter: new Date(last).toISOString(),
    erasedBefore: erasedBefore === null ? null : new Date(erasedBefore).toISOString(),
    epochs: steps,
  }
}

function goneAt(
  epoch: KeyRow,
  backups: readonly LivingBackup[],
  times: KeyTimes & { readonly destroyDelayDays: number },
  now: number,
): number {
  const copies = backups
    .filter(({ keys }) => keys.includes(`epoch/${epoch.kid}`))
    .map((one) => one.expires_at.getTime())
  if (epoch.state === 'destroyed') {
    // Not yet told by the provider: it is told again at the next housekeeping, so at the earliest now.
    return Math.max(epoch.unrecoverable_at?.getTime() ?? now + 1, ...copies)
  }
  const replaced = epoch.retired_at?.getTime() ?? Math.max(now, startOf(epoch) + times.epochDays * DAY_MS)
  const destroyed = Math.max(now, replaced + times.backupDays * DAY_MS)
  const latest = Math.max(times.keyBackupDays, times.destroyDelayDays)
  return Math.max(destroyed + latest * DAY_MS, ...copies)
}

function startOf(epoch: KeyRow): number {
  return (epoch.activated_at ?? epoch.made_at).getTime()
}
