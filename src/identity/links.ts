import { randomBytes, randomUUID } from 'node:crypto'
import { type Evidence, recordChoice, refreshClusters } from '../consent/ledger.ts'
import { orderPurges } from '../consent/purges.ts'
import { byteaArray, int4Array, textArray, uuidArray } from '../db/binary-array.ts'
import { lockSubjects } from '../db/locks.ts'
import type { Tx } from '../db/pool.ts'
import type { EventKey, IndexKey, SubjectId } from '../event/ids.ts'
import { subjectId } from '../event/ids.ts'
import { appendEvents, LOG_KIND, type LogEntry, NOTHING_DECIDED } from '../eventlog/append.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import { openIdentifiers, sealIdentifier } from './identifiers.ts'
import type { Presented } from './present.ts'
import { indexText, type Node } from './read.ts'
import { insertSubjects } from './subjects.ts'

/** That a device is (confirmed) or says it is (claimed) a user's. */
export interface WantedLink {
  readonly device: Node
  /** The device's identifier as presented: a second user starts a new device subject under it. */
  readonly presented: Presented
  /** Undefined where nobody knows the user that was named: the device is then nobody's from now on. */
  readonly user: SubjectId | undefined
  readonly confirmed: boolean
  readonly sourceId: number
}

export interface LinkContext {
  readonly keyring: Keyring
  readonly active: ActivePolicy
  readonly receivedAt: number
}

/** Whether the device's link already says this, so that nothing is to be done. */
export function saysAlready(device: Node, user: SubjectId, options: { confirmed: boolean }): boolean {
  return device.link?.user === user && (device.link.confirmed || !options.confirmed)
}

/**
 * Links devices to users, in the caller's transaction, which must hold the restriction lock: a link can bring
 * refusals with it. A claim never undoes a confirmation. A second user on a device ends the first link there: the
 * device goes on as a new subject, so that what came before stays with the first user.
 */
export async function linkDevices(tx: Tx, context: LinkContext, wanted: readonly WantedLink[]): Promise<void> {
  await lockSubjects(
    tx,
    wanted.flatMap(({ device, user }) => (user === undefined ? [device.subject] : [device.subject, user])),
  )
  const plain: { device: SubjectId; link: WantedLink }[] = []
  for (const link of distinct(wanted)) {
    const taken = link.device.link !== undefined && link.device.link.user !== link.user
    const device = taken ? await startAnew(tx, context, link) : link.device.subject
    if (device !== undefined && link.user !== undefined) plain.push({ device, link })
  }
  const written = await writeLinks(tx, plain)
  if (written.length === 0) return
  const confirmed = written.filter((row) => row.state === 'confirmed').map((row) => row.user_id)
  if (confirmed.length > 0) await restrictWithUser(tx, context.active, written)
  const { receivedAt } = context
  const evidence = carriedBy(context, plain)
  const users = [...new Set(confirmed)].sort()
  for (const user of users) await refreshClusters(tx, [user], { recordId: cause(user, plain), receivedAt, evidence })
  await erasedByRefusal(tx, context.active, users)
  await appendLinkRows(tx, context.active, written)
}

/** What becomes known to be somebody's whose data is restricted, is restricted with theirs, and part of the same request. */
async function restrictWithUser(tx: Tx, active: ActivePolicy, written: readonly LinkRow[]): Promise<void> {
  const devices = written.flatMap((row) => (row.state === 'confirmed' ? [row.device_id] : []))
  await tx.$client.query(
    `with joined as (
       update weir.subject d set restricted_by = u.restricted_by, restricted_at = u.restricted_at
       from weir.link l join weir.subject u on u.subject_id = l.user_id
       where l.device_id = any($1::uuid[]) and d.subject_id = l.device_id and d.restricted_at is null
         and u.restricted_at is not null
       returning d.subject_id, d.restricted_by),
     purged as (
       insert into weir.purge (subject_id, destination_id)
       select subject_id, d from joined, unnest($2::smallint[]) as d order by subject_id, d on conflict do nothing)
     insert into weir.request_person (request_id, subject_id)
     select restricted_by, subject_id from joined where restricted_by is not null on conflict do nothing`,
    [uuidArray(devices), [...active.allDestinationIds]],
  )
}

/**
 * Tells the modules again of the confirmed links around these subjects: somebody there permits something that was not
 * permitted before, and of links of people who permit it nothing a module learns, or has forgotten with a withdrawal.
 */
export async function repeatLinks(tx: Tx, active: ActivePolicy, subjects: readonly SubjectId[]): Promise<void> {
  const { rows } = await tx.$client.query<LinkRow>(
    `select device_id, user_id, state, by_source from weir.link
     where state = 'confirmed' and ended_at is null and (user_id = any($1::uuid[]) or user_id in (
       select user_id from weir.link where device_id = any($1::uuid[]) and state = 'confirmed' and ended_at is null))
     order by device_id`,
    [uuidArray([...subjects])],
  )
  if (rows.length > 0) await appendLinkRows(tx, active, rows)
}

/** The record of the device's choice that its new link brings to the user. */
function cause(user: SubjectId, plain: readonly { link: WantedLink }[]): string {
  const refusing = plain.find(({ link }) => link.user === user && (link.device.consent?.refused ?? 0) !== 0)
  return refusing?.link.device.consent?.recordId ?? randomUUID()
}

/** A confirmed link can bring a refusal to data that is held already: it is a withdrawal for them. */
async function erasedByRefusal(tx: Tx, active: ActivePolicy, users: readonly SubjectId[]): Promise<void> {
  const { rows } = await tx.$client.query<{ subject_id: SubjectId; cluster_refused: number }>(
    'select subject_id, cluster_refused from weir.consent_state where subject_id = any($1::uuid[]) and cluster_refused <> 0',
    [uuidArray([...users])],
  )
  for (const row of rows) await orderPurges(tx, active, [row.subject_id], row.cluster_refused)
}

interface LinkRow {
  readonly device_id: SubjectId
  readonly user_id: SubjectId
  readonly state: 'claimed' | 'confirmed'
  readonly by_source: number
}

async function writeLinks(tx: Tx, plain: readonly { device: SubjectId; link: WantedLink }[]): Promise<LinkRow[]> {
  const { rows } = await tx.$client.query<LinkRow>(
    `insert into weir.link (device_id, user_id, state, by_source, confirmed_at, confirmed_by)
     select device, "user", state, source, case state when 'confirmed' then clock_timestamp() end,
       case state when 'confirmed' then source end
     from unnest($1::uuid[], $2::uuid[], $3::text[], $4::integer[]) as n(device, "user", state, source)
     order by device
     on conflict (device_id) do update set state = 'confirmed', confirmed_at = clock_timestamp(), confirmed_by = excluded.by_source
       where weir.link.user_id = excluded.user_id and weir.link.state = 'claimed' and excluded.state = 'confirmed'
         and weir.link.ended_at is null
     returning device_id, user_id, state, by_source`,
    [
      uuidArray(plain.map((p) => p.device)),
      uuidArray(plain.map((p) => p.link.user)),
      textArray(plain.map((p) => (p.link.confirmed ? 'confirmed' : 'claimed'))),
      int4Array(plain.map((p) => p.link.sourceId)),
    ],
  )
  return rows
}

/**
 * Gives a device's identifier to a new subject. The device's own choices go with it (it was asked), as `carried`;
 * the old subject and its link stay as they are. Undefined where another transaction was first.
 */
async function startAnew(tx: Tx, context: LinkContext, link: WantedLink): Promise<SubjectId | undefined> {
  const subject = subjectId(randomUUID())
  const { wrapped, keys } = context.keyring.createSubjectKey(subject)
  if (!(await moveIdentifier(tx, context.keyring, link, { subject, keys }))) return undefined
  await insertSubjects(tx, [{ subject, kind: 'device', wrapped, keyVersion: keys.keyVersion }])
  const was = link.device.consent
  if (was !== undefined) {
    const choice = { granted: was.granted, refused: was.refused, claimedAt: undefined, receivedAt: context.receivedAt }
    await recordChoice(tx, [subject], choice, { ...carriedBy(context, []), sourceId: link.sourceId })
    await tx.$client.query(
      `update weir.consent_state set secret_hash = (select secret_hash from weir.consent_state where subject_id = $1)
       where subject_id = $2`,
      [link.device.subject, subject],
    )
  }
  return subject
}

/**
 * Moves a device's identifier, under every version that it is indexed by, also those that this process has not heard
 * of: a row left behind would split the person. The subject's lock, which is held, keeps everybody else from adding
 * one. False where another transaction has moved it.
 */
async function moveIdentifier(
  tx: Tx,
  keyring: Keyring,
  { device, presented }: WantedLink,
  to: { readonly subject: SubjectId; readonly keys: SubjectKeys },
): Promise<boolean> {
  const { rows } = await tx.$client.query<{ index_key: Buffer; sealed: Buffer }>(
    `select index_key, sealed from weir.identifier
     where subject_id = $1 and type = 'anonymous_id' order by index_key for update`,
    [device.subject],
  )
  const own = new Set(presented.keys.map(({ key }) => indexText(key)))
  if (!rows.some((row) => own.has(row.index_key.toString('latin1')))) return false
  const kept = await openIdentifiers(
    tx,
    keyring,
    rows.map((row) => ({ subject: device.subject, key: row.index_key, sealed: row.sealed })),
  )
  const sealed = rows.flatMap((row, i) => {
    const value = kept[i]
    return value === undefined
      ? []
      : [sealIdentifier(to.keys, to.subject, row.index_key as Uint8Array as IndexKey, value)]
  })
  if (sealed.length < rows.length) return false // being erased, or damaged: it stays where it is
  const { rowCount } = await tx.$client.query(
    `update weir.identifier i set subject_id = $1, sealed = n.sealed
     from unnest($2::bytea[], $3::bytea[]) as n(key, sealed) where i.index_key = n.key and i.subject_id = $4`,
    [to.subject, byteaArray(rows.map((row) => row.index_key)), byteaArray(sealed), device.subject],
  )
  return rowCount === rows.length
}

function carriedBy(context: LinkContext, plain: readonly { link: WantedLink }[]): Evidence {
  return {
    evidence: 'carried',
    proof: 'none',
    sourceId: plain[0]?.link.sourceId ?? 0,
    policyVersion: context.active.compiled.version,
  }
}

/** Modules learn of links through the log, in its order: event type 1 is confirmed, 0 claimed. */
async function appendLinkRows(tx: Tx, active: ActivePolicy, rows: readonly LinkRow[]): Promise<void> {
  const entries = rows.map(
    (row): LogEntry => ({
      ...NOTHING_DECIDED,
      kind: LOG_KIND.link,
      sourceId: row.by_source,
      eventKey: randomBytes(16) as Uint8Array as EventKey,
      subject: row.device_id,
      other: row.user_id,
      eventType: row.state === 'confirmed' ? 1 : 0,
    }),
  )
  await appendEvents(tx, active.compiled.version, entries)
}

/** The last word on each device, sorted: one order for every transaction. */
function distinct(wanted: readonly WantedLink[]): WantedLink[] {
  const byDevice = new Map<SubjectId, WantedLink>()
  for (const link of wanted) {
    const other = byDevice.get(link.device.subject)
    if (other === undefined || other.user !== link.user || link.confirmed) byDevice.set(link.device.subject, link)
  }
  return [...byDevice.values()].sort((a, b) => (a.device.subject < b.device.subject ? -1 : 1))
}
