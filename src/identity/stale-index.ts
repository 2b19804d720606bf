import { sqlState } from '../db/transaction.ts'
import { AppError } from '../errors.ts'

const NOT_CURRENT = 'WK002' // raised by weir.identifier_is_current

/**
 * Whether work failed because this process has not heard yet that the index root changed. Refresh the keyring, present
 * the identifiers anew and do it again.
 */
export function isStaleIndex(error: unknown): boolean {
  return sqlState(error) === NOT_CURRENT || (error instanceof AppError && error.code === 'index-version-closed')
}

/** Does work that finds or makes subjects; once more, from its identifiers on, where the index root had changed. */
export async function withCurrentIndex<T>(
  keyring: { refresh(): Promise<boolean> },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isStaleIndex(error)) throw error
    await keyring.refresh()
    return work()
  }
}
