import { createHmac, createSecretKey, type KeyObject, randomFillSync } from 'node:crypto'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { lpConcat, u32 } from '../protect/layouts.ts'
import { KEY_CLASSES, type KeyClass, type KeyProvider, type WrapContext } from './provider.ts'

export type KeyState = 'pending' | 'active' | 'decrypt-only' | 'destroyed'

/** A row of weir.key. */
export interface KeyRow {
  readonly class: KeyClass
  readonly kid: number
  readonly state: KeyState
  /** As the provider's root wrapped it; null once it is destroyed. */
  readonly wrapped: Buffer | null
  readonly check_value: Buffer | null
  readonly made_at: Date
  readonly activated_at: Date | null
  readonly retired_at: Date | null
  readonly destroyed_at: Date | null
  /** Version of the root that is to be destroyed with it. */
  readonly root_version: string | null
  /** When the destruction of that version takes effect; null until the provider has said so. */
  readonly unrecoverable_at: Date | null
}

/** Advisory lock of everything that makes, rolls or destroys keys; held by a session or a transaction. */
export const KEYS_LOCK = 20005 // beside the classes of src/db/locks.ts

const COLUMNS = `class, kid, state, wrapped, check_value, made_at, activated_at, retired_at, destroyed_at, root_version, unrecoverable_at`

/** Every key ever made, by class and number. */
export async function readKeys(db: Db | Tx): Promise<KeyRow[]> {
  const { rows } = await db.$client.query<KeyRow>(`select ${COLUMNS} from weir.key order by class, kid`)
  return rows
}

/** What a key of a class is bound to. Epoch keys keep the name that they had in a table of their own. */
export function contextOf(keyClass: KeyClass, kid: number): WrapContext {
  return { class: keyClass === 'epoch' ? 'key-epoch' : keyClass, kid: String(kid) }
}

/** A new random key. */
export function generateKey(): KeyObject {
  const bytes = randomFillSync(Buffer.alloc(32))
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

/** HMAC-SHA-256(key, LP("gw/v1/chk") ‖ LP(class) ‖ LP(kid u32BE))[:8]: tells a key from another one, and nothing of it. */
export function checkValue(keyClass: KeyClass, kid: number, key: KeyObject): Buffer {
  return createHmac('sha256', key)
    .update(lpConcat('gw/v1/chk', keyClass, u32(kid)))
    .digest()
    .subarray(0, 8)
}

/** The row's bytes of a key. */
export async function wrapKey(provider: KeyProvider, keyClass: KeyClass, kid: number, key: KeyObject): Promise<Buffer> {
  const bytes = key.export()
  try {
    return await provider.wrap(bytes, contextOf(keyClass, kid))
  } finally {
    bytes.fill(0)
  }
}

/** Throws AppError `keyset-mismatch` where the provider's root is not that of this database. */
export async function unwrapKey(
  provider: KeyProvider,
  row: Pick<KeyRow, 'class' | 'kid'>,
  wrapped: Buffer,
): Promise<KeyObject> {
  const bytes = await provider.unwrap(wrapped, contextOf(row.class, row.kid)).catch((cause: unknown) => {
    if (cause instanceof AppError && cause.code === 'key-root-destroyed') {
      const message = `the version of the root that holds this database's keys was destroyed, as is meant after an erasure: nothing in a copy this old can be opened`
      throw new AppError('conflict', message, { code: 'key-root-destroyed', cause })
    }
    if (cause instanceof AppError) throw cause // the provider did not answer: no mismatch
    const message = `the keyset in ${provider.uri} does not open this database's keys: bring back the one that belongs to it, or put a copy of the keys under it with weir keys restore`
    throw new AppError('conflict', message, { code: 'keyset-mismatch', cause })
  })
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

/**
 * Makes the first key of every class that has none, in a database where nothing was sealed yet, or takes it over from
 * a keyset that held it. Wrapped before the transaction begins: a provider may be on the network. Of several processes
 * that start at once one wins.
 */
export async function makeFirstKeys(db: Db, provider: KeyProvider, inherited: Inherited): Promise<KeyRow[]> {
  const held = await readKeys(db)
  const missing = KEY_CLASSES.filter((keyClass) => held.every((row) => row.class !== keyClass))
  if (missing.length === 0) return held
  const made = await Promise.all(
    missing.map(async (keyClass) => {
      const before = inherited.get(keyClass)
      const kid = before?.kid ?? 1
      const key = before?.key ?? generateKey()
      const wrapped = await wrapKey(provider, keyClass, kid, key)
      return { keyClass, kid, wrapped, check: checkValue(keyClass, kid, key), inherited: before !== undefined }
    }),
  )
  return transaction(db, async (tx) => {
    await tx.$client.query('select pg_advisory_xact_lock($1, 0)', [KEYS_LOCK])
    for (const { keyClass, kid, wrapped, check, inherited: known } of made) {
      await tx.$client.query(
        `insert into weir.key (class, kid, state, wrapped, check_value, activated_at)
         select $1, $2, 'active', $3, $4, clock_timestamp()
         where not exists (select from weir.key where class = $1) and ($5 or not exists (select from weir.subject_key))`,
        [keyClass, kid, wrapped, check, known],
      )
    }
    return readKeys(tx)
  })
}

export type Inherited = ReadonlyMap<KeyClass, { readonly kid: number; readonly key: KeyObject }>
