/** The six things that can go wrong for a caller; everything else is an internal error and stays inside. */
export type ErrorKind = 'invalid' | 'unauthenticated' | 'forbidden' | 'not-found' | 'conflict' | 'overloaded'

export interface AppErrorOptions {
  /** Stable machine-readable code of the problem document, for instance `body-too-large`. Defaults to the kind. */
  readonly code?: string
  /** HTTP status where it differs from the kind's own (413 and 415 are `invalid`, 429 is `overloaded`). */
  readonly status?: number
  /** Whole seconds for Retry-After (RFC 9110 §10.2.3): SDKs of the field understand integers only. */
  readonly retryAfter?: number
  readonly cause?: unknown
}

/**
 * An error that a caller can act on. The message is shown to the caller: it says what to do and never holds a
 * value that the caller sent (it may be personal); the cause stays in the operator's log.
 */
export class AppError extends Error {
  readonly kind: ErrorKind
  readonly code: string
  readonly status: number
  readonly retryAfter: number | undefined

  constructor(kind: ErrorKind, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'AppError'
    this.kind = kind
    this.code = options.code ?? kind
    this.status = options.status ?? statusOf[kind]
    this.retryAfter = options.retryAfter
  }
}

const statusOf: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  overloaded: 503,
}

/**
 * Whether a resource could not be asked, rather than said no: the database is away, stops, starts, hangs, or has no
 * connection left. Whether what was under way was committed is unknown then.
 */
export function isAway(error: unknown): boolean {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 4; e = e.cause, depth++) {
    const code: unknown = Reflect.get(e, 'code')
    if (typeof code === 'string' && AWAY_CODES.test(code)) return true
    if (AWAY_MESSAGES.test(e.message)) return true
  }
  return false
}

// SQLSTATE 08 connection exception, 57P0x operator intervention, 53300 too many connections; else of the system.
const AWAY_CODES =
  /^(08\w{3}|57P0\w|53300|E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN))$/
const AWAY_MESSAGES = /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect)/ // of pg
