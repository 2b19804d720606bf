import { decideRule } from '../consent/decide.ts'
import { viewOf } from '../consent/view.ts'
import { byteaArray, dateArray, int2Array, int8Array } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { SubjectId } from '../event/ids.ts'
import { bitOf } from '../event/purpose.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import { type LogRow, type PlacedBlob, readAt, readSubjectBlobs } from '../eventlog/read.ts'
import { type Node, readNodesById } from '../identity/read.ts'
import type { Keyring } from '../keys/keyring.ts'
import { type KeyWanted, loadKeyVersions, withActiveEpoch } from '../keys/subject-keys.ts'
import { project } from '../policy/project.ts'
import { ProtectError } from '../protect/protect-error.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import { clusterOfNode, sinceDecided } from './open-batch.ts'
import type { PolicyShelf } from './policy-shelf.ts'
import { type BlobContent, type BlobPlace, keyVersionOf, openBlob, sealBlob } from './protect-event.ts'

export interface PurgeDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly active: () => ActivePolicy
  readonly policies: PolicyShelf
}

const STORED_CONTENT = 0

/**
 * Erases from the store what was held only for purposes that one person has restricted: fields that no purpose still
 * open may use are taken out of their blobs, blobs with nothing left are deleted, and the log rows say which routes are closed.
 * One subject a transaction. Returns whether there was one.
 */
export async function purgeContent(deps: PurgeDeps): Promise<boolean> {
  return withActiveEpoch(deps.keyring, () =>
    transaction(deps.db, async (tx) => {
      const { rows } = await tx.$client.query<{ subject_id: SubjectId }>(
        `delete from weir.purge where (subject_id, destination_id) in (
         select subject_id, destination_id from weir.purge where destination_id = $1
         order by requested_at limit 1 for update skip locked)
       returning subject_id`,
        [STORED_CONTENT],
      )
      const subject = rows[0]?.subject_id
      if (subject === undefined) return false
      await purgeSubject(tx, deps, subject)
      return true
    }),
  )
}

async function purgeSubject(tx: Tx, deps: PurgeDeps, subject: SubjectId): Promise<void> {
  const node = (await readNodesById(tx, [subject])).get(subject)
  if (node === undefined) return
  // Keys before blobs: one goes only after what it sealed was sealed anew, so that none is missed here for that reason.
  const keyOf = await loadKeyVersions(tx, deps.keyring, await readKeyVersions(tx, subject))
  const keys = { fresh: keyOf(subject, node.keyVersion), of: (version: number) => keyOf(subject, version) }
  // Locked: what somebody corrects at the same moment is not put back.
  const blobs = await readSubjectBlobs(tx, subject, { lock: true })
  if (blobs.length === 0) return
  const rows = await readAt(tx, [...new Set(blobs.map((blob) => blob.pos))])
  await deps.policies.load(
    tx,
    rows.map((row) => row.policyVersion),
  )
  const change = newChange()
  for (const row of rows) {
    const open = stillOpen(deps, node, row)
    if (open.mask === (row.routes & ~row.closed)) continue
    change.closed.push({ row, mask: row.routes & ~open.mask })
    for (const blob of blobs) if (blob.pos === row.pos) reduce(deps, change, { node, row, blob, keys, open })
  }
  await write(tx, subject, change)
}

async function readKeyVersions(tx: Tx, subject: SubjectId): Promise<KeyWanted[]> {
  const { rows } = await tx.$client.query<{ key_version: number }>(
    'select key_version from weir.subject_key where subject_id = $1',
    [subject],
  )
  return rows.map((row) => ({ subject, keyVersion: row.key_version }))
}

interface Change {
  readonly closed: { row: LogRow; mask: number }[]
  readonly gone: PlacedBlob[]
  readonly resealed: PlacedBlob[]
}

function newChange(): Change {
  return { closed: [], gone: [], resealed: [] }
}

interface Open {
  /** Bits, in the row's own policy version, of the routes that are still open. */
  readonly mask: number
}

function stillOpen(deps: PurgeDeps, node: Node, row: LogRow): Open {
  const active = deps.active().compiled
  const was = deps.policies.of(row.policyVersion).eventList[row.eventType]
  const rule = was && active.events.get(was.key)
  if (was === undefined || rule === undefined) return { mask: 0 }
  const cluster = clusterOfNode(node)
  const { verdicts } = decideRule(active, rule, { ...viewOf(cluster), narrowed: row.narrowed })
  const restricted = sinceDecided(cluster, node, row)
  let mask = 0
  for (const route of was.routes) {
    const now = verdicts.find((verdict) => verdict.route.destination.name === route.destination.name)
    if (now?.permitted && (restricted & bitOf(route.purpose)) === 0) mask |= route.bit & row.routes & ~row.closed
  }
  return { mask }
}

interface Reduction {
  readonly node: Node
  readonly row: LogRow
  readonly blob: PlacedBlob
  /** That which seals, and those which open: a subject has several while one replaces another. */
  readonly keys: {
    readonly fresh: SubjectKeys | undefined
    of(version: number): SubjectKeys | undefined
  }
  readonly open: Open
}

function reduce(deps: PurgeDeps, change: Change, what: Reduction): void {
  const { node, row, blob, keys, open } = what
  const className = deps.active().classNames.get(blob.classId)
  if (open.mask === 0 || keys.fresh === undefined || className === undefined) {
    change.gone.push(blob)
    return
  }
  if (className === 'unclassified') return // still held for whoever classifies it, while anything of the event is
  const place = { subject: node.subject, className, classId: blob.classId, eventKey: row.eventKey }
  const content = contentOf(what, place)
  const rule = deps.policies.of(row.policyVersion).eventList[row.eventType]!
  const left = content && project(rule, open.mask, content.f).byClass.get(className)
  if (content === undefined || left === undefined) change.gone.push(blob)
  else change.resealed.push({ ...blob, bytes: sealBlob(keys.fresh, place, { t: content.t, f: left }) })
}

/** Undefined where it is damaged: nobody can tell any more what of it may stay, and it must not hold up the others. */
function contentOf({ node, blob, keys }: Reduction, place: Omit<BlobPlace, 'classId'>): BlobContent | undefined {
  try {
    const version = keyVersionOf(blob.bytes)
    if (version > node.keyVersion) throw new AppError('conflict', 'the key of a subject was replaced meanwhile')
    const opening = keys.of(version)
    return opening && openBlob(opening, place, blob.bytes)
  } catch (error) {
    if (error instanceof ProtectError) return undefined
    throw error
  }
}

async function write(tx: Tx, subject: SubjectId, change: Change): Promise<void> {
  for (const blobs of byPartition(change.gone)) {
    await tx.$client.query(
      `delete from weir.sealed s using unnest($4::bigint[]) as g(pos)
       where s.class_id = ($1::smallint[])[1] and s.due = ($2::date[])[1] and s.subject_id = $3 and s.pos = g.pos`,
      [...placeOf(blobs), subject, int8Array(blobs.map((b) => b.pos))],
    )
  }
  await replaceBlobs(tx, subject, change.resealed)
  for (const { row, mask } of change.closed) {
    await tx.$client.query('update weir.event_log set closed = $1 where pos = $2 and at_day = $3', [
      mask,
      row.pos,
      row.atDay,
    ])
  }
}

/** Puts other bytes in the place of these blobs, which the caller has locked. */
export async function replaceBlobs(tx: Tx, subject: SubjectId, resealed: readonly PlacedBlob[]): Promise<void> {
  for (const blobs of byPartition(resealed)) {
    await tx.$client.query(
      `update weir.sealed s set bytes = g.bytes from unnest($4::bigint[], $5::bytea[]) as g(pos, bytes)
       where s.class_id = ($1::smallint[])[1] and s.due = ($2::date[])[1] and s.subject_id = $3 and s.pos = g.pos`,
      [...placeOf(blobs), subject, int8Array(blobs.map((b) => b.pos)), byteaArray(blobs.map((b) => b.bytes))],
    )
  }
}

/** One statement a partition: planned over all of them it took 10 ms, however few blobs there were. */
function byPartition(blobs: readonly PlacedBlob[]): Iterable<PlacedBlob[]> {
  return Map.groupBy(blobs, (blob) => `${blob.classId} ${blob.dueDay}`).values()
}

function placeOf([first]: readonly PlacedBlob[]): Buffer[] {
  return [int2Array([first!.classId]), dateArray([first!.dueDay])]
}
