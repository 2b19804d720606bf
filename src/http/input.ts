import type { Request } from 'express'
import type { z } from 'zod'
import { AppError } from '../errors.ts'
import type { Input, RouteDocs } from './routes/route.ts'
import { wordingOf } from './wording.ts'

/**
 * The input of a route, parsed by its schemas. Throws AppError 400 `request-invalid` that names what is wrong and
 * where, and `ids-in-url` for identifiers in a query string, where every proxy on the way would log them.
 */
export function readInput(route: RouteDocs, request: Request, body: unknown): Input {
  if (Object.keys(request.query).some((name) => personal.test(name))) throw idsInUrl()
  return {
    params: parse(route.params, request.params, 'path'),
    query: parse(route.query, request.query, 'query'),
    body: parse(route.body?.schema, body, 'body'),
  }
}

const personal = /^(?:user|anonymous|previous|subject|device|email|phone)/i

function idsInUrl(): AppError {
  return new AppError(
    'invalid',
    'Identifiers never go into a URL: send them as Weir-User-Id, Weir-Anonymous-Id, Weir-Anonymous-Secret or Weir-Subject-Token.',
    { code: 'ids-in-url' },
  )
}

function parse(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return undefined
  const parsed = schema.safeParse(value, { error: wordingOf })
  if (parsed.success) return parsed.data
  const issues = tellingOnes(parsed.error.issues.slice(0, 50)).slice(0, 5)
  throw new AppError('invalid', issues.map((issue) => describe(issue, where)).join('; '), { code: 'request-invalid' })
}

/** What a whole must hold (`from` before `to`) says nothing new while a part of it cannot be read. */
function tellingOnes(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const parts = issues.filter((issue) => issue.code !== 'custom')
  return issues.filter(
    (issue) => issue.code !== 'custom' || !parts.some(({ path }) => issue.path.every((step, i) => path[i] === step)),
  )
}

/** The place and what to write there; a step of the path that may be anything is not repeated. */
function describe(issue: z.core.$ZodIssue, where: string): string {
  const path = [where, ...issue.path.map((part) => (/^\w{1,40}$/.test(String(part)) ? String(part) : '…'))].join('.')
  return `${path}: ${issue.message}`
}
