import { sqlState } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { bitOf } from '../event/purpose.ts'
import { appendEvents, LOG_KIND, type LogEntry, type LogOrder } from '../eventlog/append.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import { orderKey } from '../identity/blind-index.ts'
import type { NewSubjectLimit } from '../identity/new-subjects.ts'
import type { Node } from '../identity/read.ts'
import { isStaleIndex } from '../identity/stale-index.ts'
import type { Keyring } from '../keys/keyring.ts'
import { isUnknownEpoch, type KeyWanted, loadSubjectKeys } from '../keys/subject-keys.ts'
import type { Decision } from '../policy/compiled.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import { countingSources } from '../totals/counting-sources.ts'
import { orderCountOf } from '../totals/order-count.ts'
import { closedByBit } from './closed-by.ts'
import { closedFor, type GroupReason, type JudgeDeps, type Judged, type JudgedGroup, judge } from './judge.ts'
import { sealEvent } from './protect-event.ts'
import { type Resolvable, type Resolved, resolvableAnew } from './resolve.ts'
import { handoverAt, isSettled, settle, unsettled } from './settle-identities.ts'

export interface GroupDeps extends JudgeDeps {
  readonly keyring: Keyring
  readonly newSubjects: NewSubjectLimit
}

export type GroupOutcome =
  | { readonly outcome: 'accepted' | 'duplicate'; readonly judged: Judged }
  | { readonly outcome: 'refused'; readonly judged: Judged; readonly reason: GroupReason }
  | { readonly outcome: 'invalid' }

const MAX_TRIES = 5
const ERASED_MEANWHILE = 'WK003' // raised by weir.append_events: decide anew, without whoever was erased

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
      if ((state === '40P01' || state === '40001' || state === ERASED_MEANWHILE) && tries < MAX_TRIES) continue
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
  const decided = await settled(deps, items)
  if ('splitAt' in decided) return decided
  const { judged, clock } = decided
  const active = deps.active()
  const keys = await loadSubjectKeys(deps.db, deps.keyring, judged.flatMap(keyWanted))
  const tellers = await countingSources(
    deps.db,
    judged.filter(tellsOrder).map((one) => one.resolved.item.source),
  )
  const entries = judged.map((one) => ({ ...entryOf(active, one, keys), ...orderOf(deps.keyring, one, tellers) }))
  const fresh = await appendEvents(deps.db, active.compiled.version, entries, { erasures: clock?.erasures })
  return judged.map((one, i): GroupOutcome => {
    if (!fresh[i]) return { outcome: 'duplicate', judged: one }
    if (one.reason !== undefined) return { outcome: 'refused', judged: one, reason: one.reason }
    return { outcome: 'accepted', judged: one }
  })
}

/** Decides, and where permitted events lack a subject or a link makes them and decides again: a link can restrict. */
async function settled(deps: GroupDeps, items: readonly Resolvable[]): Promise<JudgedGroup | Split> {
  const metered = new Set<number>()
  for (let round = 1; ; round++) {
    const group = await judge(deps, items)
    const judged = meterNewSubjects(deps, group.judged, round === 1, metered)
    const today = new Date(deps.now()).toISOString().slice(0, 10)
    const permitted = judged.filter((one) => one.reason === undefined).map((one) => one.resolved)
    const missing = unsettled(
      permitted,
      judged.filter((one) => one.reason !== undefined).map((one) => one.resolved),
      today,
    )
    if (isSettled(missing)) return { judged, clock: group.clock }
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
    return closedFor(one, 'too-many-new-subjects')
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
