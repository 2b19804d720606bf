import { appendEntries } from '../audit/log.ts'
import { resealDetails } from '../audit/reseal-details.ts'
import { byteaArray, dateArray, int2Array, int8Array } from '../db/binary-array.ts'
import { lockSubjects } from '../db/locks.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { resealRegister } from '../destinations/register.ts'
import { AppError } from '../errors.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import { type PlacedBlob, readAt, readSubjectBlobs } from '../eventlog/read.ts'
import { openIdentifier, sealIdentifier } from '../identity/identifiers.ts'
import type { Keyring } from '../keys/keyring.ts'
import { loadSubjectKeys, withActiveEpoch } from '../keys/subject-keys.ts'
import { ProtectError } from '../protect/protect-error.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import { keyVersionOf, openBlob, sealBlob } from './protect-event.ts'
import { resealStruck } from './struck-tags.ts'

export interface RenewDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly classNames: ReadonlyMap<number, string>
  readonly now: () => number
  readonly actor: string
}

export interface Renewed {
  readonly keyVersion: number
  /** Sealed records and identifiers that were sealed anew. */
  readonly resealed: number
}

const AT_ONCE = 200
const GRACE_MS = 3_600_000 // longer than any group of events that began with the old key can take

/**
 * A new key for one subject, for when its key is known to somebody. What was sealed is sealed anew, in batches; the old
 * version goes with `finishRenewals`, once no event that was under way can have used it. What backups hold stays open to
 * whoever has the old key: no key can change that.
 * @throws AppError `not-found` where there is no such subject
 */
export async function renewSubjectKey(deps: RenewDeps, subject: SubjectId): Promise<Renewed> {
  const keyVersion = await withActiveEpoch(deps.keyring, () =>
    transaction(deps.db, (tx) => addVersion(tx, deps, subject)),
  )
  return { keyVersion, resealed: await resealAll(deps, subject, keyVersion) }
}

async function addVersion(tx: Tx, { keyring, now, actor }: RenewDeps, subject: SubjectId): Promise<number> {
  await lockSubjects(tx, [subject])
  const { rows } = await tx.$client.query<{ key_version: number }>(
    'update weir.subject set key_version = key_version + 1 where subject_id = $1 returning key_version',
    [subject],
  )
  const keyVersion = rows[0]?.key_version
  if (keyVersion === undefined) throw new AppError('not-found', 'there is no such subject: it may have been erased')
  await appendEntries(tx, [
    {
      actor,
      action: 'keys.renew',
      resource: `subject-key:version/${keyVersion}`,
      purpose: 'administration',
      outcome: 'done',
    },
  ])
  await tx.$client.query('update weir.subject_key set retired_at = $2 where subject_id = $1 and retired_at is null', [
    subject,
    new Date(now()),
  ])
  await tx.$client.query('insert into weir.subject_key (subject_id, key_version, wrapped) values ($1, $2, $3)', [
    subject,
    keyVersion,
    keyring.createSubjectKey(subject, keyVersion).wrapped,
  ])
  return keyVersion
}

/**
 * A new key for every subject, for when the key of an epoch is known to somebody. Who is erased meanwhile is passed by;
 * killed anywhere, the next call begins anew, and nothing is lost.
 */
export async function renewAllKeys(
  deps: RenewDeps,
  progress: (done: number, total: number) => void,
): Promise<{ readonly subjects: number; readonly resealed: number }> {
  const total = (await deps.db.$client.query<{ n: number }>('select count(*)::integer as n from weir.subject')).rows[0]!
    .n
  let after = '00000000-0000-0000-0000-000000000000'
  let subjects = 0
  let resealed = 0
  for (;;) {
    const { rows } = await deps.db.$client.query<{ subject_id: string }>(
      'select subject_id from weir.subject where subject_id > $1 order by subject_id limit 500',
      [after],
    )
    const last = rows.at(-1)
    if (last === undefined) return { subjects, resealed }
    after = last.subject_id
    for (const row of rows) {
      try {
        resealed += (await renewSubjectKey(deps, subjectId(row.subject_id))).resealed
        subjects++
      } catch (error) {
        if (!(error instanceof AppError) || (error.kind !== 'not-found' && error.code !== 'subject-erased')) throw error
      }
      progress(subjects, Math.max(subjects, total))
    }
  }
}

/**
 * Takes the retired versions away whose time is over: what was sealed under them meanwhile is sealed anew first. Part
 * of the housekeeping. Somebody whose content does not open keeps the old versions and holds nobody else up.
 * @returns how many went, and how many people keep theirs
 */
export async function finishRenewals(deps: RenewDeps): Promise<{ readonly gone: number; readonly failed: number }> {
  const { rows } = await deps.db.$client.query<{ subject_id: string; key_version: number }>(
    `select distinct s.subject_id, s.key_version from weir.subject_key k join weir.subject s on s.subject_id = k.subject_id
     where k.retired_at < $1 and not weir.is_restricted(k.subject_id)`,
    [new Date(deps.now() - GRACE_MS)],
  )
  let gone = 0
  let failed = 0
  for (const row of rows) {
    const subject = subjectId(row.subject_id)
    try {
      gone += await finishOne(deps, subject, row.key_version)
    } catch (error) {
      if (!(error instanceof ProtectError || error instanceof AppError)) throw error
      failed++
    }
  }
  return { gone, failed }
}

async function finishOne(deps: RenewDeps, subject: SubjectId, keyVersion: number): Promise<number> {
  await resealAll(deps, subject, keyVersion)
  const removed = await deps.db.$client.query(
    'delete from weir.subject_key where subject_id = $1 and key_version < $2 and retired_at < $3',
    [subject, keyVersion, new Date(deps.now() - GRACE_MS)],
  )
  deps.keyring.forget(subject)
  return removed.rowCount ?? 0
}

async function resealAll(deps: RenewDeps, subject: SubjectId, keyVersion: number): Promise<number> {
  const inTurn = (reseal: typeof resealBlobs): Promise<number> =>
    withActiveEpoch(deps.keyring, () => transaction(deps.db, (tx) => reseal(tx, deps, subject, keyVersion)))
  let done = (await inTurn(resealIdentifiers)) + (await inTurn(resealRegisterOf)) + (await inTurn(resealStruckOf))
  for (const reseal of [resealBlobs, resealDetailsOf]) {
    let resealed: number
    do {
      resealed = await inTurn(reseal)
      done += resealed
    } while (resealed >= AT_ONCE)
  }
  return done
}

/** Who received what of them. */
function resealRegisterOf(tx: Tx, deps: RenewDeps, subject: SubjectId, keyVersion: number): Promise<number> {
  return resealRegister(tx, deps.keyring, { subject, keyVersion })
}

/** What the audit log says of them; its entries commit to what was said, not to how it is sealed. */
function resealDetailsOf(tx: Tx, deps: RenewDeps, subject: SubjectId, keyVersion: number): Promise<number> {
  return resealDetails(tx, deps.keyring, { subject, keyVersion, atMost: AT_ONCE })
}

/** What they struck out of recommendations. */
function resealStruckOf(tx: Tx, { keyring }: RenewDeps, subject: SubjectId, keyVersion: number): Promise<number> {
  return resealStruck(tx, keyring, { subject, keyVersion })
}

async function resealBlobs(tx: Tx, deps: RenewDeps, subject: SubjectId, keyVersion: number): Promise<number> {
  const all = (await readSubjectBlobs(tx, subject)).filter((blob) => keyVersionOf(blob.bytes) < keyVersion)
  if (all.length === 0) return 0
  const rows = await readAt(tx, [...new Set(all.map((blob) => blob.pos))])
  const eventKeys = new Map(rows.map((row) => [row.pos as bigint, row.eventKey]))
  // One whose log row went falls due with its partition: nothing can open it any more, under either key.
  const old = all.filter((blob) => eventKeys.has(blob.pos)).slice(0, AT_ONCE)
  const fresh = await keysOf(tx, deps, subject, keyVersion)
  const made: (PlacedBlob & { sealed: Buffer })[] = []
  for (const blob of old) {
    const place = {
      subject,
      className: deps.classNames.get(blob.classId)!,
      classId: blob.classId,
      eventKey: eventKeys.get(blob.pos)!,
    }
    const before = await keysOf(tx, deps, subject, keyVersionOf(blob.bytes))
    made.push({ ...blob, sealed: sealBlob(fresh, place, openBlob(before, place, blob.bytes)) })
  }
  await tx.$client.query(
    `update weir.sealed s set bytes = n.sealed
     from unnest($2::bigint[], $3::smallint[], $4::date[], $5::bytea[], $6::bytea[]) as n(pos, class, due, old, sealed)
     where s.subject_id = $1 and s.pos = n.pos and s.class_id = n.class and s.due = n.due and s.bytes = n.old`,
    [
      subject,
      int8Array(made.map((one) => one.pos)),
      int2Array(made.map((one) => one.classId)),
      dateArray(made.map((one) => one.dueDay)),
      byteaArray(made.map((one) => one.bytes)),
      byteaArray(made.map((one) => one.sealed)),
    ],
  )
  return made.length
}

async function resealIdentifiers(tx: Tx, deps: RenewDeps, subject: SubjectId, keyVersion: number): Promise<number> {
  const { rows } = await tx.$client.query<{ index_key: Buffer; sealed: Buffer }>(
    'select index_key, sealed from weir.identifier where subject_id = $1 order by index_key for update',
    [subject],
  )
  const old = rows.filter((row) => keyVersionOf(row.sealed) < keyVersion)
  if (old.length === 0) return 0
  const fresh = await keysOf(tx, deps, subject, keyVersion)
  for (const row of old) {
    const before = await keysOf(tx, deps, subject, keyVersionOf(row.sealed))
    const value = openIdentifier(before, subject, row.index_key as never, row.sealed)
    await tx.$client.query('update weir.identifier set sealed = $2 where index_key = $1', [
      row.index_key,
      sealIdentifier(fresh, subject, row.index_key as never, value),
    ])
  }
  return old.length
}

async function keysOf(tx: Tx, { keyring }: RenewDeps, subject: SubjectId, keyVersion: number): Promise<SubjectKeys> {
  const keys = (await loadSubjectKeys(tx, keyring, [{ subject, keyVersion }])).get(subject)
  if (keys === undefined) throw new AppError('conflict', 'the subject was erased meanwhile', { code: 'subject-erased' })
  return keys
}
