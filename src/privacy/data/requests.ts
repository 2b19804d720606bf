import { uuidArray } from '../../db/binary-array.ts'
import { AppError } from '../../errors.ts'
import type { JsonObject } from '../../event/event.ts'
import type { SubjectId } from '../../event/ids.ts'
import { bySecret, requestUnknown } from '../../rights/present-secret.ts'
import type { Request } from '../../rights/request.ts'
import { findRequest, requestOf } from '../../rights/rows.ts'
import { readOwnStatus, readStatus } from '../../rights/status.ts'
import { REQUESTS_OF } from '../../rights/whose.ts'
import type { PrivacyDeps } from '../deps.ts'
import type { Turn } from '../turn.ts'
import { secretOf } from '../visit.ts'
import { personOf } from './person.ts'

/** A request as somebody may see it who has its secret, or whom it is about. */
export interface Followed {
  readonly request: Request
  /** As the API tells it. */
  readonly status: JsonObject
  readonly secret: string | undefined
}

/** Throws AppError not-found `request-unknown` where the visit may not see it, whether there is one or not. */
export async function followed({ deps, visit, params }: Turn): Promise<Followed> {
  const id = params.id ?? ''
  const secret = secretOf(visit, id)
  const status =
    secret === undefined
      ? await readOwnStatus(deps, checked(id), await subjectsOf(deps, visit))
      : await readStatus(deps, id, secret)
  const request = await findRequest(deps.db, id)
  if (request === undefined) throw requestUnknown()
  return { request, status, secret }
}

async function subjectsOf(deps: PrivacyDeps, { who }: Turn['visit']): Promise<readonly SubjectId[]> {
  return who === undefined ? [] : ((await personOf(deps, who))?.subjects ?? [])
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

function checked(id: string): string {
  if (!UUID.test(id)) throw requestUnknown()
  return id
}

/** Requests that are about a person, newest first. */
export async function requestsAbout({ db }: PrivacyDeps, subjects: readonly SubjectId[]): Promise<Request[]> {
  const { rows } = await db.$client.query<Parameters<typeof requestOf>[0]>(
    `select r.* from weir.request r where r.request_id in (${REQUESTS_OF}) order by r.number desc limit 100`,
    [uuidArray(subjects)],
  )
  return rows.map(requestOf)
}

/** Requests that are followed here by their secrets; one that is gone, or whose secret was replaced, is left out. */
export async function requestsFollowed({ deps, visit }: Turn): Promise<Request[]> {
  const found: Request[] = []
  for (const [id, secret] of visit.follows) {
    const request = await bySecret(deps.db, id, secret).catch((error: unknown) => {
      if (error instanceof AppError && error.kind === 'not-found') return undefined
      throw error
    })
    if (request !== undefined) found.push(request)
  }
  return found
}
