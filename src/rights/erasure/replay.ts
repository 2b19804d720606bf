import { randomBytes } from 'node:crypto'
import { appendEntries } from '../../audit/log.ts'
import { byteaArray, uuidArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import { AppError } from '../../errors.ts'
import { type SubjectId, subjectId } from '../../event/ids.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { withKnownRoots } from '../../pipeline/pseudonymisers.ts'
import { keptDays } from '../../retention/due.ts'
import { forgetContent } from '../content.ts'
import type { RightsDeps } from '../deps.ts'
import { makeOwnKey, ownKey } from '../own-key.ts'
import { setAside } from '../remainder.ts'
import type { Needles } from '../request.ts'
import { restrict } from '../restrict.ts'
import { needlesOf } from '../scan/needles.ts'
import { scanDatabase } from '../scan/scan.ts'
import { closeEarlierRequests } from './earlier-requests.ts'
import { lostErasures, missingErasures, wasRestored } from './guard.ts'
import type { LedgerEntry } from './ledger-file.ts'
import { destroyKeys, removeFromModules, removeRows } from './remove.ts'
import { identifiersOf, subjectTagOf, withDevices } from './subjects.ts'

export interface Replayed {
  /** Erasures of the ledger that this database had not done. */
  readonly erasures: number
  /** People's subjects that were erased again. */
  readonly subjects: number
  readonly columns: number
}

/**
 * Does again, in a database that was restored, what was erased since its backup, and looks for what was erased: only then
 * may it serve. Broken off anywhere, it is done again. Throws AppError conflict where there is no ledger and nobody says
 * that there need be none, or where something is still found.
 */
export async function replayErasures(
  deps: RightsDeps,
  {
    withoutLedger,
    progress,
  }: { readonly withoutLedger: boolean; readonly progress?: (done: number, of: number) => void },
): Promise<Replayed> {
  const entries = await deps.ledger.read()
  if (entries === undefined) {
    if (!withoutLedger) {
      const message = `the ledger of erasures ${deps.ledger.path} is not there: put it back, or say --without-ledger where nobody was erased since the backup`
      throw new AppError('conflict', message, { code: 'ledger-missing' })
    }
  } else if (!withoutLedger && (await wasRestored(deps.db))) {
    const lost = await lostErasures(deps.db, entries)
    if (lost > 0) {
      const message = `the ledger of erasures ${deps.ledger.path} lacks ${lost} that this database has done itself: it is too old a copy; put back the newest, or say --without-ledger where nobody was erased since the backup`
      throw new AppError('conflict', message, { code: 'ledger-incomplete' })
    }
  }
  await deps.ledger.begin()
  const missing = await missingErasures(deps.db, entries ?? [])
  const found = await findSubjects(deps, missing)
  // All in one transaction with the scan: where something is still found nothing was done, and the next try finds it again.
  return withKnownRoots(deps.keyring, () =>
    withActiveEpoch(deps.keyring, () =>
      transaction(deps.db, async (tx) => {
        const needles: Needles[] = []
        let subjects = 0
        for (const [i, entry] of missing.entries()) {
          const again = await eraseAgain(tx, deps, entry, found.get(entry.id) ?? [])
          subjects += again.subjects
          needles.push(again.needles)
          progress?.(i + 1, missing.length)
        }
        const columns = await lookFor(tx, needles)
        await release(tx, deps, { missing: missing.length, withoutLedger })
        return { erasures: missing.length, subjects, columns }
      }),
    ),
  )
}

/** Throws AppError `scan-hits` where anything is still found. @returns how many columns were looked into */
async function lookFor(tx: Tx, needles: readonly Needles[]): Promise<number> {
  const all = { raw: needles.flatMap(({ raw }) => raw), keyed: needles.flatMap(({ keyed }) => keyed) }
  const { hits, columns } = await scanDatabase(tx, all)
  if (hits.length === 0) return columns
  const where = hits.map(({ table, column }) => `${table}.${column}`).join(', ')
  const message = `what was erased is still found in ${where}: nothing was changed, and Weir does not serve`
  throw new AppError('conflict', message, { code: 'scan-hits' })
}

/** Whose they are in this database: every subject's tag is held against the ledger's. */
async function findSubjects(
  { db, keyring }: RightsDeps,
  missing: readonly LedgerEntry[],
): Promise<Map<string, SubjectId[]>> {
  const erasureOf = new Map(missing.flatMap(({ id, subjects }) => subjects.map((tag) => [tag, id] as const)))
  const found = new Map<string, SubjectId[]>()
  for (let after = '00000000-0000-0000-0000-000000000000'; erasureOf.size > 0; ) {
    const { rows } = await db.$client.query<{ subject_id: string }>(
      'select subject_id from weir.subject where subject_id > $1 order by subject_id limit 5000',
      [after],
    )
    for (const row of rows) {
      const subject = subjectId(row.subject_id)
      const erasure = erasureOf.get(subjectTagOf(keyring.tombstoneKey, subject).toString('base64url'))
      if (erasure !== undefined) found.set(erasure, [...(found.get(erasure) ?? []), subject])
    }
    const last = rows.at(-1)
    if (last === undefined) break
    after = last.subject_id
  }
  return found
}

async function eraseAgain(
  tx: Tx,
  deps: RightsDeps,
  entry: LedgerEntry,
  listed: readonly SubjectId[],
): Promise<{ subjects: number; needles: Needles }> {
  const { keyring, now } = deps
  const subjects = await withDevices(tx, listed)
  const identifiers = await identifiersOf(tx, deps, subjects)
  const needles = await needlesOf(tx, { keyring, holders: deps.holders() }, { subjects, identifiers })
  if (subjects.length > 0) {
    await restrict(tx, deps, { request: entry.id, subjects, now: now() })
    if ((await ownKey(tx, keyring, entry.id)) === undefined) await makeOwnKey(tx, keyring, entry.id)
    await setAside(tx, deps, { request: entry.id, subjects, contact: {}, language: 'zh-CN' })
    await removeFromModules(tx, deps, subjects)
    await destroyKeys(tx, deps, subjects)
    await closeEarlierRequests(tx, deps, { id: entry.id, subjects })
    await tx.$client.query('delete from weir.request_person where subject_id = any($1::uuid[])', [uuidArray(subjects)])
  }
  // Also where nobody of them is here: what waits at a client is late for this database too.
  await removeRows(tx, deps, { subjects, identifiers, salt: randomBytes(32).toString('base64url') })
  await buryAgain(deps, tx, entry)
  await closeRequest(deps, tx, entry)
  await appendEntries(tx, [
    {
      actor: 'weir',
      action: 'request.erase-again',
      resource: `request:${entry.id}`,
      purpose: 'rights',
      outcome: 'done',
      more: { subjects: subjects.length },
    },
  ])
  return { subjects: subjects.length, needles }
}

const DAY_MS = 86_400_000

async function buryAgain({ active }: RightsDeps, tx: Tx, { tombstones, at }: LedgerEntry): Promise<void> {
  const longest = Math.max(1, ...[...active().compiled.classes.values()].map(keptDays))
  await tx.$client.query(
    `insert into weir.tombstone (tombstone, erased_at, expires_on) select t, $2, $3::date from unnest($1::bytea[]) as t
     on conflict (tombstone) do update set erased_at = greatest(weir.tombstone.erased_at, excluded.erased_at)`,
    [
      byteaArray(tombstones.map((one) => Buffer.from(one, 'base64url')).sort((a, b) => Buffer.compare(a, b))),
      new Date(at),
      new Date(Date.parse(at) + longest * DAY_MS),
    ],
  )
}

/** The request itself was answered before the backup was put back: here it is over, and says nothing any more. */
async function closeRequest({ keyring, now }: RightsDeps, tx: Tx, { id, at }: LedgerEntry): Promise<void> {
  await tx.$client.query(
    `update weir.request set state = 'completed', state_at = $2, closed_at = $2, reason = 'replayed'
     where request_id = $1 and closed_at is null`,
    [id, new Date(now())],
  )
  await tx.$client.query('delete from weir.request_person where request_id = $1', [id])
  await forgetContent(tx, keyring, id)
  await tx.$client.query(
    `insert into weir.erasure (erasure_id, ledger_at, done_at, subjects) values ($1, $2, $3, 0)
     on conflict (erasure_id) do update set done_at = excluded.done_at`,
    [id, new Date(at), new Date(now())],
  )
}

async function release(
  tx: Tx,
  { now }: RightsDeps,
  { missing, withoutLedger }: { readonly missing: number; readonly withoutLedger: boolean },
): Promise<void> {
  await tx.$client.query('update weir.restore_guard set replayed_at = $1 where replayed_at is null', [new Date(now())])
  await appendEntries(tx, [
    {
      actor: 'cli',
      action: 'restore.release',
      resource: 'database',
      purpose: 'rights',
      outcome: 'done',
      more: { erasures: missing, ...(withoutLedger ? { withoutLedger: true } : {}) },
    },
  ])
}
