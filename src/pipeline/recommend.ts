import type { Audit } from '../audit/log.ts'
import { prove, type Speaker } from '../consent/prove.ts'
import type { ConsentDeps } from '../consent/service.ts'
import { provenNodes } from '../consent/service.ts'
import { viewOf } from '../consent/view.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import { bitOf } from '../event/purpose.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import { forContext, forPerson, PLACEMENTS, type Placement } from '../modules/recommendation/serve.ts'
import type { Pseudonymiser } from '../protect/pseudonymise.ts'

export interface RecommendDeps extends Pick<ConsentDeps, 'db' | 'keyring' | 'verifySubjectToken'> {
  readonly active: () => ActivePolicy
  readonly audit: Audit
  readonly pseudonymiser: Pseudonymiser
}

export interface RecommendRequest extends Speaker {
  readonly placement: string
  readonly productId?: string
  readonly n: number
  readonly gpc: boolean
}

/**
 * Recommendations. Who shows no identifier, or does not permit personalisation, is answered from the context alone:
 * the module is then given no identifier, so the answer is the same for everybody (PIPL art. 24). Whose identifiers
 * do not hold is refused. Consent is read in this same request: nothing computed for a person outlives a withdrawal.
 */
export async function recommend(deps: RecommendDeps, request: RecommendRequest): Promise<JsonObject> {
  const ask = { placement: placementOf(request.placement), n: request.n, ...productOf(request) }
  const subjects = await permittedSubjects(deps, request)
  const answer = await transaction(deps.db, (tx) =>
    subjects.length === 0
      ? forContext(tx, ask)
      : forPerson(tx, { ...ask, subjects: subjects.map((subject) => deps.pseudonymiser.pseudonym(subject)) }),
  )
  return answer as unknown as JsonObject
}

function placementOf(name: string): Placement {
  const placement = PLACEMENTS.find((known) => known === name)
  if (placement === undefined) {
    throw new AppError('invalid', `placement is one of ${PLACEMENTS.join(', ')}`, { code: 'unknown-placement' })
  }
  return placement
}

function productOf(request: RecommendRequest): { productId?: string } {
  return request.productId === undefined ? {} : { productId: request.productId }
}

/** The subjects whose data may be used for this answer: none where nobody is named or personalisation is not granted. */
async function permittedSubjects(deps: RecommendDeps, request: RecommendRequest): Promise<SubjectId[]> {
  const names = request.userId ?? request.anonymousId ?? request.subjectToken
  if (names === undefined) return []
  const proven = await prove(request, deps.verifySubjectToken, deps.keyring)
  const person = await provenNodes(deps, proven)
  const { device, user, confirmed } = person
  const view = viewOf({ device: device?.consent, user: user?.consent ?? device?.link?.userConsent, confirmed })
  const purpose = bitOf('personalisation')
  const narrowed = request.gpc ? deps.active().compiled.gpc : 0
  if ((view.granted & ~view.refused & ~narrowed & purpose) === 0) return []
  const subjects =
    user === undefined ? [device!.subject] : [user.subject, ...(await confirmedDevices(deps, user.subject))]
  await deps.audit.append({
    actor: `source:${request.source.id}`,
    action: 'recommendation.read',
    resource: `recommendation:${deps.audit.subjectTag(subjects[0]!)}`,
    purpose: 'personalisation',
  })
  return subjects
}

async function confirmedDevices(deps: RecommendDeps, user: SubjectId): Promise<SubjectId[]> {
  const { rows } = await deps.db.$client.query<{ device_id: SubjectId }>(
    `select device_id from weir.link
     where user_id = $1 and state = 'confirmed' and ended_at is null order by device_id limit 50`,
    [user],
  )
  return rows.map((row) => row.device_id)
}
