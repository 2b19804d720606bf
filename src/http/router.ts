import { pipeline } from 'node:stream'
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import helmet from 'helmet'
import { AppError } from '../errors.ts'
import { sessionEnded } from '../officers/sessions.ts'
import { authenticateSource, presented, withBodyKeys } from './authenticate.ts'
import { BODY_LIMIT, ClientGone, readBody } from './body.ts'
import { knowCaller } from './callers.ts'
import { corsHeaders } from './cors.ts'
import { helmetOptions } from './headers.ts'
import type { Edge } from './ingest.ts'
import { readInput } from './input.ts'
import { MAX_PARTS, parseJson } from './json.ts'
import { privacyPages } from './privacy-pages.ts'
import { ingestProblemOf, methodNotAllowed, notFound, PROBLEM_TYPE, type ProblemAnswer, problemOf } from './problem.ts'
import { createRoutes } from './routes/index.ts'
import type { Answer, Input, Route } from './routes/route.ts'

/**
 * Everything but the wire protocol: an Express 5 app over the table of routes. A route that needs a role and names
 * none fails here, at construction.
 */
export function createRouter(edge: Edge): express.Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag') // a tag of an answer about a person would let caches tell two answers apart
  app.set('query parser', 'simple')
  app.set('case sensitive routing', true)
  app.use('/privacy', helmet(helmetOptions.pages), privacyPages(edge))
  const routes = createRoutes(edge.deps)
  for (const route of routes) mount(app, edge, route)
  for (const [path, methods] of methodsByPath(routes)) {
    app.all(path, helmet(helmetOptions.api), (_request, response) => sendProblem(response, methodNotAllowed(methods)))
  }
  app.use(helmet(helmetOptions.api), (_request, response) => sendProblem(response, notFound()))
  app.use(createErrorHandler(edge))
  return app
}

function mount(app: express.Express, edge: Edge, route: Route): void {
  const { access } = route
  if (access.who === 'ingest') return
  if (access.who === 'role' && access.roles.length === 0) throw new Error(`no role may call ${route.path}`)
  const headers = helmet(helmetOptions[route.surface])
  const handler: RequestHandler = async (request, response) => {
    response.locals.surface = route.surface
    send(response, await handle(edge, route, request, response))
  }
  app[route.method](route.path, headers, handler)
}

async function handle(edge: Edge, route: Route, request: Request, response: Response): Promise<Answer> {
  const { access } = route
  const caller = { request, addressPrefix: edge.callerPrefix(request) }
  if (access.who === 'anyone') {
    if (route.surface === 'ingest') await allowReading(edge, request, response) // people ask from the shop's pages
    return access.handle({ ...(await inputOf(route, request)), ...caller })
  }
  if (access.who === 'role' || access.who === 'officer') {
    const { actor, session } = await knowCaller(edge, route, access, request)
    const input = await inputOf(route, request)
    if (access.who === 'role') return access.handle({ ...input, actor, session })
    if (session === undefined) throw sessionEnded()
    return access.handle({ ...input, ...caller, actor, session })
  }
  if (access.who === 'ingest') throw new Error('answered before the router')
  await allowReading(edge, request, response)
  const { origin } = request.headers
  const inHeaders = presented(request, access.who === 'source' ? keyBeside(access.keyIn, request) : [])
  let source = inHeaders === undefined ? undefined : await authenticateSource(edge.cache, inHeaders, origin)
  const raw = await bodyOf(route, request)
  const credentials = withBodyKeys(inHeaders, writeKeyIn(raw))
  if (access.who === 'asker' && credentials === undefined) {
    return access.handle({ ...readInput(route, request, raw), ...caller, source: undefined })
  }
  source ??= await authenticateSource(edge.cache, credentials, origin)
  edge.limit(source, caller.addressPrefix, 1)
  return access.handle({ ...readInput(route, request, raw), ...caller, source })
}

/** Set before anything can fail: an error that a page may not read looks to its SDK like a broken network. */
async function allowReading(edge: Edge, request: Request, response: Response): Promise<void> {
  const { origin } = request.headers
  const allowed = origin !== undefined && (await edge.cache.listsOrigin(origin))
  response.set(corsHeaders(origin, { allowed }))
}

function keyBeside(place: 'path' | 'query' | undefined, request: Request): string[] {
  if (place === undefined) return []
  const key: unknown = place === 'path' ? request.params.writeKey : request.query.writeKey
  return [key].flat().filter((one): one is string => typeof one === 'string')
}

function writeKeyIn(body: unknown): unknown[] {
  return typeof body === 'object' && body !== null && 'writeKey' in body ? [body.writeKey] : []
}

async function inputOf(route: Route, request: Request): Promise<Input> {
  return readInput(route, request, await bodyOf(route, request))
}

async function bodyOf(route: Route, request: Request): Promise<unknown> {
  if (route.body === undefined) return undefined
  const { limit = BODY_LIMIT } = route.body
  return parseJson(await readBody(request, limit), Math.max(MAX_PARTS, limit / 10)).value
}

function send(response: Response, answer: Answer): void {
  response.status(answer.status ?? 200).set('Cache-Control', 'no-store')
  if (answer.headers !== undefined) response.set(answer.headers)
  if (answer.stream !== undefined) {
    response.type(answer.type ?? 'application/octet-stream')
    // Whoever hangs up has ended it, and one that breaks off is seen to have: neither is an error of this answer.
    pipeline(answer.stream, response, () => undefined)
  } else if (answer.text === undefined) response.json(answer.json ?? {})
  else response.type(answer.type ?? 'text/plain; charset=utf-8').send(answer.text)
}

function sendProblem(response: Response, { status, body, headers }: ProblemAnswer): void {
  response.status(status).set({ 'Cache-Control': 'no-store', ...headers })
  response.type(PROBLEM_TYPE).send(JSON.stringify(body))
}

function methodsByPath(routes: readonly Route[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { path, method } of routes) {
    const methods = method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]
    found.set(path, [...(found.get(path) ?? []), ...methods])
  }
  return found
}

function createErrorHandler({ deps }: Edge) {
  // Express knows an error handler by its four parameters.
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    if (error instanceof ClientGone || response.headersSent) {
      response.destroy()
      return
    }
    const known = error instanceof URIError ? unreadablePath() : error
    // SDKs and shops wait and ask again where they are told to; officers are told that something broke.
    const problem = response.locals.surface === 'ingest' ? ingestProblemOf(known) : problemOf(known)
    if (problem.body.code === 'internal') deps.log.error({ err: error, req: request }, 'request failed')
    sendProblem(response, problem)
  }
}

function unreadablePath(): AppError {
  return new AppError('invalid', 'The path is not percent-encoded UTF-8.', { code: 'path-unreadable' })
}
