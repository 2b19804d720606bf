import { uuidArray } from '../db/binary-array.ts'
import { type BatchStart, lockBatch } from '../db/locks.ts'
import type { Db, Tx } from '../db/pool.ts'
import { sqlState, transaction } from '../db/transaction.ts'
import type { Delivered } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import { LOG_KIND } from '../eventlog/append.ts'
import { type LogRow, moveCursor, readAfter, readAt } from '../eventlog/read.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import type { Module } from '../modules/module.ts'
import { startOfPeriod } from '../protect/pseudonymise.ts'
import { asModule, become } from './as-module.ts'
import { type DueLetter, dueLetters, keepLetter, settleLetter } from './dead-letters.ts'
import { eraseSubject } from './erase-subject.ts'
import type { ModuleRoot } from './module-root.ts'
import { openApart, UNREADABLE } from './open-apart.ts'
import { type Lens, relinksOf } from './open-batch.ts'
import type { PolicyShelf } from './policy-shelf.ts'
import { type Pseudonymisers, withKnownRoots } from './pseudonymisers.ts'
import { firstPeriod, noteProgress, type Place, rootOfBatch } from './rebuild.ts'
import { linksToTell, tellLinks } from './tell-links.ts'

export interface BatchDeps extends Omit<Lens, 'pseudonymiser' | 'linked'> {
  readonly db: Db
  readonly destinationId: number
  readonly policies: PolicyShelf
  readonly pseudonymisers: Pseudonymisers
  /** Absent for the flow probe, which only moves its cursor. */
  readonly module: Module | undefined
}

/** What one batch did. */
export interface BatchResult {
  readonly rows: number
  readonly delivered: number
  readonly withheld: number
  readonly failed: number
  readonly erased: number
  /** Dead letters that were due. */
  readonly retried: number
  /** Since when the module is being rebuilt; absent where it is not. */
  readonly rebuilding: Date | undefined
  /** Something else than rows was done, and there may be more of it. */
  readonly more: boolean
  /** Position and receipt of the last row seen; absent where there was none. */
  readonly last: { readonly pos: bigint; readonly receivedAt: Date } | undefined
}

const ERASING_MS = 20 // a withdrawal waits for at most one batch
const NOTHING_YET: BatchResult = {
  rows: 0,
  delivered: 0,
  withheld: 0,
  failed: 0,
  erased: 0,
  retried: 0,
  rebuilding: undefined,
  more: false,
  last: undefined,
}

/**
 * One batch of one destination in one transaction: the lock of law 3, erasures that withdrawals ordered, letters that
 * are due again, then what follows the cursor; module state and cursor move together or not at all.
 */
export function deliverBatch(own: BatchDeps, limit: number): Promise<BatchResult> {
  const batch = (): Promise<BatchResult> =>
    transaction(own.db, async (tx) => {
      const start = await lockBatch(tx, own.destinationId)
      const deps = await underActivePolicy(tx, own, start)
      const { module } = deps
      return module === undefined
        ? passProbes(tx, deps, start, limit)
        : deliverTo(tx, { ...deps, module }, start, limit)
    })
  return withActiveEpoch(own.keyring, () => withKnownRoots(own.keyring, batch))
}

/** What the flow probe does: it holds nothing, and only moves its cursor. */
async function passProbes(tx: Tx, deps: BatchDeps, start: BatchStart, limit: number): Promise<BatchResult> {
  if (start.erasures) await tx.$client.query('delete from weir.purge where destination_id = $1', [deps.destinationId])
  const rows = await readAfter(tx, start.pos, limit)
  const last = rows.at(-1)
  if (last !== undefined) await moveCursor(tx, deps.destinationId, last.pos)
  return { ...NOTHING_YET, rows: rows.length, last }
}

type Hosted = BatchDeps & { readonly module: Module }

async function deliverTo(tx: Tx, deps: Hosted, start: BatchStart, limit: number): Promise<BatchResult> {
  const { destination, destinationId, module } = deps
  const place: Place = { destination, destinationId, module, policy: deps.active.compiled, now: deps.now() }
  const found = await rootOfBatch(tx, place, start)
  if (found === undefined) return NOTHING_YET
  const { root, cleared } = found
  const rebuilding = root.until === undefined ? undefined : root.begunAt
  if (cleared) return { ...NOTHING_YET, rebuilding, more: true }
  const { erased, more } = start.erasures ? await erasePurged(tx, deps) : { erased: 0, more: false }
  // Erasures first, all of them: one that came after new events of its person would take those too.
  if (more) return { ...NOTHING_YET, rebuilding, erased }
  const lens = lensOf(deps, place, root)
  const telling = linksToTell(place, root)
  if (telling !== undefined) {
    await tellLinks(tx, lens, place, { ...root, telling })
    return { ...NOTHING_YET, rebuilding, erased, more: true }
  }
  const retried = start.letters ? await retryLetters(tx, lens) : { delivered: 0, failed: 0 }
  const rows = await readAfter(tx, start.pos, limit)
  const handed = await handOut(tx, lens, rows)
  const last = rows.at(-1)
  if (last !== undefined) await moveCursor(tx, destinationId, last.pos)
  await noteProgress(tx, place, root, { pos: last?.pos, isEnd: rows.length < limit })
  return {
    rows: rows.length,
    delivered: handed.delivered + retried.delivered,
    withheld: handed.withheld,
    failed: handed.failed + retried.failed,
    erased,
    retried: retried.delivered + retried.failed,
    rebuilding,
    more: false,
    last,
  }
}

/** A module's batch under the root that its rows are under. */
type Handing = Hosted & Lens

function lensOf(deps: Hosted, { policy, now }: Place, root: ModuleRoot): Handing {
  const { rollingDays, toldPeriod } = root
  const pseudonymiser = deps.pseudonymisers(deps.module, root)
  if (rollingDays === undefined) return { ...deps, pseudonymiser, linked: { from: 0, to: 0 } }
  const from = startOfPeriod(firstPeriod(policy, now, rollingDays), rollingDays)
  return { ...deps, pseudonymiser, linked: { from, to: startOfPeriod(toldPeriod, rollingDays) } }
}

/** Another node may have activated another policy: the one in the database decides, read after the lock like consent. */
async function underActivePolicy(tx: Tx, deps: BatchDeps, { version }: BatchStart): Promise<BatchDeps> {
  if (version === null || version === deps.active.compiled.version) return deps
  await deps.policies.load(tx, [version])
  return { ...deps, active: { ...deps.active, compiled: deps.policies.of(version) } }
}

async function loadPolicies(tx: Tx, deps: BatchDeps, rows: readonly LogRow[]): Promise<void> {
  await deps.policies.load(
    tx,
    rows.map((row) => row.policyVersion),
  )
}

interface Handed {
  delivered: number
  withheld: number
  failed: number
}

async function handOut(tx: Tx, deps: Handing, rows: readonly LogRow[]): Promise<Handed> {
  const { module } = deps
  if (rows.length === 0) return { delivered: 0, withheld: 0, failed: 0 }
  await loadPolicies(tx, deps, rows)
  const { delivered, withheld, withheldSubjects, unreadable } = await openApart(
    tx,
    deps,
    rows.filter((row) => row.kind === LOG_KIND.event),
  )
  if (withheldSubjects.length > 0) await orderContentPurge(tx, withheldSubjects)
  for (const row of unreadable) await keepLetter(tx, deps.destinationId, row, UNREADABLE)
  const failed = await handleAll(tx, deps, module, delivered, rows)
  for (const { from, to } of await relinksOf(tx, deps, module.purpose, rows)) {
    await asModule(tx, module, () => module.relink(tx, from, to))
  }
  return { delivered: delivered.length - failed, withheld, failed: failed + unreadable.length }
}

/** An event that was under way while its consent was withdrawn came to the store after the purge: purge again. */
async function orderContentPurge(tx: Tx, subjects: readonly SubjectId[]): Promise<void> {
  await tx.$client.query(
    `insert into weir.purge (subject_id, destination_id) select id, 0 from unnest($1::uuid[]) as s(id)
     on conflict (subject_id, destination_id) do nothing`,
    [uuidArray(subjects)],
  )
}

/** Hands over a batch; where it fails, one by one, so that the guilty event alone becomes a dead letter. */
async function handleAll(
  tx: Tx,
  deps: BatchDeps,
  module: Module,
  batch: readonly Delivered[],
  rows: readonly LogRow[],
): Promise<number> {
  if (batch.length === 0) return 0
  if ((await tryHandle(tx, module, batch)) === undefined) return 0
  let failed = 0
  for (const one of batch) {
    const code = await tryHandle(tx, module, [one])
    if (code === undefined) continue
    failed++
    await keepLetter(tx, deps.destinationId, rows.find((row) => row.pos === one.position)!, code)
  }
  return failed
}

/** Undefined when it went well, else a code for the letter. A broken connection or a conflict is thrown on. */
async function tryHandle(tx: Tx, module: Module, batch: readonly Delivered[]): Promise<string | undefined> {
  await tx.$client.query(`savepoint handing; ${become(module)}`)
  try {
    await module.handle(tx, batch)
    await tx.$client.query('reset role; release savepoint handing')
    return undefined
  } catch (error) {
    const state = sqlState(error)
    if (state === '40001' || state === '40P01' || state?.startsWith('08') || state?.startsWith('57')) throw error
    await tx.$client.query('rollback to savepoint handing')
    return state === undefined ? 'module-error' : `sqlstate-${state}`
  }
}

/** One erasure at least, and as many as fit into a batch's time; the rest have their turn in the next one. */
async function erasePurged(tx: Tx, deps: Hosted): Promise<{ erased: number; more: boolean }> {
  await tx.$client.query('set local synchronous_commit to default') // what was erased stays erased
  const giveUpAt = performance.now() + ERASING_MS
  for (let erased = 0; ; erased++) {
    if (erased > 0 && performance.now() > giveUpAt) return { erased, more: true }
    const subject = await takePurge(tx, deps.destinationId)
    if (subject === undefined) return { erased, more: false }
    await eraseSubject(tx, deps, subject)
  }
}

/** The subject whose erasure here was ordered first. */
async function takePurge(tx: Tx, destinationId: number): Promise<SubjectId | undefined> {
  const { rows } = await tx.$client.query<{ subject_id: SubjectId }>({
    name: 'purge-due',
    text: `delete from weir.purge where (subject_id, destination_id) in (
        select subject_id, destination_id from weir.purge where destination_id = $1
        order by requested_at limit 1 for update skip locked)
      returning subject_id`,
    values: [destinationId],
  })
  return rows[0]?.subject_id
}

async function retryLetters(tx: Tx, deps: Handing): Promise<{ delivered: number; failed: number }> {
  const { module } = deps
  const counts = { delivered: 0, failed: 0 }
  const due = await dueLetters(tx, deps.destinationId)
  if (due.length === 0) return counts
  const rows = await readAt(
    tx,
    due.map((letter) => letter.pos),
  )
  await loadPolicies(tx, deps, rows)
  for (const letter of due) {
    const code = await retryOne(tx, deps, module, letter, rows)
    if (code === undefined) counts.delivered++
    else counts.failed++
    await settleLetter(tx, deps.destinationId, letter, code)
  }
  return counts
}

/** Decided again like everything else: what was withdrawn meanwhile is not handed over, and the letter is settled. */
async function retryOne(
  tx: Tx,
  deps: Handing,
  module: Module,
  letter: DueLetter,
  rows: readonly LogRow[],
): Promise<string | undefined> {
  const row = rows.find((candidate) => candidate.pos === letter.pos)
  if (row === undefined) return undefined
  const { delivered, unreadable } = await openApart(tx, deps, [row])
  if (unreadable.length > 0) return UNREADABLE
  return delivered.length === 0 ? undefined : tryHandle(tx, module, delivered)
}
