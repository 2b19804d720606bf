import { type DestinationStream, destination, type Logger, pino } from 'pino'
import { AppError } from './errors.ts'

export type { Logger } from 'pino'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export interface LogOptions {
  readonly level?: LogLevel
  /** `start` logs to stdout; every other command keeps stdout for its answer. A stream is for tests. */
  readonly to?: 'stdout' | 'stderr' | DestinationStream
}

/**
 * JSON lines. What may stand in one is an allow-list: an error says its name, codes and frames but not its message
 * (messages of Postgres, JSON.parse and zod quote what a person sent), a request its method and route pattern.
 */
export function createLog(options: LogOptions = {}): Logger {
  const to = options.to ?? 'stdout'
  return pino(
    {
      level: options.level ?? 'info',
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError, req: describeRequest, res: describeResponse },
      hooks: { logMethod: neverQuoteTheError },
    },
    typeof to === 'string' ? destination({ dest: to === 'stdout' ? 1 : 2, sync: true }) : to,
  )
}

interface Described {
  name: string
  message?: string
  frames?: string[]
  cause?: Described
  [field: string]: unknown
}

/** What the log may know of an error: also for the one handler that answers "internal error". */
export function describeError(error: unknown, depth = 0): Described {
  if (!(error instanceof Error)) return { name: typeof error }
  const known: Described = { name: error.name }
  for (const field of safeFields) {
    const value: unknown = Reflect.get(error, field)
    if (typeof value === 'string' || typeof value === 'number') known[field] = value
  }
  if (error instanceof AppError) known.message = error.message // never holds a value, see errors.ts
  known.frames = frames(error)
  if (error.cause !== undefined && depth < 4) known.cause = describeError(error.cause, depth + 1)
  return known
}

// Names and codes only. `detail`, `where`, `hint`, `message`, `query` and `params` of Postgres and drizzle hold values.
const safeFields = [
  'code',
  'kind',
  'status',
  'syscall',
  'errno',
  'severity',
  'schema',
  'table',
  'constraint',
  'routine',
]

/** The stack begins with the message, over as many lines as the message has: only lines that are frames are kept. */
function frames(error: Error): string[] {
  const lines = (error.stack ?? '').replace(error.message, '').split('\n')
  return lines.filter((line) => /^\s+at .+(:\d+:\d+|<anonymous>)\)?$/.test(line)).map((line) => line.trim().slice(3))
}

function describeRequest(request: unknown): Record<string, unknown> {
  if (typeof request !== 'object' || request === null) return {}
  const { method, route } = request as { method?: unknown; route?: { path?: unknown } }
  return { method, route: typeof route?.path === 'string' ? route.path : undefined } // the pattern, never the URL
}

function describeResponse(response: unknown): Record<string, unknown> {
  if (typeof response !== 'object' || response === null) return {}
  return { status: Reflect.get(response, 'statusCode') }
}

/** pino takes the message of an error as the line's own message where none is given: give it the error's name. */
function neverQuoteTheError(this: Logger, args: Parameters<Logger['info']>, method: Logger['info']): void {
  const [first, message] = args as unknown[]
  const error = first instanceof Error ? first : nestedError(first)
  if (error !== undefined && message === undefined) {
    const object = first instanceof Error ? { err: first } : (first as object)
    method.apply(this, [object, error.name])
    return
  }
  method.apply(this, args)
}

function nestedError(value: unknown): Error | undefined {
  if (typeof value !== 'object' || value === null || !('err' in value)) return undefined
  return value.err instanceof Error ? value.err : undefined
}
