import { AppError } from '../errors.ts'
import type { KeyTimes } from '../policy/compiled.ts'
import { destroyKeys, finishDestroying } from './destroy.ts'
import { type KeyRow, readKeys } from './key-table.ts'
import { finishRoll, type KeyDeps, ROLLABLE, type Rollable, rollKey, withKeysLock } from './roll.ts'

export interface KeysKept {
  /** Number of the key epoch that began; absent where it was not time. */
  readonly epoch?: number
  readonly destroyed: readonly string[]
  /** Classes of which an old key is past its time and still needed: the next housekeeping looks again. */
  readonly waiting: readonly string[]
}

const DAY_MS = 86_400_000

/**
 * What the policy's `keys` ask for now: a roll that was cut off is completed, a new epoch begins after `epoch_days`, an
 * old one is destroyed `backup_days` after it was replaced, an old root of pseudonyms or of the index after
 * `overlap_days`. Safe to call at any time, on every node: one of them does it.
 * @throws AppError `keys-busy` where another process does
 */
export async function keepKeys(deps: KeyDeps, times: KeyTimes): Promise<KeysKept> {
  await finishRoll(deps)
  const shared = await withKeysLock(deps.db, () => finishDestroying(deps))
  const active = (await readKeys(deps.db)).find((row) => row.class === 'epoch' && row.state === 'active')!
  const isTime = (active.activated_at ?? active.made_at).getTime() + times.epochDays * DAY_MS <= deps.now()
  const rolled = isTime ? await rollKey(deps, 'epoch') : undefined
  const destroyed: string[] = []
  const waiting: string[] = shared.length === 0 ? [] : ['epoch']
  for (const keyClass of ROLLABLE) {
    const last = dueToGo(await readKeys(deps.db), keyClass, times, deps.now())
    if (last === undefined) continue
    try {
      for (const { kid } of await destroyKeys(deps, keyClass, last)) destroyed.push(`${keyClass}/${kid}`)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'key-in-use') throw error
      if (!waiting.includes(keyClass)) waiting.push(keyClass)
    }
  }
  return { ...(rolled === undefined ? {} : { epoch: rolled.kid }), destroyed, waiting }
}

/** The highest number of the class that has been replaced for as long as the policy wants it readable. */
function dueToGo(rows: readonly KeyRow[], keyClass: Rollable, times: KeyTimes, now: number): number | undefined {
  const days = keyClass === 'epoch' ? times.backupDays : times.overlapDays
  const due = rows.filter(
    (row) =>
      row.class === keyClass &&
      row.state === 'decrypt-only' &&
      row.retired_at !== null &&
      row.retired_at.getTime() + days * DAY_MS <= now,
  )
  return due.length === 0 ? undefined : Math.max(...due.map((row) => row.kid))
}
