import { createHmac } from 'node:crypto'
import { byteaArray, uuidArray } from '../../db/binary-array.ts'
import { lockDelivery, lockLog, lockRestriction, lockSubjects } from '../../db/locks.ts'
import type { Tx } from '../../db/pool.ts'
import type { SubjectId } from '../../event/ids.ts'
import { tombstonesOf } from '../../identity/tombstones.ts'
import { eraseSubject } from '../../pipeline/erase-subject.ts'
import { keptDays } from '../../retention/due.ts'
import type { RightsDeps } from '../deps.ts'
import type { GivenIdentifier, Removed } from '../request.ts'
import { forgetPlaces } from '../scan/places.ts'

/** Keys first: from the commit on what is sealed opens for nobody, here, in the write-ahead log, in dead rows. */
export async function destroyKeys(tx: Tx, { keyring }: RightsDeps, subjects: readonly SubjectId[]): Promise<Removed[]> {
  await lockSubjects(tx, subjects)
  await tx.$client.query('update weir.subject set generation = generation + 1 where subject_id = any($1::uuid[])', [
    uuidArray(subjects),
  ])
  const { rowCount } = await tx.$client.query('delete from weir.subject_key where subject_id = any($1::uuid[])', [
    uuidArray(subjects),
  ])
  for (const subject of subjects) keyring.forget(subject)
  return [{ store: 'weir.subject_key', rows: rowCount ?? 0, action: 'shredded' }]
}

/** What modules hold, under every pseudonym that rows can be under: their state is then that of a rebuild without them. */
export async function removeFromModules(tx: Tx, deps: RightsDeps, subjects: readonly SubjectId[]): Promise<Removed[]> {
  const holders = deps.holders().toSorted((a, b) => a.destinationId - b.destinationId)
  for (const { destinationId } of holders) await lockDelivery(tx, destinationId)
  const removed: Removed[] = []
  for (const holder of holders) {
    if (holder.module === undefined) continue
    let rows = 0
    for (const subject of subjects) {
      const held = await eraseSubject(tx, holder, subject)
      rows += Object.values(held).reduce((sum, n) => sum + n, 0)
    }
    removed.push({ store: `module:${holder.module.name}`, rows, action: 'deleted' })
  }
  return removed
}

/** Tables whose rows are a subject's, by subject_id, in the order in which they go; the register of recipients last. */
const OWN_TABLES = [
  'audit_detail',
  'sealed',
  'dead_letter',
  'purge',
  'struck_tag',
  'consent_state',
  'identifier',
  'recipient',
  'subject',
] as const

/**
 * Every row of these subjects, and in their place tombstones. The log rows of their events become nobody's. Twice, the
 * second time while nothing can be appended: what was decided before this is on its way still. Doing it again does nothing
 * more, and takes whatever came in between.
 */
export async function removeRows(
  tx: Tx,
  deps: RightsDeps,
  gone: {
    readonly subjects: readonly SubjectId[]
    readonly identifiers: readonly GivenIdentifier[]
    /** Base64url: the number under which proof of consent stays leads back only with it. */
    readonly salt: string
  },
): Promise<Removed[]> {
  const { subjects } = gone
  await lockRestriction(tx, deps.active().allDestinationIds)
  await lockSubjects(tx, subjects)
  const counts = new Map<string, number>()
  await sweep(tx, subjects, counts)
  await lockLog(tx)
  await sweep(tx, subjects, counts)
  await detachLedger(tx, subjects, gone.salt, counts)
  await forgetPlaces(tx, subjects)
  await bury(tx, deps, gone.identifiers)
  return [...counts].map(
    ([store, rows]): Removed => ({
      store: `weir.${store}`,
      rows,
      action: ANONYMISED.has(store) ? 'anonymised' : 'deleted',
    }),
  )
}

const ANONYMISED: ReadonlySet<string> = new Set(['event_log', 'consent_ledger'])

async function sweep(tx: Tx, subjects: readonly SubjectId[], counts: Map<string, number>): Promise<void> {
  const ids = [uuidArray(subjects)]
  const add = (store: string, rows: number | null): void => {
    counts.set(store, (counts.get(store) ?? 0) + (rows ?? 0))
  }
  const log = await tx.$client.query({
    name: 'erase-log-rows',
    text: `update weir.event_log set subject_id = null, other_id = null, salt = null, consent_ref = null
      where subject_id = any((select $1::uuid[])::uuid[])`,
    values: ids,
  })
  add('event_log', log.rowCount)
  // A claim on a user by a device that stays: the row is the device's, and forgets the user.
  await tx.$client.query(
    `update weir.event_log e set other_id = null from weir.link l
     where l.user_id = any($1::uuid[]) and e.subject_id = l.device_id and e.other_id = l.user_id`,
    ids,
  )
  const links = await tx.$client.query(
    'delete from weir.link where device_id = any($1::uuid[]) or user_id = any($1::uuid[])',
    ids,
  )
  add('link', links.rowCount)
  for (const table of OWN_TABLES) {
    const { rowCount } = await tx.$client.query({
      name: `erase-${table}`, // prepared: planning over all partitions of sealed takes longer than finding the rows
      text: `delete from weir.${table} where subject_id = any((select $1::uuid[])::uuid[])`,
      values: ids,
    })
    add(table, rowCount)
  }
  // Keys went first; one that was made since, by a renewal under way, opens nothing and would keep the id.
  await tx.$client.query('delete from weir.subject_key where subject_id = any($1::uuid[])', ids)
  for (const subject of subjects) {
    const { rows } = await tx.$client.query<{ n: bigint }>('select weir.erase_detached($1) as n', [subject])
    if (rows[0]!.n > 0n) add('detached', Number(rows[0]!.n))
  }
}

/**
 * Proof of what was chosen stays for its time (GDPR art. 7(1)), as nobody's: HMAC-SHA-256(salt, subject) in the form of a
 * UUID, which leads back only for who has the salt, and that is the person.
 */
async function detachLedger(
  tx: Tx,
  subjects: readonly SubjectId[],
  salt: string,
  counts: Map<string, number>,
): Promise<void> {
  for (const subject of subjects) {
    const nobody = createHmac('sha256', Buffer.from(salt, 'base64url')).update(subject).digest('hex').slice(0, 32)
    const { rows } = await tx.$client.query<{ n: bigint }>('select weir.detach_ledger($1, $2::uuid) as n', [
      subject,
      nobody,
    ])
    counts.set('consent_ledger', (counts.get('consent_ledger') ?? 0) + Number(rows[0]!.n))
  }
}

const DAY_MS = 86_400_000

/** Tombstones for as long as anything of somebody could come late, and the clock that fences what is on its way. */
async function bury(tx: Tx, deps: RightsDeps, identifiers: readonly GivenIdentifier[]): Promise<void> {
  const now = new Date(deps.now())
  const longest = Math.max(1, ...[...deps.active().compiled.classes.values()].map(keptDays))
  const tombstones = identifiers
    .flatMap(({ type, value }) => tombstonesOf(deps.keyring.tombstoneKey, { type, given: value }))
    .sort((a, b) => Buffer.compare(a, b))
  await tx.$client.query(
    `insert into weir.tombstone (tombstone, erased_at, expires_on) select t, $2, $3::date from unnest($1::bytea[]) as t
     on conflict (tombstone) do update set generation = weir.tombstone.generation + 1,
       erased_at = greatest(weir.tombstone.erased_at, excluded.erased_at), expires_on = excluded.expires_on`,
    [byteaArray(tombstones), now, new Date(now.getTime() + longest * DAY_MS)],
  )
  await tx.$client.query(
    'update weir.erasure_clock set erasures = erasures + 1, newest = greatest(newest, $1::timestamptz(3))',
    [now],
  )
}
