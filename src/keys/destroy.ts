import { appendEntries } from '../audit/log.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { type KeyRow, readKeys } from './key-table.ts'
import { pseudonymsInUse } from './pseudonyms-in-use.ts'
import { countToReindex } from './reindex-plan.ts'
import { countToRewrap } from './rewrap.ts'
import { entry, type KeyDeps, type Rollable, rootVersionOf, withKeysLock } from './roll.ts'

export interface Destroyed {
  readonly class: Rollable
  readonly kid: number
  /** When nothing that it held can be opened any more, whatever copy there is; null where that lies with backups of the keys alone. */
  readonly unrecoverableAt: string | null
}

/**
 * Destroys keys that only open: those of the class with a number up to `upTo`. In the audit log first; then the row
 * forgets the wrapped key; then, for an epoch, the provider destroys the version of the root that wrapped it, so that
 * no copy of that row opens. Cut off anywhere, the next call goes on.
 * @throws AppError `key-in-use` where the key is active or something still needs it
 */
export function destroyKeys(deps: KeyDeps, keyClass: Rollable, upTo: number): Promise<Destroyed[]> {
  return withKeysLock(deps.db, async () => {
    const rows = (await readKeys(deps.db)).filter((row) => row.class === keyClass && row.kid <= upTo)
    const inUse = rows.find((row) => row.state === 'active' || row.state === 'pending')
    if (inUse !== undefined) {
      throw inUseError(
        `key ${keyClass}/${inUse.kid} is ${inUse.state}: weir keys rotate --class ${keyClass} replaces it`,
      )
    }
    await refuseWhatIsNeeded(deps, keyClass, upTo)
    for (const row of rows) if (row.state === 'decrypt-only') await forget(deps, row, keyClass)
    await deps.keyring.refresh()
    const waiting = await finishDestroying(deps)
    if (keyClass === 'epoch' && waiting.some((kid) => kid <= upTo)) {
      throw inUseError(
        'the version of the root that wrapped it still wraps a key in use, and is destroyed with the last of these',
      )
    }
    return (await readKeys(deps.db))
      .filter((row) => row.class === keyClass && row.kid <= upTo)
      .map(({ kid, unrecoverable_at: at }) => ({ class: keyClass, kid, unrecoverableAt: at?.toISOString() ?? null }))
  })
}

async function refuseWhatIsNeeded(deps: KeyDeps, keyClass: Rollable, upTo: number): Promise<void> {
  if (keyClass === 'epoch') {
    const left = await countToRewrap(deps.db, deps.keyring)
    if (left > 0)
      throw inUseError(`${left} subject keys are still under an older epoch: weir keys rotate takes them along`)
  }
  if (keyClass === 'pseudonym') {
    const needed = (await pseudonymsInUse(deps.db)).find((kid) => kid <= upTo)
    if (needed !== undefined)
      throw inUseError(`modules hold rows under pseudonym root ${needed} still: weir keys status shows their rebuild`)
  }
  if (keyClass === 'index') {
    const left = await countToReindex(deps.db)
    if (left > 0) throw inUseError(`${left} identifiers are found by an older index alone: run weir keys reindex first`)
  }
}

async function forget(deps: KeyDeps, row: KeyRow, keyClass: Rollable): Promise<void> {
  const version = rootVersionOf(deps.provider, row)
  await transaction(deps.db, async (tx) => {
    await appendEntries(tx, [entry(deps, 'keys.destroy', keyClass, row.kid)])
    await tx.$client.query(
      `update weir.key set state = 'destroyed', wrapped = null, destroyed_at = $3, root_version = $4 where class = $1 and kid = $2`,
      [row.class, row.kid, new Date(deps.now()), keyClass === 'epoch' ? version : null],
    )
  })
}

/**
 * Tells the provider of every epoch that was destroyed here and not there yet. A version that wraps another key still,
 * as after the keys of a copy were put back, waits until that one is replaced, and holds nothing else up. The caller
 * holds the lock of the keys. @returns numbers of the epochs that wait so
 */
export async function finishDestroying({ db, provider }: KeyDeps): Promise<number[]> {
  const rows = await readKeys(db)
  const needed = new Set(rows.map((row) => rootVersionOf(provider, row)))
  const waiting: number[] = []
  for (const row of rows) {
    if (row.root_version === null || row.unrecoverable_at !== null) continue
    if (needed.has(row.root_version)) {
      waiting.push(row.kid)
      continue
    }
    const { effectiveAt } = await provider.destroy(row.root_version)
    await db.$client.query('update weir.key set unrecoverable_at = $3 where class = $1 and kid = $2', [
      row.class,
      row.kid,
      effectiveAt,
    ])
  }
  return waiting
}

function inUseError(message: string): AppError {
  return new AppError('conflict', message, { code: 'key-in-use' })
}
