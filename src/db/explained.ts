import { AppError } from '../errors.ts'
import { sqlState } from './transaction.ts'

/**
 * Runs what a start needs from the database and says in one line what an operator must change where it cannot be had.
 * @throws AppError for a server that is away, refuses the user or gives it too few rights; any other error as it is
 */
export async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const what = whatToDo(error)
    throw what === undefined ? error : new AppError('conflict', what, { code: 'database', cause: error })
  }
}

const RIGHTS =
  'it must own the database and may create roles, or be given weir_app, weir_sequencer, weir_retention, weir_statutory, weir_attribution and weir_recommendation with admin option'

const AWAY = 'start it, or unset DATABASE_URL to use the embedded one'

function whatToDo(error: unknown): string | undefined {
  const state = sqlState(error)
  if (state === '28P01' || state === '28000')
    return 'the database server refuses the user or the password of DATABASE_URL'
  if (state === '3D000')
    return 'the database that DATABASE_URL names is not there: create it, owned by the user named there'
  if (state === '42501') return `the user of DATABASE_URL has too few rights: ${RIGHTS} (docs/operations.md)`
  const code = networkCode(error)
  return code === undefined ? undefined : `the database server of DATABASE_URL does not answer (${code}): ${AWAY}`
}

const FILE_CODES = new Set(['ENOENT', 'EISDIR', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EMFILE'])

/** ECONNREFUSED and its like; of a name with several addresses the first one's. */
function networkCode(error: unknown): string | undefined {
  if (error instanceof AggregateError) return networkCode(error.errors[0])
  if (!(error instanceof Error)) return undefined
  if (/timeout/.test(error.message)) return 'timeout'
  const code: unknown = Reflect.get(error, 'code')
  // A file that cannot be read or written is another matter than the socket of a server.
  if (FILE_CODES.has(String(code)) && Reflect.get(error, 'syscall') !== 'connect') return undefined
  return typeof code === 'string' && /^E[A-Z]{3,}$/.test(code) ? code : networkCode(error.cause)
}
