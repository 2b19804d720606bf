import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { DisclosureList } from '../http/disclosures-api.ts'
import { approvalOptions } from '../officers/approve.ts'
import { type ByOfficer, type DisclosureDeps, entryOf } from './deps.ts'
import { openGround } from './ground.ts'
import { requestHash, requestText } from './request.ts'
import { DISCLOSURES, type Disclosure, type DisclosureRow, disclosureOf, readDisclosure } from './rows.ts'
import { ANSWER_MS, approvalObstacle, isReviewOverdue, REVIEW_MS, stateOf } from './state.ts'

/** One request with its reason, and what to sign to approve it. Looking at it is entered first, about the same person. */
export async function showDisclosure(deps: DisclosureDeps, { officer }: ByOfficer, id: string): Promise<JsonObject> {
  const disclosure = await readDisclosure(deps.db, id)
  await deps.audit.append(entryOf(disclosure, { officer, action: 'disclosure.show', outcome: 'released' }))
  const ground = await openGround(deps, deps.db, disclosure)
  const challenge = requestHash(disclosure)
  const mayApprove = approvalObstacle(disclosure, officer, deps.now()) === undefined
  const options = mayApprove ? await optionsFor(deps, officer, challenge) : undefined
  return {
    ...viewOf(disclosure, deps.now()),
    reason: ground?.reason ?? null,
    request: requestText(disclosure),
    challenge: challenge.toString('base64url'),
    options: options === undefined ? null : ({ ...options } as unknown as JsonObject), // JSON by its own name
  }
}

/** Without an authenticator, or a name to bind one to, there are none: then a code is asked for. */
async function optionsFor(
  { officers }: DisclosureDeps,
  officer: string,
  challenge: Buffer,
): Promise<PublicKeyCredentialRequestOptionsJSON | undefined> {
  try {
    return await approvalOptions(officers, { officer, challenge })
  } catch (error) {
    if (error instanceof AppError && error.code === 'authenticators-need-a-name') return undefined
    throw error
  }
}

/** A page of requests, newest first, without their reasons: it names nobody. */
export async function listDisclosures(
  deps: DisclosureDeps,
  { officer }: ByOfficer,
  list: DisclosureList,
): Promise<JsonObject> {
  const now = deps.now()
  await deps.audit.append({
    actor: `officer:${officer}`,
    action: 'disclosure.list',
    resource: 'disclosures',
    purpose: 'audit',
    ...(list.caseId === undefined ? {} : { caseId: list.caseId }),
  })
  const { rows } = await deps.db.$client.query<DisclosureRow>(
    `select * from ${DISCLOSURES}
     where ($1::bigint is null or number < $1) and ($2::text is null or kind = $2) and ($3::text is null or case_id = $3)
       and ($4::uuid is null or asked_by = $4)
       and ($5::text is distinct from 'decision' or decision is null and not emergency and voided_at is null and asked_at > $6)
       and ($5::text is distinct from 'review' or emergency and reviewed_at is null)
     order by number desc limit $7`,
    [
      list.cursor ?? null,
      list.kind ?? null,
      list.caseId ?? null,
      list.askedBy ?? null,
      list.waiting ?? null,
      new Date(now - ANSWER_MS),
      list.limit + 1,
    ],
  )
  const page = rows.slice(0, list.limit).map(disclosureOf)
  return {
    disclosures: page.map((one) => viewOf(one, now)),
    next: rows.length > list.limit ? String(page.at(-1)!.number) : null,
  }
}

/** A request as the API shows it. */
export function viewOf(disclosure: Disclosure, now: number): JsonObject {
  const { id, kind, caseId, purpose, reads, minutes, used, emergency, askedBy, askedAt, decidedBy } = disclosure
  return {
    id,
    kind,
    state: stateOf(disclosure, now),
    caseId,
    purpose,
    ...(kind === 'fields' ? { fields: disclosure.wanted } : {}),
    ...(kind === 'reidentify' ? { types: disclosure.wanted } : {}),
    ...(disclosure.destination === undefined ? {} : { destination: disclosure.destination }),
    ...(disclosure.toDestination === undefined ? {} : { to: disclosure.toDestination }),
    ...(disclosure.planHash === undefined ? {} : { plan: disclosure.planHash }),
    reads,
    used,
    minutes,
    emergency,
    askedBy,
    askedAt: iso(askedAt),
    decision: disclosure.decision ?? null,
    decidedBy: decidedBy ?? null,
    decidedAt: iso(disclosure.decidedAt),
    opensAt: iso(disclosure.opensAt),
    expiresAt: iso(disclosure.expiresAt),
    review: emergency ? reviewOf(disclosure, now) : null,
  }
}

function reviewOf(disclosure: Disclosure, now: number): JsonObject {
  return {
    outcome: disclosure.review ?? null,
    by: disclosure.reviewedBy ?? null,
    at: iso(disclosure.reviewedAt),
    due: iso(disclosure.askedAt + REVIEW_MS),
    overdue: isReviewOverdue(disclosure, now),
  }
}

function iso(ms: number): string
function iso(ms: number | undefined): string | null
function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
