import { uuidArray } from '../../db/binary-array.ts'
import type { Db } from '../../db/pool.ts'
import { AppError } from '../../errors.ts'
import type { Logger } from '../../log.ts'
import type { ErasureLedger, LedgerEntry } from './ledger-file.ts'

/**
 * Whether this database may serve: a backup that was restored knows nothing of the erasures since, and would bring people
 * back. Compares the ledger outside of it with what the database says it did. Throws AppError conflict with what to do.
 */
export async function refuseForgotten(db: Db, ledger: ErasureLedger, log: Pick<Logger, 'error'>): Promise<void> {
  const entries = await ledger.read()
  if (await wasRestored(db)) throw entries === undefined ? ledgerMissing(ledger.path) : notReplayed()
  const missing = await missingErasures(db, entries ?? [])
  if (missing.length > 0) throw erasuresMissing(missing.length)
  const lost = await lostErasures(db, entries ?? [])
  if (lost > 0) {
    log.error(
      { erasures: lost },
      'the ledger of erasures lacks some that this database has done: a backup from before them would bring people back; put a whole copy of it where WEIR_ERASURE_LEDGER says',
    )
  }
  await ledger.begin()
}

/** Erasures of the ledger that the database has not done, and that no request of its own is about to do. */
export async function missingErasures(db: Db, entries: readonly LedgerEntry[]): Promise<LedgerEntry[]> {
  const { rows } = await db.$client.query<{ id: string }>(
    `select e.erasure_id as id from weir.erasure e left join weir.request r on r.request_id = e.erasure_id
     where e.done_at is not null or (r.closed_at is null and r.state in ('executing', 'failed'))`,
  )
  const known = new Set(rows.map((row) => row.id))
  return entries.filter(({ id }) => !known.has(id))
}

/** How many erasures the database has done that the ledger does not have: it was lost, or is an older copy. */
export async function lostErasures(db: Db, entries: readonly LedgerEntry[]): Promise<number> {
  const { rows } = await db.$client.query<{ n: number }>(
    `select count(*)::integer as n from weir.erasure where done_at is not null and erasure_id <> all($1::uuid[])`,
    [uuidArray(entries.map(({ id }) => id))],
  )
  return rows[0]!.n
}

/** Whether this database came out of a backup, and nobody has erased again what was erased since. */
export async function wasRestored(db: Db): Promise<boolean> {
  const { rowCount } = await db.$client.query('select from weir.restore_guard where replayed_at is null limit 1')
  return rowCount !== 0
}

function erasuresMissing(count: number): AppError {
  const message = `this database does not know of ${count} erasures that the ledger has: it was restored; run weir erase --replay before it serves anybody`
  return new AppError('conflict', message, { code: 'erasures-missing' })
}

function notReplayed(): AppError {
  const message =
    'this database was restored: run weir erase --replay, with the newest ledger of erasures, before it serves anybody'
  return new AppError('conflict', message, { code: 'restore-not-replayed' })
}

function ledgerMissing(path: string): AppError {
  const message = `this database was restored, and the ledger of erasures ${path} is not there: put it back (WEIR_ERASURE_LEDGER names it) and run weir erase --replay; where nobody was erased since the backup: weir erase --replay --without-ledger`
  return new AppError('conflict', message, { code: 'ledger-missing' })
}
