import { appendEntries } from '../audit/log.ts'
import type { Db } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { checkValue, generateKey, KEYS_LOCK, type KeyRow, readKeys, unwrapKey, wrapKey } from './key-table.ts'
import type { Keyring } from './keyring.ts'
import type { KeyClass, KeyProvider } from './provider.ts'
import { countToRewrap, rewrapSubjectKeys } from './rewrap.ts'

export interface KeyDeps {
  /** Two connections at least: one holds the lock. */
  readonly db: Db
  readonly provider: KeyProvider
  readonly keyring: Keyring
  readonly now: () => number
  /** `cli` or `weir`: who stands in the audit log. */
  readonly actor: string
  readonly progress?: ((done: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Classes whose key may be replaced by a new one. */
export const ROLLABLE = ['epoch', 'pseudonym', 'index'] as const satisfies readonly KeyClass[]
export type Rollable = (typeof ROLLABLE)[number]

/**
 * One process at a time makes, rolls or destroys keys.
 * @throws AppError `keys-busy` where another one does
 */
export async function withKeysLock<T>(db: Db, work: () => Promise<T>): Promise<T> {
  const client = await db.$client.connect()
  try {
    const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1, 0) as mine', [KEYS_LOCK])
    if (!rows[0]!.mine) {
      throw new AppError('conflict', 'another process works on the keys: try again when it is done', {
        code: 'keys-busy',
      })
    }
    try {
      return await work()
    } finally {
      await client.query('select pg_advisory_unlock($1, 0)', [KEYS_LOCK]).catch(() => undefined) // else with the connection
    }
  } finally {
    client.release(true)
  }
}

export interface Rolled {
  readonly class: Rollable
  /** Number of the new key. */
  readonly kid: number
  /** Subject keys that were wrapped anew. */
  readonly rewrapped: number
}

/**
 * Makes a new key of the class the active one; the one before opens only, until it is destroyed. For the epoch the
 * provider's root gets a version first, and every subject key is wrapped anew. Each step is durable before the next:
 * one that was cut off is taken up by the next call (`finishRoll`), which then makes no second key.
 */
export function rollKey(deps: KeyDeps, keyClass: Rollable): Promise<Rolled> {
  return withKeysLock(deps.db, async () => {
    const pending = (await readKeys(deps.db)).find((row) => row.class === keyClass && row.state === 'pending')
    const kid = pending?.kid ?? (await makePending(deps, keyClass))
    await activate(deps, keyClass, kid)
    return { class: keyClass, kid, rewrapped: keyClass === 'epoch' ? await rewrapAll(deps) : 0 }
  })
}

/** Completes a roll of the epoch that was cut off, if there is one. @returns subject keys wrapped anew */
export function finishRoll(deps: KeyDeps): Promise<number> {
  return withKeysLock(deps.db, async () => {
    for (const row of await readKeys(deps.db)) {
      if (row.state === 'pending') await activate(deps, row.class, row.kid)
    }
    return rewrapAll(deps)
  })
}

async function makePending(deps: KeyDeps, keyClass: Rollable): Promise<number> {
  const { db, provider } = deps
  if (keyClass === 'epoch') await provider.rotate()
  const kid = Math.max(...(await readKeys(db)).filter((row) => row.class === keyClass).map((row) => row.kid)) + 1
  const key = generateKey()
  const wrapped = await wrapKey(provider, keyClass, kid, key)
  await transaction(db, async (tx) => {
    await tx.$client.query(
      `insert into weir.key (class, kid, state, wrapped, check_value) values ($1, $2, 'pending', $3, $4)`,
      [keyClass, kid, wrapped, checkValue(keyClass, kid, key)],
    )
    await appendEntries(tx, [entry(deps, 'keys.make', keyClass, kid)])
  })
  return kid
}

async function activate(deps: KeyDeps, keyClass: KeyClass, kid: number): Promise<void> {
  await transaction(deps.db, async (tx) => {
    await tx.$client.query(
      `update weir.key set state = 'decrypt-only', retired_at = $2 where class = $1 and state = 'active'`,
      [keyClass, new Date(deps.now())],
    )
    await tx.$client.query(`update weir.key set state = 'active', activated_at = $3 where class = $1 and kid = $2`, [
      keyClass,
      kid,
      new Date(deps.now()),
    ])
    await appendEntries(tx, [entry(deps, 'keys.activate', keyClass, kid)])
  })
  await deps.keyring.refresh()
  // Whoever made a subject under the epoch before has committed when this lock is had; later ones are refused.
  if (keyClass === 'epoch')
    await transaction(deps.db, (tx) => tx.$client.query('lock table weir.subject_key in share mode'))
}

/** Everything that the epochs before hold goes under the active one: first the few keys of the classes, then the subjects'. */
async function rewrapAll(deps: KeyDeps): Promise<number> {
  await deps.keyring.refresh()
  await rewrapRoots(deps)
  const done = await rewrapSubjectKeys(deps)
  if (deps.signal?.aborted === true) return done
  const left = await countToRewrap(deps.db, deps.keyring)
  if (left > 0)
    throw new AppError('conflict', `${left} subject keys are still under an older epoch: run it again`, {
      code: 'keys-busy',
    })
  return done
}

/** What is in use must not need a version of the root that goes with an old epoch. */
async function rewrapRoots({ db, provider }: KeyDeps): Promise<void> {
  const rows = await readKeys(db)
  const newest = rootVersionOf(provider, rows.find((row) => row.class === 'epoch' && row.state === 'active')!)
  for (const row of rows) {
    const retiredEpoch = row.class === 'epoch' && row.state === 'decrypt-only' // its version is destroyed with it
    if (row.wrapped === null || retiredEpoch || rootVersionOf(provider, row) === newest) continue
    const wrapped = await wrapKey(provider, row.class, row.kid, await unwrapKey(provider, row, row.wrapped))
    await db.$client.query('update weir.key set wrapped = $3 where class = $1 and kid = $2 and wrapped = $4', [
      row.class,
      row.kid,
      wrapped,
      row.wrapped,
    ])
  }
}

/** The version of the root that a key which is not destroyed needs. */
export function rootVersionOf(provider: KeyProvider, row: Pick<KeyRow, 'wrapped'>): string | undefined {
  return row.wrapped === null ? undefined : provider.rootVersion(row.wrapped)
}

export function entry(deps: Pick<KeyDeps, 'actor'>, action: string, keyClass: KeyClass, kid: number) {
  return {
    actor: deps.actor,
    action,
    resource: `key:${keyClass}/${kid}`,
    purpose: 'administration',
    outcome: 'done',
  } as const
}
