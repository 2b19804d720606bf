import { type RecipientState, recipientStates } from '../destinations/outbox.ts'
import type { JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import type { AskingDeps } from './asking-deps.ts'
import { readContent } from './content.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { bySecret, requestUnknown } from './present-secret.ts'
import { refusalText } from './reasons.ts'
import type { Request, Retained } from './request.ts'
import { findRequest, subjectsOf } from './rows.ts'
import { isUndone } from './state.ts'
import { type Next, nextWords, RECIPIENT_WORDS, RIGHT_WORDS, stateWords } from './status-words.ts'
import { isRequestOf } from './whose.ts'

/**
 * Where a request is, for who has its secret. Until it is proved who asks it says nothing that depends on whether anybody
 * was found; then the look is entered in the audit log before it is answered. Throws AppError not-found.
 */
export async function readStatus(deps: AskingDeps, id: string, secret: string | undefined): Promise<JsonObject> {
  return lookAt(deps, await bySecret(deps.db, id, secret))
}

/** The same for somebody who is signed in, of a request that is about them. Throws AppError not-found for any other. */
export async function readOwnStatus(deps: AskingDeps, id: string, person: readonly SubjectId[]): Promise<JsonObject> {
  const request = (await isRequestOf(deps.db, person, id)) ? await findRequest(deps.db, id) : undefined
  if (request === undefined) throw requestUnknown()
  return lookAt(deps, request)
}

async function lookAt(deps: AskingDeps, request: Request): Promise<JsonObject> {
  if (!isProven(request)) return statusOf(request)
  return withActiveEpoch(deps.keyring, async () => {
    const about = (await subjectsOf(deps.db, request.id)).map((subject) => ({ subject }))
    const resource = `request:${request.id}`
    const more = { by: 'person' }
    await deps.audit.append({ actor: 'weir', action: 'request.read', resource, purpose: 'own-state', about, more })
    return statusOf(request, await provenPart(deps, request))
  })
}

/** Whether it was proved who asks. Whoever only says no proves nothing, and is shown nothing. */
function isProven({ state, verifiedBy }: Request): boolean {
  return verifiedBy !== undefined && state !== 'received' && state !== 'identity_pending'
}

interface ProvenPart {
  readonly words: string | undefined
  readonly retained: readonly Retained[]
  readonly salt: string | undefined
  readonly recipients: readonly RecipientState[]
  readonly outcome: Outcome
}

async function provenPart({ db, keyring }: AskingDeps, request: Request): Promise<ProvenPart> {
  const { id } = request
  return {
    words: await readContent(db, keyring, id, 'words'),
    retained: (await readContent(db, keyring, id, 'manifest')) ?? [],
    salt: await readContent(db, keyring, id, 'salt'),
    recipients: await recipientStates(db, id),
    outcome: await outcomeOf(db, request),
  }
}

/** As people are told it. Times are ISO 8601. `proven`: what only who proved themselves sees. */
export function statusOf(request: Request, proven?: ProvenPart): JsonObject {
  const { id, right, language, state, needsOfficer, officerDecision } = request
  const waitsForOfficer = needsOfficer && officerDecision === undefined
  const next = nextOf(request, proven?.outcome)
  const lifted = typeof proven?.outcome.liftedAt === 'number'
  return {
    requestId: id,
    right,
    rightText: RIGHT_WORDS[right][language],
    language,
    regime: request.regime,
    state,
    stateText: stateWords({ state, right, lifted, waitsForOfficer: waitsForOfficer && isProven(request) }, language),
    proven: isProven(request),
    next,
    nextText: nextWords(next, language),
    canCancel: isUndone(state),
    receivedAt: iso(request.receivedAt),
    promisedBy: iso(request.targetAt),
    legalDueBy: iso(request.legalDueAt),
    extendedUntil: iso(request.extendedUntil),
    coolingUntil: iso(request.coolingUntil),
    // To the minute for who proved nothing: how long it took would say whether anybody was there.
    closedAt: iso(proven === undefined ? minuteOf(request.closedAt) : request.closedAt),
    ...(proven === undefined ? {} : provenView(request, proven)),
  }
}

function provenView(request: Request, { words, retained, salt, recipients, outcome }: ProvenPart): JsonObject {
  const { language, reason, right, regime, state, receipt } = request
  return {
    provenBy: request.verifiedBy ?? null,
    ...(state === 'denied' && reason !== undefined
      ? { refusal: { ...refusalText({ code: reason, right, regime }, language), words: words ?? null } }
      : {}),
    retained: retained.map((one) => ({ ...one })),
    recipients: recipients.map((one) => recipientView(one, language)),
    ...(outcome.corrected === undefined ? {} : { corrected: outcome.corrected }),
    ...(outcome.liftedAt === undefined ? {} : { liftedAt: iso(outcome.liftedAt ?? undefined) }),
    ...(receipt === undefined ? {} : { receipt, receiptSalt: salt ?? null }),
  }
}

function recipientView(one: RecipientState, language: Request['language']): JsonObject {
  const { destination, kind, state, sentAt, acknowledgedAt, verifiedAt } = one
  return {
    recipient: destination,
    kind,
    state,
    stateText: RECIPIENT_WORDS[state][language],
    sentAt: iso(sentAt),
    acknowledgedAt: iso(acknowledgedAt),
    verifiedAt: iso(verifiedAt),
  }
}

/** Whether a code or a link is waited for: not of who was signed in when they asked, nor of who only says no. */
export function asksForProof({ state, right, verifiedBy }: Pick<Request, 'state' | 'right' | 'verifiedBy'>): boolean {
  if (right === 'objection') return false
  return state === 'identity_pending' || (state === 'received' && verifiedBy === undefined)
}

function nextOf(request: Request, outcome: Outcome | undefined): Next {
  const { state, right } = request
  if (asksForProof(request)) return 'prove'
  if (outcome?.liftedAt === null && (state === 'awaiting_destinations' || state === 'completed')) return 'lift'
  if (state === 'completed' && (right === 'access' || right === 'portability')) return 'download'
  return isUndone(state) ? 'cancel' : 'nothing'
}

function minuteOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.ceil(ms / 60_000) * 60_000
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
