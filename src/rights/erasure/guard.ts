import type { Db } from '../../db/pool.ts'
import { AppError } from '../../errors.ts'
import type { Logger } from '../../log.ts'
import { beginLedger, type ErasureLedger, type LedgerEntry } from './ledger-file.ts'

/**
 * Whether this database may serve: a backup that was restored knows nothing of the erasures since, and would bring people
 * back. Compares the ledger outside of it with what the database says it did. Throws AppError conflict with what to do.
 */
export async function refuseForgotten(db: Db, ledger: ErasureLedger, log: Pick<Logger, 'warn'>): Promise<void> {
  const entries = await ledger.read()
  const restored = await wasRestored(db)
  if (entries === undefined) {
    if (restored) throw ledgerMissing(ledger.path)
    if (await knowsErasures(db)) {
      log.warn(
        'the ledger of erasures is not where WEIR_ERASURE_LEDGER says: without it a restored backup brings people back',
      )
    }
    await beginLedger(ledger.path)
    return
  }
  const missing = await missingErasures(db, entries)
  if (missing.length === 0) return
  throw new AppError(
    'conflict',
    `this database does not know of ${missing.length} erasures that the ledger has: it was restored; run weir erase --replay before it serves anybody`,
    { code: 'erasures-missing' },
  )
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

async function wasRestored(db: Db): Promise<boolean> {
  const { rowCount } = await db.$client.query('select from weir.restore_guard where replayed_at is null limit 1')
  return rowCount !== 0
}

async function knowsErasures(db: Db): Promise<boolean> {
  const { rowCount } = await db.$client.query('select from weir.erasure limit 1')
  return rowCount !== 0
}

function ledgerMissing(path: string): AppError {
  const message = `this database was restored, and the ledger of erasures ${path} is not there: put it back (WEIR_ERASURE_LEDGER names it) and run weir erase --replay; where nobody was ever erased: weir erase --replay --without-ledger`
  return new AppError('conflict', message, { code: 'ledger-missing' })
}
