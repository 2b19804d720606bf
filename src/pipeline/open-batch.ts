import { decideRule } from '../consent/decide.ts'
import { type Cluster, restrictedSince, viewOf } from '../consent/view.ts'
import { postgresDay } from '../db/binary-array.ts'
import type { Tx } from '../db/pool.ts'
import type { Delivered, JsonObject } from '../event/event.ts'
import type { Pseudonym, SubjectId } from '../event/ids.ts'
import { bitOf, type Purpose } from '../event/purpose.ts'
import { LOG_KIND } from '../eventlog/append.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import { type BlobAt, type LogRow, readBlobs, type StoredBlob } from '../eventlog/read.ts'
import { type Node, readNodesById } from '../identity/read.ts'
import type { Keyring } from '../keys/keyring.ts'
import { type KeyWanted, loadKeyVersions } from '../keys/subject-keys.ts'
import type { EventRule, Route } from '../policy/compiled.ts'
import { mergeClasses, projectForRoute, replaceTokens } from '../policy/project.ts'
import { ProtectError } from '../protect/protect-error.ts'
import type { Pseudonymiser, Span } from '../protect/pseudonymise.ts'
import { isExpired } from '../retention/due.ts'
import type { PolicyShelf } from './policy-shelf.ts'
import { keyVersionOf, openBlob } from './protect-event.ts'
import type { Teller, Tellers } from './tellers.ts'

/** What delivery to one destination works with. */
export interface Lens {
  readonly destination: string
  readonly active: ActivePolicy
  /** Knows the policies under which the rows at hand were decided at intake. */
  readonly policies: Pick<PolicyShelf, 'of'>
  readonly keyring: Keyring
  readonly pseudonymiser: Pseudonymiser
  /** For which times the destination knows links; matters where pseudonyms roll. */
  readonly linked: Span
  readonly tellers: Tellers
  /** Milliseconds since 1970: what is past its end is not opened, whether it is still stored or not (law 8). */
  readonly now: () => number
}

export interface OpenedBatch {
  readonly delivered: Delivered[]
  /** Rows that were permitted at intake and are not any more. */
  readonly withheld: number
  /** Whose they are: what lies in the store for them is to be looked at again. */
  readonly withheldSubjects: readonly SubjectId[]
}

interface Candidate {
  readonly row: LogRow
  readonly subject: SubjectId
  readonly node: Node
  readonly rule: EventRule
  readonly route: Route
  readonly epoch: number
}

/**
 * Decides rows again, opens what is still permitted and projects it to this destination's route. The caller holds the
 * delivery lock; consent is read here, in a statement of its own after the lock (in one statement with it, the read
 * saw consent from before the wait). Throws ProtectError where one of them does not open.
 */
export async function openBatch(tx: Tx, lens: Lens, rows: readonly LogRow[]): Promise<OpenedBatch> {
  const meant = rows.filter((row) => row.subject !== null && intakeRoute(lens, row) !== undefined)
  const nodes = await readNodesById(tx, [...new Set(meant.map((row) => row.subject!))])
  const candidates = meant.flatMap((row) => decideAgain(lens, row, nodes.get(row.subject!)))
  await lens.tellers.load(
    tx,
    candidates.map(({ row }) => row.sourceId),
  )
  const now = lens.now()
  const wanted = new Map(candidates.map((one) => [one, blobsWanted(lens, one)]))
  const blobs = await readBlobs(
    tx,
    [...wanted.values()].flat().filter((blob) => !isDue(blob, now)),
  )
  const byPos = Map.groupBy(blobs, (blob) => blob.pos)
  const keyOf = await loadKeyVersions(
    tx,
    lens.keyring,
    candidates.flatMap((one) => keysWanted(one, byPos.get(one.row.pos) ?? [])),
  )
  const delivered = candidates.flatMap((one) => {
    if (keyOf(one.subject, one.node.keyVersion) === undefined) return [] // the key is gone: so is the event
    const teller = lens.tellers.of(one.row.sourceId)
    if (teller === undefined) return []
    const opened = byPos.get(one.row.pos) ?? []
    if (opened.length === 0 && wanted.get(one)!.length > 0) return [] // its content has fallen due, or was erased
    const byClass = new Map<string, JsonObject>()
    let at = one.row.receivedAt.getTime()
    for (const blob of opened) {
      const subjectKeys = keyOf(one.subject, keyVersionOf(blob.bytes))
      // Taken away since the blob was read: by now it is sealed anew, and opens the next time.
      if (subjectKeys === undefined) throw new ProtectError('authentication', 'record')
      const className = lens.active.classNames.get(blob.classId)!
      const place = { subject: one.subject, className, eventKey: one.row.eventKey }
      const content = openBlob(subjectKeys, place, blob.bytes)
      // Kept under restriction: its day is known once it is open, so that whole partitions are closed besides.
      const fieldClass = lens.active.compiled.classes.get(className)
      if (fieldClass === undefined || isExpired(fieldClass, content.t, now)) continue
      byClass.set(className, content.f)
      at = content.t
    }
    if (byClass.size === 0 && opened.length > 0) return [] // all of it was past its end
    return [deliver(lens, one, teller, { byClass, at })]
  })
  const permitted = new Set(candidates.map((one) => one.row))
  const withheldSubjects = new Set(meant.flatMap((row) => (permitted.has(row) ? [] : [row.subject!])))
  return { delivered, withheld: meant.length - delivered.length, withheldSubjects: [...withheldSubjects].sort() }
}

/** The subject's key, and while that replaces another one also the key that a blob is under still. */
function keysWanted({ node }: Candidate, blobs: readonly StoredBlob[]): KeyWanted[] {
  const versions = new Set([node.keyVersion, ...blobs.map((blob) => keyVersionOf(blob.bytes))])
  return [...versions].map((keyVersion) => ({ subject: node.subject, keyVersion }))
}

/** The route that intake permitted for this destination, by the policy of that time. */
function intakeRoute(lens: Lens, row: LogRow): Route | undefined {
  const rule = lens.policies.of(row.policyVersion).eventList[row.eventType]
  return rule?.routes.find(
    (route) => route.destination.name === lens.destination && (row.routes & ~row.closed & route.bit) !== 0,
  )
}

/** Permitted now, by today's policy and today's consent, and not restricted in between. */
function decideAgain(lens: Lens, row: LogRow, node: Node | undefined): Candidate[] {
  if (node === undefined || node.restricted) return [] // erased, or kept for nothing
  const was = lens.policies.of(row.policyVersion).eventList[row.eventType]!
  const rule = lens.active.compiled.events.get(was.key)
  const route = rule?.routes.find((r) => r.destination.name === lens.destination)
  if (rule === undefined || route === undefined) return []
  const cluster = clusterOfNode(node)
  const { permitted } = decideRule(lens.active.compiled, rule, { ...viewOf(cluster), narrowed: row.narrowed })
  if ((permitted & route.bit) === 0) return []
  if ((sinceDecided(cluster, node, row) & bitOf(route.purpose)) !== 0) return []
  const epoch = node.kind === 'user' ? row.consentEpoch : Math.max(row.consentEpoch, row.userEpoch)
  return [{ row, subject: node.subject, node, rule, route, epoch }]
}

/** A stored event is its device's, with the user that the device is linked to, or a user's own. */
export function clusterOfNode(node: Node): Cluster {
  if (node.kind === 'user') return { device: undefined, user: node.consent, confirmed: true }
  return { device: node.consent, user: node.link?.userConsent, confirmed: node.link?.confirmed ?? false }
}

/** Purposes restricted since the row was decided. */
export function sinceDecided(cluster: Cluster, node: Node, row: Pick<LogRow, 'consentEpoch' | 'userEpoch'>): number {
  return node.kind === 'user'
    ? restrictedSince(cluster, 0, row.consentEpoch)
    : restrictedSince(cluster, row.consentEpoch, row.userEpoch)
}

/** Its day has come, and it is stored only until the next housekeeping. */
function isDue({ dueDay }: BlobAt, now: number): boolean {
  return dueDay <= postgresDay(now)
}

/** Only the classes that the route reads are opened. */
function blobsWanted(lens: Lens, one: Candidate): BlobAt[] {
  const classes = new Set(one.route.fields.map((path) => one.rule.classOf.get(path)))
  return one.row.blobs
    .filter((blob) => classes.has(lens.active.classNames.get(blob.classId)))
    .map((blob) => ({ ...blob, subject: one.subject, pos: one.row.pos }))
}

function deliver(
  lens: Lens,
  one: Candidate,
  teller: Teller,
  content: { readonly byClass: ReadonlyMap<string, JsonObject>; readonly at: number },
): Delivered {
  const { byClass, at } = content
  const { pseudonymiser } = lens
  const projected = projectForRoute(one.route, mergeClasses(byClass))
  return {
    position: one.row.pos,
    eventKey: pseudonymiser.token('event', one.row.eventKey, at),
    subject: pseudonymiser.pseudonym(one.subject, at),
    name: one.rule.name,
    at: coarsen(at, one.route.destination.time),
    fields: replaceTokens(one.rule, projected, (kind, id) => pseudonymiser.token(kind, id, at)),
    consentEpoch: one.epoch,
    purpose: one.route.purpose,
    told: teller.kind,
    shop: teller.shop,
  }
}

function coarsen(ms: number, to: 'minute' | 'day'): string {
  const iso = new Date(ms).toISOString()
  return to === 'day' ? iso.slice(0, 10) : `${iso.slice(0, 16)}Z`
}

export interface Relink {
  readonly from: Pseudonym
  readonly to: Pseudonym
}

/**
 * The links among these rows, under the destination's pseudonyms. Nothing personal goes over a claim, and who permits
 * this purpose nothing is told of: a link says that two pseudonyms are one person. A link that does not hold any more
 * is not told, however its row came to be read again.
 */
export async function relinksOf(tx: Tx, lens: Lens, purpose: Purpose, rows: readonly LogRow[]): Promise<Relink[]> {
  const named = rows.flatMap(({ kind, subject, other, eventType }) =>
    subject === null || other === null ? [] : [{ device: subject, user: other, kind, confirmed: eventType === 1 }],
  )
  const links = named.filter(({ kind, confirmed }) => kind === LOG_KIND.link && confirmed)
  const spans = { told: [lens.linked], undone: [] }
  const told = await relinksBetween(tx, lens, purpose, links, spans)
  return named.flatMap((row) => {
    if (row.kind === LOG_KIND.unlink) return relinked(lens, row.device, row.device, lens.linked)
    return row.kind === LOG_KIND.link && row.confirmed ? (told.get(row.device) ?? []) : []
  })
}

export interface LinkedPair {
  readonly device: SubjectId
  readonly user: SubjectId
}

/** What a module is to be told of links, by device: those of one span of time, and those that it is to forget. */
export async function relinksBetween(
  tx: Tx,
  lens: Lens,
  purpose: Purpose,
  pairs: readonly LinkedPair[],
  spans: { readonly told: readonly Span[]; readonly undone: readonly Span[] },
): Promise<Map<SubjectId, Relink[]>> {
  const relinks = new Map<SubjectId, Relink[]>()
  if (pairs.length === 0) return relinks
  const nodes = await readNodesById(tx, [...new Set(pairs.map(({ device }) => device))])
  for (const { device, user } of pairs) {
    const node = nodes.get(device)
    const holds = node?.link?.user === user && node.link.confirmed && !node.restricted && permits(lens, node, purpose)
    relinks.set(device, [
      ...spans.undone.flatMap((span) => relinked(lens, device, device, span)),
      ...(holds ? spans.told.flatMap((span) => relinked(lens, device, user, span)) : []),
    ])
  }
  return relinks
}

/** One for each pseudonym that the two have within the span. */
function relinked({ pseudonymiser }: Lens, device: SubjectId, user: SubjectId, span: Span): Relink[] {
  const [froms, tos] = [pseudonymiser.pseudonyms(device, span), pseudonymiser.pseudonyms(user, span)]
  return froms.map((from, i) => ({ from, to: tos[i]! }))
}

function permits(lens: Lens, node: Node, purpose: Purpose): boolean {
  const { granted, refused } = viewOf(clusterOfNode(node))
  const bit = bitOf(purpose)
  return (lens.active.compiled.needsConsent & bit) === 0 || (granted & ~refused & bit) !== 0
}
