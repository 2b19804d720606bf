import { createSecretKey, type KeyObject, randomFillSync } from 'node:crypto'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { KeyProvider, WrapContext } from './provider.ts'

/** The open keys of the key epochs: every one opens, the active one wraps. */
export interface Epochs {
  readonly active: { readonly kid: number; readonly key: KeyObject }
  readonly byKid: ReadonlyMap<number, KeyObject>
}

interface EpochRow {
  readonly kid: number
  readonly wrapped: Buffer
  readonly state: 'pending' | 'active' | 'decrypt-only'
}

/** Opens every key epoch that is not destroyed; makes the first one in a database that has none. */
export async function openEpochs(db: Db, provider: KeyProvider): Promise<Epochs> {
  const rows = await readEpochs(db)
  return unwrapEpochs(rows.length > 0 ? rows : await createFirstEpoch(db, provider), provider)
}

/** Wrapped before the transaction begins: a provider may be on the network. Of several processes one wins. */
async function createFirstEpoch(db: Db, provider: KeyProvider): Promise<EpochRow[]> {
  const key = randomFillSync(Buffer.alloc(32))
  const wrapped = await provider.wrap(key, contextOf(1))
  key.fill(0)
  return transaction(db, async (tx) => {
    await tx.$client.query('select pg_advisory_xact_lock($1, 0)', [FIRST_EPOCH_LOCK])
    await tx.$client.query(
      `insert into weir.key_epoch (kid, wrapped, state)
       select 1, $1, 'active'
       where not exists (select from weir.key_epoch) and not exists (select from weir.subject_key)`,
      [wrapped],
    )
    return readEpochs(tx)
  })
}

const FIRST_EPOCH_LOCK = 20005 // beside the classes of src/db/locks.ts

async function readEpochs(db: Db | Tx): Promise<EpochRow[]> {
  const { rows } = await db.$client.query<EpochRow>(
    `select kid, wrapped, state from weir.key_epoch where state <> 'destroyed' order by kid`,
  )
  return rows
}

async function unwrapEpochs(rows: readonly EpochRow[], provider: KeyProvider): Promise<Epochs> {
  const byKid = new Map<number, KeyObject>()
  for (const { kid, wrapped } of rows) byKid.set(kid, await unwrapEpoch(provider, kid, wrapped))
  const kid = rows.find(({ state }) => state === 'active')?.kid
  const key = kid === undefined ? undefined : byKid.get(kid)
  if (kid === undefined || key === undefined) {
    // A fresh epoch beside old subject keys would look like a start and open nothing.
    const message = 'no key epoch of this database is active: restore the rows of weir.key_epoch that belong to it'
    throw new AppError('conflict', message, { code: 'key-epoch-inactive' })
  }
  return { active: { kid, key }, byKid }
}

async function unwrapEpoch(provider: KeyProvider, kid: number, wrapped: Buffer): Promise<KeyObject> {
  const bytes = await provider.unwrap(wrapped, contextOf(kid)).catch((cause: unknown) => {
    const message = `the keyset in ${provider.uri} does not open this database's keys: restore the keyset that belongs to it`
    throw new AppError('conflict', message, { code: 'keyset-mismatch', cause })
  })
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

function contextOf(kid: number): WrapContext {
  return { class: 'key-epoch', kid: String(kid) }
}
