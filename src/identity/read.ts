import type { NodeConsent } from '../consent/view.ts'
import { byteaArray, uuidArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { type IndexKey, type SubjectId, subjectId } from '../event/ids.ts'
import type { Presented } from './present.ts'

/** One subject with its consent and, for a device, the user that it is linked to. */
export interface Node {
  readonly subject: SubjectId
  readonly kind: 'device' | 'user'
  readonly generation: number
  /** Kept and used for nothing: a request of the person's asked for it, or is erasing them. */
  readonly restricted: boolean
  readonly keyVersion: number
  /** Day (YYYY-MM-DD) it was last seen. */
  readonly seenOn: string
  readonly consent: NodeConsent | undefined
  readonly secretHash: Buffer | undefined
  readonly link: Link | undefined
}

export interface Link {
  readonly user: SubjectId
  readonly confirmed: boolean
  readonly userConsent: NodeConsent | undefined
}

/** Key of the maps below: a blind index as text. */
export function indexText(key: IndexKey): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

// Arrays stand in a subquery so that their length is not planned for: with one element the planner would find each plan
// of its own cheaper than the kept one, and plan eight joins anew for every event (0.7 ms instead of 0.3).

/**
 * The subjects behind these identifiers, as they are now, by indexText(presented.key); unknown ones are absent. One
 * round trip. An identifier is found under any version that can be read; where two versions name two subjects, which
 * rules that changed can bring about, the older version decides, as it did before the change.
 * @throws AppError `index-version-closed` where the newest root that this process knows is not read any more: everybody
 *   would seem unknown. Refresh the keyring and present them anew.
 */
export async function readNodes(db: Db | Tx, presented: readonly Presented[]): Promise<Map<string, Node>> {
  return (await readNodesNow(db, presented)).nodes
}

/** How many erasures there were, and when the last one was; milliseconds since 1970, 0 where there was none. */
export interface ErasureClock {
  readonly erasures: bigint
  readonly newest: number
}

/** readNodes, with the clock of erasures at that moment; undefined where nobody was asked for. */
export async function readNodesNow(
  db: Db | Tx,
  presented: readonly Presented[],
): Promise<{ readonly nodes: Map<string, Node>; readonly clock: ErasureClock | undefined }> {
  if (presented.length === 0) return { nodes: new Map(), clock: undefined }
  const keys = presented.flatMap((one) => one.keys)
  const { rows } = await db.$client.query<((NodeRow & { index_key: Buffer; readable: true }) | Unreadable) & ClockRow>({
    name: 'read-nodes',
    text: `select r.readable, r.erasures, r.newest, n.* from (
        select exists (select from weir.key where class = 'index' and kid = $2 and state in ('active', 'decrypt-only')),
          c.erasures, c.newest from weir.erasure_clock c
      ) as r(readable, erasures, newest) left join (
        select i.index_key, ${COLUMNS} from unnest((select $1::bytea[])) as k(key)
        join weir.identifier i on i.index_key = k.key
        join weir.subject s on s.subject_id = i.subject_id ${JOINS}) n on true`,
    values: [byteaArray(keys.map(({ key }) => key)), newestKnownToAll(presented)],
  })
  const nodes = new Map<string, Node>()
  for (const row of rows) {
    if (!row.readable) throw new AppError('overloaded', 'the keys of this process are out of date', STALE)
    if (row.index_key !== null) nodes.set(row.index_key.toString('latin1'), nodeOf(row))
  }
  const clock = { erasures: rows[0]!.erasures, newest: rows[0]!.newest?.getTime() ?? 0 }
  return { nodes: keys.length === presented.length ? nodes : byOldest(presented, nodes), clock }
}

interface ClockRow {
  readonly erasures: bigint
  readonly newest: Date | null
}

/** What waited in a queue was presented at different times. */
function newestKnownToAll(presented: readonly Presented[]): number {
  return presented.reduce((least, { keys }) => Math.min(least, keys.at(-1)!.kid), Number.MAX_SAFE_INTEGER)
}

interface Unreadable {
  readonly readable: boolean
  readonly index_key: null
}

const STALE = { code: 'index-version-closed', retryAfter: 1 }

function byOldest(presented: readonly Presented[], nodes: ReadonlyMap<string, Node>): Map<string, Node> {
  const found = new Map<string, Node>()
  for (const one of presented) {
    const key = one.keys.find((version) => nodes.has(indexText(version.key)))
    if (key !== undefined) found.set(indexText(one.key), nodes.get(indexText(key.key))!)
  }
  return found
}

/** The same, by subject id: what delivery reads under its lock. */
export async function readNodesById(db: Db | Tx, ids: readonly SubjectId[]): Promise<Map<SubjectId, Node>> {
  if (ids.length === 0) return new Map()
  const { rows } = await db.$client.query<NodeRow>({
    name: 'read-nodes-by-id',
    text: `select ${COLUMNS} from unnest((select $1::uuid[])) as k(id)
      join weir.subject s on s.subject_id = k.id ${JOINS}`,
    values: [uuidArray(ids)],
  })
  return new Map(rows.map((row) => [subjectId(row.subject_id), nodeOf(row)]))
}

const COLUMNS = `s.subject_id, s.kind, s.generation, s.restricted_at is not null as restricted, s.key_version, s.seen_on,
  c.consent_epoch, c.record_id, c.granted, c.refused, c.cluster_refused, c.restricted_epoch, c.secret_hash,
  l.user_id, l.state, u.consent_epoch as u_epoch, u.record_id as u_record, u.granted as u_granted, u.refused as u_refused,
  u.cluster_refused as u_cluster, u.restricted_epoch as u_restricted`
const JOINS = `left join weir.consent_state c on c.subject_id = s.subject_id
  left join weir.link l on l.device_id = s.subject_id and l.ended_at is null
  left join weir.consent_state u on u.subject_id = l.user_id`

interface NodeRow {
  subject_id: string
  kind: 'device' | 'user'
  generation: number
  restricted: boolean
  key_version: number
  seen_on: string
  consent_epoch: number | null
  record_id: string
  granted: number
  refused: number
  cluster_refused: number
  restricted_epoch: number[]
  secret_hash: Buffer | null
  user_id: string | null
  state: string
  u_epoch: number | null
  u_record: string
  u_granted: number
  u_refused: number
  u_cluster: number
  u_restricted: number[]
}

function nodeOf(row: NodeRow): Node {
  const subject = subjectId(row.subject_id)
  return {
    subject,
    kind: row.kind,
    generation: row.generation,
    restricted: row.restricted,
    keyVersion: row.key_version,
    seenOn: row.seen_on,
    consent: row.consent_epoch === null ? undefined : ownConsent(subject, row, row.consent_epoch),
    secretHash: row.secret_hash ?? undefined,
    link: row.user_id === null ? undefined : linkOf(row, subjectId(row.user_id)),
  }
}

function ownConsent(subject: SubjectId, row: NodeRow, epoch: number): NodeConsent {
  return {
    subject,
    epoch,
    recordId: row.record_id,
    granted: row.granted,
    refused: row.refused,
    clusterRefused: row.cluster_refused,
    restrictedEpoch: row.restricted_epoch,
  }
}

function linkOf(row: NodeRow, user: SubjectId): Link {
  const userConsent =
    row.u_epoch === null
      ? undefined
      : {
          subject: user,
          epoch: row.u_epoch,
          recordId: row.u_record,
          granted: row.u_granted,
          refused: row.u_refused,
          clusterRefused: row.u_cluster,
          restrictedEpoch: row.u_restricted,
        }
  return { user, confirmed: row.state === 'confirmed', userConsent }
}

const MAX_DEVICES = 50

/** Devices that are confirmed to be a user's, at most 50. */
export async function confirmedDevices(db: Db | Tx, user: SubjectId): Promise<SubjectId[]> {
  const { rows } = await db.$client.query<{ device_id: string }>(
    `select device_id from weir.link
     where user_id = $1 and state = 'confirmed' and ended_at is null order by device_id limit $2`,
    [user, MAX_DEVICES],
  )
  return rows.map((row) => subjectId(row.device_id))
}
