import type { JsonObject } from '../event/event.ts'
import { type DueClock, dueOf, endOf } from './due.ts'
import type { Beside, HistoryLine, Queued, RecipientLine } from './queue-rows.ts'
import { reasonsFor } from './reasons.ts'

/** Whether a request is late: past our own promise or its extension, or past what the law gives too. */
export type Late = 'no' | 'promise' | 'law'

export function lateness(request: Queued, now: number): Late {
  const { legalDueAt, extendedUntil, closedAt } = request
  const at = closedAt ?? now
  if (legalDueAt !== undefined && at >= Math.max(legalDueAt, extendedUntil ?? 0)) return 'law'
  return at >= endOf(request) ? 'promise' : 'no'
}

/** A request as lists show it. It names nobody. */
export function summaryOf(request: Queued, now: number): JsonObject {
  return {
    id: request.id,
    number: Number(request.number),
    right: request.right,
    door: request.door,
    regime: request.regime,
    language: request.language,
    state: request.state,
    stateAt: iso(request.stateAt),
    receivedAt: iso(request.receivedAt),
    endsAt: iso(endOf(request)),
    targetAt: iso(request.targetAt),
    legalDueAt: iso(request.legalDueAt),
    acknowledgeBy: iso(request.acknowledgeBy),
    acknowledgedAt: iso(request.acknowledgedAt),
    extendedUntil: iso(request.extendedUntil),
    late: lateness(request, now),
    alarmed: request.alarmed,
    verifiedBy: request.verifiedBy ?? null,
    needsOfficer: request.needsOfficer,
    decision: request.officerDecision ?? null,
    decidedBy: request.decidedBy ?? null,
    reason: request.reason ?? null,
    caseId: request.caseId ?? null,
    closedAt: iso(request.closedAt),
  }
}

/** The whole of it but what was written: clocks with where they come from, history, recipients, counts. */
export function viewOf(request: Queued, beside: Beside, now: number): JsonObject {
  const { right, regime, receivedAt } = request
  return {
    ...summaryOf(request, now),
    coolingUntil: iso(request.coolingUntil),
    liftedAt: iso(request.liftedAt),
    step: request.step ?? null,
    attempts: request.attempts,
    nextAt: iso(request.nextAt),
    receipt: request.receipt !== undefined,
    clocks: dueOf({ right, regime, receivedAt }).because.map(clockView),
    refusable: request.closedAt === undefined ? reasonsFor(right, regime) : [],
    history: beside.history.map(lineView),
    recipients: beside.recipients.map(recipientView),
    subjects: beside.subjects,
    messages: {
      waiting: beside.messages.waiting,
      sent: beside.messages.sent,
      givenUp: beside.messages.given_up,
    },
    proofs: { ...beside.proofs },
    content: [...beside.content],
    origin: beside.origin === undefined ? null : { ...beside.origin },
  }
}

export function clockView({ deadline, ...clock }: DueClock): JsonObject {
  const { id, regime, duty, force, term, startsWhen, extension, zone, article, source, sourceDate, confidence } =
    deadline
  return {
    id,
    regime,
    duty,
    force,
    term: { ...term },
    startsWhen,
    startsAt: iso(clock.startsAt),
    dueAt: iso(clock.dueAt),
    dueLocal: clock.dueLocal ?? null,
    extensibleTo: iso(clock.extensibleTo),
    extensionArticle: extension?.article ?? null,
    zone,
    article,
    source,
    sourceDate,
    confidence,
    assumption: deadline.assumption,
    calendar: [...clock.calendarSources],
    unpublishedYears: [...clock.unpublished],
  }
}

function lineView({ seq, at, actor, what, from_state, to_state, more }: HistoryLine): JsonObject {
  return { seq, at: at.toISOString(), actor, what, from: from_state, to: to_state, more }
}

function recipientView({ name, kind, state, attempts, failure, ...times }: RecipientLine): JsonObject {
  return {
    recipient: name,
    kind,
    state,
    attempts,
    failure,
    dueAt: times.due_at.toISOString(),
    sentAt: times.sent_at?.toISOString() ?? null,
    acknowledgedAt: times.acknowledged_at?.toISOString() ?? null,
    verifiedAt: times.verified_at?.toISOString() ?? null,
  }
}

function iso(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString()
}
