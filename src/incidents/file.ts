import { randomUUID } from 'node:crypto'
import type { PlainEntry } from '../audit/entry.ts'
import type { Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { By } from '../http/audit-api.ts'
import type { IncidentAct, OpenIncident } from '../http/incidents-api.ts'
import type { Law } from '../policy/compiled.ts'
import { unmet } from './clocks.ts'
import { activePolicy, countAffected } from './count.ts'
import { actorOf, enterAct, entryOf, type IncidentDeps } from './deps.ts'
import type { Counts, Incident, Scope } from './incident.ts'
import { closeIncident, insertEvent, insertIncident, lockIncident, type NewEvent, readIncident } from './rows.ts'
import { sealNote } from './seal.ts'
import { clocksIn } from './view.ts'

/**
 * Counts whom it touches and opens the file. The look is entered first, and nothing is counted where it cannot be; file
 * and entry are then written together. @returns its id
 */
export async function openIncident(deps: IncidentDeps, by: By, asked: OpenIncident): Promise<string> {
  const now = deps.now()
  const { scope, knownAt = now, caseId, critical = false, highRisk = false } = asked
  refuseTimes({ ...scope, knownAt }, now)
  const id = randomUUID()
  const whole: Scope = { kind: scope.kind, target: scope.target, from: scope.from, to: scope.to }
  const counts = await countEntered(deps, by, { id, caseId, scope: whole })
  const sealedNote = asked.note === undefined ? undefined : sealNote(deps.keyring.tokenKey, id, 1, asked.note)
  await transaction(deps.db, async (tx) => {
    await insertIncident(tx, { id, scope: whole, knownAt, caseId, critical, highRisk, openedBy: actorOf(by) })
    await insertEvent(tx, id, { seq: 1, by: actorOf(by), kind: 'opened', counts, sealedNote })
    const more = { kind: scope.kind, target: scope.target, people: counts.people }
    await enterAct(tx, entryOf(by, { id, action: 'incident.open', caseId, outcome: 'done', more }))
  })
  return id
}

/** Adds to a file; what was written before stays as it is. Throws AppError as `IncidentsApi.act` says. */
export async function addToIncident(deps: IncidentDeps, by: By, id: string, act: IncidentAct): Promise<void> {
  switch (act.kind) {
    case 'counted':
      return countAgain(deps, by, id)
    case 'told':
      return tell(deps, by, id, act)
    case 'note':
      return add(deps, by, id, { kind: 'note', note: act.note })
    case 'closed':
      return close(deps, by, id, act.note)
    default:
      return act satisfies never
  }
}

async function countAgain(deps: IncidentDeps, by: By, id: string): Promise<void> {
  const incident = await readIncident(deps.db, id)
  refuseClosed(incident)
  const counts = await countEntered(deps, by, incident)
  await add(deps, by, id, { kind: 'counted', counts })
}

/** Law 6: recorded first, also that phone numbers are opened for their countries. */
async function countEntered(
  deps: IncidentDeps,
  by: By,
  { id, caseId, scope }: Pick<Incident, 'id' | 'caseId' | 'scope'>,
): Promise<Counts> {
  const more = { kind: scope.kind, opened: ['phone'] }
  await deps.audit.append(entryOf(by, { id, action: 'incident.count', caseId, outcome: 'released', more }))
  return countAffected(deps, scope)
}

async function tell(
  deps: IncidentDeps,
  by: By,
  id: string,
  { law, to, at, note }: Extract<IncidentAct, { kind: 'told' }>,
): Promise<void> {
  const now = deps.now()
  const toldAt = at ?? now
  const { laws } = await activePolicy(deps.db, deps.policies)
  requireLaw(laws, law)
  const { knownAt } = await readIncident(deps.db, id)
  if (toldAt < knownAt || toldAt > now) {
    throw new AppError('invalid', 'Somebody is told after the incident was known, and not in the future.', TIME)
  }
  await add(deps, by, id, { kind: 'told', law, whom: to, toldAt, note })
}

async function close(deps: IncidentDeps, by: By, id: string, note: string | undefined): Promise<void> {
  const { laws } = await activePolicy(deps.db, deps.policies)
  const check = (incident: Incident): void => {
    if (note !== undefined || unmet(clocksIn(incident, laws, deps.now())).length === 0) return
    const message =
      'Somebody may still have to be told: enter who was, or close it with a note that says why nobody is.'
    throw new AppError('conflict', message, { code: 'clocks-running' })
  }
  await add(deps, by, id, { kind: 'closed', note }, { check, after: (tx) => closeIncident(tx, id) })
}

type Added = Omit<NewEvent, 'seq' | 'by' | 'sealedNote'> & { readonly note?: string | undefined }

interface Around {
  readonly check?: (incident: Incident) => void
  readonly after?: (tx: Tx) => Promise<void>
}

/** One line and its entry, in one transaction; two that add at once take turns. */
async function add(
  { db, keyring }: IncidentDeps,
  by: By,
  id: string,
  { note, ...event }: Added,
  { check, after }: Around = {},
): Promise<void> {
  await transaction(db, async (tx) => {
    const incident = await lockIncident(tx, id)
    refuseClosed(incident)
    check?.(incident)
    const seq = (incident.events.at(-1)?.seq ?? 0) + 1
    const sealedNote = note === undefined ? undefined : sealNote(keyring.tokenKey, id, seq, note)
    await insertEvent(tx, id, { ...event, seq, by: actorOf(by), sealedNote })
    await after?.(tx)
    await enterAct(tx, entryOfAct(by, incident, event))
  })
}

function entryOfAct(by: By, { id, caseId }: Incident, event: Omit<Added, 'note'>): PlainEntry {
  const { kind, law, whom, toldAt, counts } = event
  const more = {
    ...(law === undefined || whom === undefined || toldAt === undefined
      ? {}
      : { law, to: whom, toldAt: new Date(toldAt).toISOString() }),
    ...(counts === undefined ? {} : { people: counts.people }),
  }
  return entryOf(by, { id, action: `incident.${kind}`, caseId, outcome: 'done', more })
}

function refuseTimes(
  { from, to, knownAt }: { readonly from?: number; readonly to?: number; readonly knownAt: number },
  now: number,
): void {
  if (knownAt > now) throw new AppError('invalid', 'Nobody knows of it before now: known-at lies in the future.', TIME)
  if (from !== undefined && from > now) throw new AppError('invalid', 'It began in the future: check from.', TIME)
  if (from !== undefined && to !== undefined && from >= to) {
    throw new AppError('invalid', 'It ended before it began: check from and to.', TIME)
  }
}

function refuseClosed({ closedAt }: Incident): void {
  if (closedAt === undefined) return
  throw new AppError('conflict', 'The file is closed: open another one for what came to light since.', {
    code: 'incident-closed',
  })
}

/** Throws AppError invalid where the policy is not under this law. */
export function requireLaw(laws: readonly Law[], law: Law): void {
  if (laws.includes(law)) return
  throw new AppError('invalid', 'The policy is not under this law: its `laws` name those that it is.', {
    code: 'law-not-in-policy',
  })
}

const TIME = { code: 'incident-time' } as const
