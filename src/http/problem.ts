import { AppError, isAway } from '../errors.ts'

/** RFC 9457 problem document. `code` is stable; `detail` says what to do and never quotes what was sent. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
}

export interface ProblemAnswer {
  readonly status: number
  readonly body: Problem
  /** Retry-After, Allow, WWW-Authenticate: where they belong to the status. */
  readonly headers: Readonly<Record<string, string>>
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** Turns any error into its answer. What is not an AppError is ours to know: the caller sees `internal`. */
export function problemOf(error: unknown): ProblemAnswer {
  if (error instanceof AppError) {
    return problem(error.status, error.code, error.message, retryHeaders(error))
  }
  if (isAway(error)) {
    const detail = 'The database does not answer just now: ask again later.'
    return problem(503, 'database-away', detail, { 'Retry-After': '2' })
  }
  return problem(500, 'internal', 'Something failed here. The operator sees the cause in the log.')
}

/** The same for ingest, where 5xx but overload makes an SDK send again for hours: wait, then try again. */
export function ingestProblemOf(error: unknown): ProblemAnswer {
  if (error instanceof AppError || isAway(error)) return problemOf(error)
  return problem(503, 'internal', 'Something failed here: send it again later.', { 'Retry-After': '5' })
}

export function notFound(): ProblemAnswer {
  return problem(404, 'no-such-route', 'There is nothing under this path. GET /docs lists every route.')
}

export function methodNotAllowed(allowed: readonly string[]): ProblemAnswer {
  const list = allowed.join(', ')
  return problem(405, 'method-not-allowed', `This path answers ${list}.`, { Allow: list })
}

function retryHeaders(error: AppError): Record<string, string> {
  const headers: Record<string, string> = {}
  // Only where a bearer token is asked for. A write key has no challenge: Basic, which SDKs use, would make browsers
  // ask a shop's visitors for a password, and Bearer would be wrong.
  if (error.code === 'token-invalid') headers['WWW-Authenticate'] = 'Bearer realm="weir"'
  // Whole seconds, at least one: the SDKs of the field ignore dates and fractions.
  if (error.retryAfter !== undefined) headers['Retry-After'] = String(Math.max(1, Math.ceil(error.retryAfter)))
  else if (error.status === 429 || error.status === 503) headers['Retry-After'] = '1'
  return headers
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Body too large',
  415: 'Encoding not supported',
  429: 'Too many requests',
  431: 'Too many headers',
  500: 'Internal error',
  503: 'Overloaded',
}

/** A problem as it is answered. */
export function problem(
  status: number,
  code: string,
  detail: string,
  headers: Record<string, string> = {},
): ProblemAnswer {
  const body = { type: `urn:weir:problem:${code}`, title: titles[status] ?? 'Error', status, code, detail }
  return { status, body, headers }
}
