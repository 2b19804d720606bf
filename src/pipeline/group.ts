import { decideRule, ruleKey } from '../consent/decide.ts'
import type { Db } from '../db/pool.ts'
import { sqlState } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import { bitOf } from '../event/purpose.ts'
import { appendEvents, LOG_KIND, type LogEntry, type LogOrder } from '../eventlog/append.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import { orderKey } from '../identity/blind-index.ts'
import type { NewSubjectLimit } from '../identity/new-subjects.ts'
import { indexText, type Node, readNodes } from '../identity/read.ts'
import { isStaleIndex } from '../identity/stale-index.ts'
import type { Keyring } from '../keys/keyring.ts'
import { isUnknownEpoch, type KeyWanted, loadSubjectKeys } from '../keys/subject-keys.ts'
import type { Decision, EventRule, Projection, RefusalReason } from '../policy/compiled.ts'
import { project } from '../policy/project.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import { isExpired } from '../retention/due.ts'
import { countingSources } from '../totals/counting-sources.ts'
import { orderCountOf } from '../totals/order-count.ts'
import { closedByBit } from './closed-by.ts'
import { sealEvent } from './protect-event.ts'
import { type Resolvable, type Resolved, resolvableAnew, resolve } from './resolve.ts'
import { handoverAt, isSettled, settle, unsettled } from './settle-identities.ts'

export interface GroupDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly active: () => ActivePolicy
  readonly newSubjects: NewSubjectLimit
  readonly now: () => number
}

/** Why an event was refused, beyond what the policy says: nobody to hold it for, or too many new people. */
export type GroupReason = RefusalReason | 'no-subject' | 'too-many-new-subjects'

/** What was decided for one event of a group. */
export interface Judged {
  readonly resolved: Resolved
  readonly decision: Decision
  readonly projection: Projection
  /** Absent where something is permitted. */
  readonly reason: GroupReason | undefined
}

export type GroupOutcome =
  | { readonly outcome: 'accepted' | 'duplicate'; readonly judged: Judged }
  | { readonly outcome: 'refused'; readonly judged: Judged; readonly reason: GroupReason }
  | { readonly outcome: 'invalid' }

const UNKNOWN: Decision = { rule: undefined, verdicts: [], permitted: 0, reason: 'unknown-event' }
const EMPTY: Projection = { byClass: new Map(), removed: [], unclassified: 0 }
const MAX_TRIES = 5
const DAY_MS = 86_400_000

/** Decides a group by the ledger as it stands now. Reads; writes nothing. */
export async function judge(deps: GroupDeps, items: readonly Resolvable[]): Promise<Judged[]> {
  const presented = new Map(
    items.flatMap((item) => [item.device, item.user]).flatMap((p) => (p ? [[indexText(p.key), p] as const] : [])),
  )
  const nodes = await readNodes(deps.db, [...presented.values()])
  const active = deps.active()
  return items.map((item) => judgeOne(active, item, resolve(active.compiled, item, nodes), deps.now()))
}

/** Decides as if what each message claims were what its sender had granted. Asks nobody's ledger. */
export function rehearse(deps: Pick<GroupDeps, 'active' | 'now'>, items: readonly Resolvable[]): Judged[] {
  const active = deps.active()
  return items.map((item) => {
    const resolved = resolve(active.compiled, item, new Map())
    const view = { ...resolved.view, granted: item.event.claim.granted }
    return judgeOne(active, item, { ...resolved, view }, deps.now())
  })
}

function judgeOne(active: ActivePolicy, item: Resolvable, resolved: Resolved, now: number): Judged {
  const { event } = item
  const rule = active.compiled.events.get(ruleKey(event))
  const decision = rule === undefined ? UNKNOWN : decideRule(active.compiled, rule, resolved.view)
  const nobody = item.device === undefined && !(item.user !== undefined && item.userConfirmed)
  if (decision.rule === undefined || decision.permitted === 0) {
    // Nobody's consent can help where nobody stands behind the event.
    const reason = nobody && decision.reason === 'no-consent' ? 'no-subject' : (decision.reason ?? 'no-route')
    return { resolved, decision, projection: EMPTY, reason }
  }
  if (nobody) {
    return { resolved, decision: closed(decision), projection: EMPTY, reason: 'no-subject' }
  }
  const projection = project(decision.rule, decision.permitted, fieldsOf(event.type, event.properties, event.context))
  removeExpired(active, projection, event.occurredAt, now)
  const left = [...projection.byClass.keys()].some((name) => name !== 'unclassified')
  if (!left && hasOutlived(active, decision.rule, decision.permitted, { occurredAt: event.occurredAt, now })) {
    return { resolved, decision: closed(decision), projection: EMPTY, reason: 'expired' }
  }
  return { resolved, decision, projection, reason: undefined }
}

function closed(decision: Decision): Decision {
  return { ...decision, permitted: 0 }
}

/** identify and group carry traits, the others properties: the policy's paths say which. */
function fieldsOf(type: string, properties: JsonObject, context: object): JsonObject {
  const name = type === 'identify' || type === 'group' ? 'traits' : 'properties'
  return { [name]: properties, context: context as JsonObject }
}

/** Classes that an old event has already outlived are not kept (law 8). */
function removeExpired(active: ActivePolicy, projection: Projection, occurredAt: number, now: number): void {
  for (const name of projection.byClass.keys()) {
    const fieldClass = active.compiled.classes.get(name)
    if (fieldClass === undefined || isExpired(fieldClass, occurredAt, now)) projection.byClass.delete(name)
  }
}

/** Of what its routes read nothing may be kept any more, whether this event has any of it or not. */
function hasOutlived(
  active: ActivePolicy,
  rule: EventRule,
  permitted: number,
  { occurredAt, now }: { readonly occurredAt: number; readonly now: number },
): boolean {
  if (Math.floor(occurredAt / DAY_MS) === Math.floor(now / DAY_MS)) return false // today's: no class lives shorter
  const read = rule.routes.flatMap((route) => ((route.bit & permitted) === 0 ? [] : route.fields))
  const classes = new Set(read.map((path) => active.compiled.classes.get(rule.classOf.get(path) ?? '')))
  return read.length > 0 && [...classes].every((one) => one === undefined || isExpired(one, occurredAt, now))
}

/**
 * Takes a group through: decide, make who is missing, seal, append in one commit. One outcome an item, in order.
 * Items must have distinct event keys. A deadlock or serialization failure tries the group again; a data error
 * splits it until the guilty event alone is invalid; anything else is thrown and nothing was acknowledged.
 */
export async function processGroup(deps: GroupDeps, items: readonly Resolvable[]): Promise<GroupOutcome[]> {
  let group = items
  for (let tries = 1; ; tries++) {
    try {
      const outcomes = await attempt(deps, group)
      if (Array.isArray(outcomes)) return outcomes
      const { splitAt } = outcomes
      return [
        ...(await processGroup(deps, group.slice(0, splitAt))),
        ...(await processGroup(deps, group.slice(splitAt))),
      ]
    } catch (error) {
      const state = sqlState(error)
      if ((state === '40P01' || state === '40001') && tries < MAX_TRIES) continue
      if ((isUnknownEpoch(error) || isStaleIndex(error)) && tries < MAX_TRIES) {
        await deps.keyring.refresh()
        group = group.map((item) => resolvableAnew(deps.keyring, item))
        continue
      }
      if (!isDataError(state)) throw error
      if (group.length === 1) return [{ outcome: 'invalid' }]
      const half = group.length >> 1
      return [...(await processGroup(deps, group.slice(0, half))), ...(await processGroup(deps, group.slice(half)))]
    }
  }
}

/** SQLSTATE classes 22 (data exception) and 23 (constraint): this content, not this moment. */
function isDataError(state: string | undefined): boolean {
  return state !== undefined && (state.startsWith('22') || state.startsWith('23'))
}

/** Where a group has to be kept in two commits, one after the other. */
interface Split {
  readonly splitAt: number
}

async function attempt(deps: GroupDeps, items: readonly Resolvable[]): Promise<GroupOutcome[] | Split> {
  const judged = await settled(deps, items)
  if (!Array.isArray(judged)) return judged
  const active = deps.active()
  const keys = await loadSubjectKeys(deps.db, deps.keyring, judged.flatMap(keyWanted))
  const tellers = await countingSources(
    deps.db,
    judged.filter(tellsOrder).map((one) => one.resolved.item.source),
  )
  const entries = judged.map((one) => ({ ...entryOf(active, one, keys), ...orderOf(deps.keyring, one, tellers) }))
  const fresh = await appendEvents(deps.db, active.compiled.version, entries)
  return judged.map((one, i): GroupOutcome => {
    if (!fresh[i]) return { outcome: 'duplicate', judged: one }
    if (one.reason !== undefined) return { outcome: 'refused', judged: one, reason: one.reason }
    return { outcome: 'accepted', judged: one }
  })
}

/** Decides, and where permitted events lack a subject or a link makes them and decides again: a link can restrict. */
async function settled(deps: GroupDeps, items: readonly Resolvable[]): Promise<Judged[] | Split> {
  const metered = new Set<number>()
  for (let round = 1; ; round++) {
    const judged = meterNewSubjects(deps, await judge(deps, items), round === 1, metered)
    const today = new Date(deps.now()).toISOString().slice(0, 10)
    const permitted = judged.filter((one) => one.reason === undefined).map((one) => one.resolved)
    const missing = unsettled(
      permitted,
      judged.filter((one) => one.reason !== undefined).map((one) => one.resolved),
      today,
    )
    if (isSettled(missing)) return judged
    if (missing.link.length > 0 && items.length > 1) {
      const splitAt = handoverAt(judged.map((one) => one.resolved))
      if (splitAt !== undefined) return { splitAt }
    }
    if (round > 5) throw new AppError('overloaded', 'subjects change faster than they can be read', { retryAfter: 1 })
    await settle(deps.db, deps.keyring, deps.active(), missing, deps.now())
  }
}

/** Asks once for each event; one that was refused stays so in the rounds that follow. */
function meterNewSubjects(deps: GroupDeps, judged: Judged[], first: boolean, metered: Set<number>): Judged[] {
  return judged.map((one, i) => {
    const { item, device, user } = one.resolved
    if (one.reason !== undefined || item.source.kind === 'server') return one
    const makes = (item.device !== undefined && device === undefined) || (item.user !== undefined && user === undefined)
    if (first && makes && !deps.newSubjects.take(item.source.id, item.addressPrefix)) metered.add(i)
    if (!metered.has(i)) return one
    return { ...one, decision: closed(one.decision), projection: EMPTY, reason: 'too-many-new-subjects' }
  })
}

/** The device an event came from owns it, else the confirmed user. */
function ownerOf(resolved: Resolved): Node | undefined {
  return resolved.item.device === undefined ? resolved.user : resolved.device
}

function keyWanted(one: Judged): KeyWanted[] {
  const owner = ownerOf(one.resolved)
  if (one.reason !== undefined || owner === undefined || one.projection.byClass.size === 0) return []
  return [{ subject: owner.subject, keyVersion: owner.keyVersion }]
}

function entryOf(active: ActivePolicy, one: Judged, keys: ReadonlyMap<string, SubjectKeys>): LogEntry {
  const { resolved, decision, projection } = one
  const { item, view, cluster } = resolved
  const common = {
    kind: LOG_KIND.event,
    sourceId: item.source.id,
    eventKey: item.keys.key,
    eventType: decision.rule?.index ?? -1,
    granted: view.granted,
    refused: view.refused,
    narrowed: view.narrowed | closedByBit(one.reason),
    ...refOf(resolved, decision, item.keys.pad),
  }
  const owner = ownerOf(resolved)
  if (one.reason !== undefined || owner === undefined) {
    // A refusal is nobody's: no subject, no epoch, no content.
    return { ...common, routes: 0, consentEpoch: 0, userEpoch: 0, removed: [], unclassified: 0, blobs: [] }
  }
  const { subject } = owner
  const permitted = { subject, eventKey: item.keys.key, byClass: projection.byClass, occurredAt: item.event.occurredAt }
  const subjectKeys = keys.get(subject)
  if (subjectKeys === undefined && projection.byClass.size > 0) {
    throw new AppError('overloaded', 'a subject was erased while its event was being kept', { retryAfter: 1 })
  }
  const userNode = owner.kind === 'user' ? undefined : cluster.user
  return {
    ...common,
    subject,
    routes: decision.permitted,
    consentEpoch: owner.consent?.epoch ?? 0,
    userEpoch: userNode?.epoch ?? 0,
    removed: projection.removed,
    unclassified: projection.unclassified,
    blobs: subjectKeys === undefined ? [] : sealEvent(active, subjectKeys, permitted),
  }
}

/** Of an event that the policy marks as an order, with somebody behind it: a public key alone tells of none. */
function tellsOrder({ decision, resolved }: Judged): boolean {
  const { device, user, userConfirmed } = resolved.item
  return decision.rule?.order === true && (device !== undefined || (user !== undefined && userConfirmed))
}

/** An order counts into the person-free totals on its own basis: also where nothing else of it may be used. */
function orderOf(keyring: Keyring, one: Judged, tellers: ReadonlySet<number>): { order?: LogOrder } {
  const { event, source } = one.resolved.item
  if (!tellsOrder(one) || !tellers.has(source.id)) return {}
  const count = orderCountOf(event, source.shop)
  if (count === undefined) return {}
  const id = event.properties.order_id
  const named = (typeof id === 'string' && id !== '') || typeof id === 'number'
  return { order: { count, ...(named ? { key: orderKey(keyring.dedupeKey, source, String(id)) } : {}) } }
}

/**
 * The consent record that decided, xor-ed with the half of the event's HMAC that is stored nowhere: whoever holds the
 * message id can name the record, and nobody can go from a record to the refusals that followed it.
 */
function refOf({ cluster }: Resolved, decision: Decision, pad: Buffer): { consentRef?: Uint8Array } {
  const { device, user, confirmed } = cluster
  const asked = decision.verdicts.reduce((mask, { route }) => mask | bitOf(route.purpose), 0)
  const refuser = [device, user].find((one) => one !== undefined && (one.clusterRefused & asked) !== 0)
  const granter = [device, confirmed ? user : undefined].find((one) => one !== undefined && (one.granted & asked) !== 0)
  const deciding = refuser ?? granter ?? device ?? (confirmed ? user : undefined)
  if (deciding === undefined) return {}
  const record = Buffer.from(deciding.recordId.replaceAll('-', ''), 'hex')
  return { consentRef: record.map((byte, i) => byte ^ pad[i]!) }
}
