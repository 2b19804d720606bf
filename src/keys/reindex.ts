import type { Db } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { waitForMakers } from '../identity/identifiers.ts'
import { DEFAULT_RULES, type Rules } from '../identity/normalise.ts'
import { isStaleIndex } from '../identity/stale-index.ts'
import type { Keyring } from './keyring.ts'
import { indexBatch, type Listed } from './reindex-batch.ts'
import { withActiveEpoch } from './subject-keys.ts'
import { MISSING, type Wanted, wantedArrays, wantedVersions } from './wanted-index.ts'

export interface ReindexDeps {
  readonly db: Db
  readonly keyring: Keyring
  /** The rules that replace others; those of this release where absent. */
  readonly rules?: Rules
}

export interface ReindexOptions {
  readonly progress?: ((done: number, total: number) => void) | undefined
  /** Ends between two batches; the next call goes on where this one ended. */
  readonly signal?: AbortSignal | undefined
}

export interface Reindexed {
  /** Rows that were written, each an identifier under the active root and rules. */
  readonly written: number
  /** Identifiers whose new value is somebody else's already: left as they are, see listConflicts. */
  readonly conflicts: number
  /** Identifiers that the new rules refuse: left as they are. */
  readonly refused: number
  /** Rows that do not open: damaged, or their subject's key is gone. */
  readonly unreadable: number
  /** False where it was stopped. */
  readonly finished: boolean
}

const WINDOW = 2000
const AT_ONCE = 100 // a withdrawal waits for at most one of these

/**
 * Writes every identifier under the active index root and the rules in force, beside the rows of older versions, while
 * events flow and on as many nodes as like. Opens the sealed value and needs no older root. By keyset over the index
 * key, one commit a batch; what is there already is not opened, so that a run that was cut off soon is where it was.
 * Two people whose values have become one under new rules are not merged: both keep what they are found by.
 * @throws AppError `keys-busy` where the root changed meanwhile: run it again
 */
export async function reindex(deps: ReindexDeps, options: ReindexOptions = {}): Promise<Reindexed> {
  const { db, keyring } = deps
  await keyring.refresh()
  await transaction(db, waitForMakers)
  const wanted = wantedVersions(keyring, deps.rules ?? DEFAULT_RULES)
  const total = options.progress === undefined ? 0 : await countIdentifiers(db)
  const sum = { written: 0, conflicts: 0, refused: 0, unreadable: 0 }
  let after: Uint8Array = Buffer.alloc(0)
  for (let done = 0; ; ) {
    const window = await readWindow(db, wanted, after)
    const last = window.at(-1)
    if (last === undefined) return { ...sum, finished: true }
    after = last.index_key
    const missing = window.filter((row) => row.missing)
    for (let from = 0; from < missing.length; from += AT_ONCE) {
      if (options.signal?.aborted === true) return { ...sum, finished: false }
      const rows = missing.slice(from, from + AT_ONCE)
      const batch = await withActiveEpoch(keyring, () => indexBatch(deps, wanted, rows)).catch(rootChanged)
      for (const name of ['written', 'conflicts', 'refused', 'unreadable'] as const) sum[name] += batch[name]
    }
    done += window.length
    options.progress?.(done, Math.max(done, total))
    if (options.signal?.aborted === true) return { ...sum, finished: false }
  }
}

function rootChanged(cause: unknown): never {
  if (!isStaleIndex(cause)) throw cause
  throw new AppError('conflict', 'the index root was replaced meanwhile: run it again', { code: 'keys-busy', cause })
}

interface WindowRow extends Listed {
  readonly missing: boolean
}

async function readWindow(db: Db, wanted: Wanted, after: Uint8Array): Promise<WindowRow[]> {
  const { rows } = await db.$client.query<WindowRow>({
    name: 'reindex-window',
    text: `select i.index_key, i.subject_id, ${MISSING} as missing
      from (select * from weir.identifier where index_key > $4 order by index_key limit ${WINDOW}) i order by i.index_key`,
    values: [...wantedArrays(wanted), Buffer.from(after)],
  })
  return rows
}

async function countIdentifiers(db: Db): Promise<number> {
  const { rows } = await db.$client.query<{ n: number }>('select count(*)::integer as n from weir.identifier')
  return rows[0]!.n
}
