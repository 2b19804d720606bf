import type { Request } from 'express'
import { AppError } from '../errors.ts'
import type { Actor, Role } from '../officers/roles.ts'
import { requireStepUp, type Session, sessionEnded } from '../officers/sessions.ts'
import { authenticateBearer, roleMissing } from './authenticate.ts'
import type { Edge } from './ingest.ts'
import { refuseForeignPage } from './own-pages.ts'
import type { Access, Route } from './routes/route.ts'
import { sessionTokenOf } from './session-cookie.ts'

/** Who calls a route of officers. */
export interface Known {
  readonly actor: Actor & { readonly role: Role }
  /** Absent for programs. */
  readonly session: Session | undefined
}

type Guarded = Extract<Access, { who: 'role' | 'officer' }>

/**
 * Knows the caller by bearer token or session and lets in whom the route lets in. Throws AppError 401 `token-invalid`,
 * `session-ended`; 403 `csrf-wrong`, `origin-foreign`, `role-missing`, `session-needed`, which are entered in the audit
 * log before they are answered, and `step-up-needed`.
 */
export async function knowCaller(edge: Edge, route: Route, access: Guarded, request: Request): Promise<Known> {
  const known = await identify(edge, access, request)
  const { actor, session } = known
  const problem = refusalOf(edge, access, request, known)
  if (problem !== undefined) {
    await edge.deps.recordRefusal({ actor, action: access.action, route: `${route.method} ${route.path}` })
    throw problem
  }
  if (access.stepUp !== undefined && session !== undefined) requireStepUp(session, access.stepUp, edge.deps.now())
  return known
}

async function identify({ deps }: Edge, access: Guarded, request: Request): Promise<Known> {
  const { authorization } = request.headers
  const token = sessionTokenOf(request)
  if (access.who === 'role' && (authorization !== undefined || request.headers.cookie === undefined)) {
    return { actor: await authenticateBearer(deps, authorization), session: undefined }
  }
  const session = token === undefined ? undefined : await deps.officers.findSession(token)
  if (session === undefined) throw sessionEnded()
  const { officer: id, role, amr } = session
  return { actor: { kind: 'officer', id, role, amr }, session }
}

function refusalOf({ deps }: Edge, access: Guarded, request: Request, { actor, session }: Known): AppError | undefined {
  if (session !== undefined && !SAFE.has(request.method)) {
    const csrf = request.headers['weir-csrf']
    if (typeof csrf !== 'string' || !deps.officers.isCsrfToken(session, csrf)) return csrfWrong()
    const foreign = thrown(() => refuseForeignPage(request, deps.config.publicUrl))
    if (foreign !== undefined) return foreign
  }
  if (access.who === 'role' && !access.roles.includes(actor.role)) return roleMissing(access.roles)
  const needsSession = access.who === 'role' && access.stepUp !== undefined
  return needsSession && session === undefined ? sessionNeeded() : undefined
}

const SAFE = new Set(['GET', 'HEAD'])

function thrown(check: () => void): AppError | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
}

function csrfWrong(): AppError {
  return new AppError('forbidden', 'Send the csrf of your session as Weir-Csrf: GET /api/session tells it.', {
    code: 'csrf-wrong',
  })
}

function sessionNeeded(): AppError {
  return new AppError('forbidden', 'This needs an officer who is signed in: a token is not enough.', {
    code: 'session-needed',
  })
}
