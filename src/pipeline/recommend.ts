import type { Audit } from '../audit/log.ts'
import { type Proven, prove, type Speaker } from '../consent/prove.ts'
import type { ConsentDeps } from '../consent/service.ts'
import { provenNodes } from '../consent/service.ts'
import { viewOf } from '../consent/view.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import { bitOf } from '../event/purpose.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import { confirmedDevices } from '../identity/read.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import type { Module } from '../modules/module.ts'
import {
  type Answer,
  type ContextAsk,
  forContext,
  forPerson,
  PLACEMENTS,
  type Placement,
} from '../modules/recommendation/serve.ts'
import { pseudonymsHeld } from './erase-subject.ts'
import { type Pseudonymisers, withKnownRoots } from './pseudonymisers.ts'
import { readStruck } from './struck-tags.ts'

export interface RecommendDeps extends Pick<ConsentDeps, 'db' | 'keyring' | 'verifySubjectToken'> {
  readonly active: () => ActivePolicy
  readonly audit: Audit
  readonly pseudonymisers: Pseudonymisers
  /** By whose pseudonyms people are asked for. */
  readonly module: Module
  readonly now: () => number
}

const MODULE = 'recommendation'

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
  if (!deps.active().compiled.destinations.some(({ name }) => name === MODULE)) {
    throw new AppError('not-found', 'the policy in force names no recommendation: nothing may be made of what it holds')
  }
  const ask = { placement: placementOf(request.placement), n: request.n, ...productOf(request) }
  const proven = await whoAsks(deps, request)
  const answer = (proven && (await personalAnswer(deps, request, proven, ask))) ?? (await contextAnswer(deps, ask))
  return answer as unknown as JsonObject
}

/** Undefined where personalisation is not granted, also where it was withdrawn while the answer was made. */
async function personalAnswer(
  deps: RecommendDeps,
  request: RecommendRequest,
  proven: Proven,
  ask: ContextAsk,
): Promise<Answer | undefined> {
  const subjects = await permittedSubjects(deps, request, proven)
  if (subjects.length === 0) return undefined
  await deps.audit.append({
    actor: `source:${request.source.id}`,
    action: 'recommendation.read',
    resource: 'recommendation',
    about: [{ subject: subjects[0]! }],
    purpose: 'personalisation',
  })
  const holder = { ...deps, destinationId: deps.active().destinationIds.get(MODULE)! }
  const answer = await withKnownRoots(deps.keyring, () =>
    withActiveEpoch(deps.keyring, () =>
      transaction(deps.db, async (tx) => {
        // In the answer's own transaction: what was struck out before it began is not in it.
        const struck = await readStruck(tx, deps.keyring, subjects)
        const ignoring = struck.map(({ item }) => item)
        return forPerson(tx, { ...ask, subjects: await pseudonymsHeld(tx, holder, subjects), ignoring })
      }),
    ),
  )
  return (await permittedSubjects(deps, request, proven)).length === 0 ? undefined : answer
}

function contextAnswer(deps: RecommendDeps, ask: ContextAsk): Promise<Answer> {
  return transaction(deps.db, (tx) => forContext(tx, ask))
}

/** Nobody, or whom the request has proven to speak for. */
async function whoAsks(deps: RecommendDeps, request: RecommendRequest): Promise<Proven | undefined> {
  const names = request.userId ?? request.anonymousId ?? request.subjectToken
  return names === undefined ? undefined : prove(request, deps.verifySubjectToken, deps.keyring)
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

/** The subjects whose data may be used for this answer: none where personalisation is not granted. */
async function permittedSubjects(deps: RecommendDeps, request: RecommendRequest, proven: Proven): Promise<SubjectId[]> {
  const person = await provenNodes(deps, proven)
  const { device, user, confirmed } = person
  if (device?.restricted || user?.restricted) return []
  const view = viewOf({ device: device?.consent, user: user?.consent ?? device?.link?.userConsent, confirmed })
  const purpose = bitOf('personalisation')
  const narrowed = request.gpc ? deps.active().compiled.gpc : 0
  if ((view.granted & ~view.refused & ~narrowed & purpose) === 0) return []
  return user === undefined ? [device!.subject] : [user.subject, ...(await confirmedDevices(deps.db, user.subject))]
}
