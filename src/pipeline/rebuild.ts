import { appendEntries } from '../audit/log.ts'
import type { BatchStart } from '../db/locks.ts'
import type { Tx } from '../db/pool.ts'
import { sqlState } from '../db/transaction.ts'
import type { SubjectId } from '../event/ids.ts'
import { moveCursor } from '../eventlog/read.ts'
import type { Module } from '../modules/module.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { ROUNDING_DAYS } from '../policy/pseudonym-periods.ts'
import { periodOf } from '../protect/pseudonymise.ts'
import { asModule } from './as-module.ts'
import { type ModuleRoot, readModuleRoot, readRoots, writeModuleRoot } from './module-root.ts'
import type { Naming } from './pseudonymisers.ts'

/** What a module's batch knows of its place. */
export interface Place {
  readonly destination: string
  readonly destinationId: number
  readonly module: Module
  readonly policy: CompiledPolicy
  /** Milliseconds since 1970. */
  readonly now: number
}

/** No device is before it. */
export const FIRST_DEVICE = '00000000-0000-0000-0000-000000000000' as SubjectId

const DAY_MS = 86_400_000
const WAIT = '200ms'
const LOCK_NOT_AVAILABLE = '55P03'

/**
 * What the module's rows are named by in this batch. Where that is not what they are to be named by (the pseudonym root
 * was changed, or the policy lets pseudonyms roll), the state is cleared and the cursor set back, in this transaction: the
 * log is then delivered again under the consent of now. `cleared` says so: nothing else belongs into this batch.
 * Undefined where somebody reads the module just now: the next batch tries again. The caller holds the delivery lock.
 */
export async function rootOfBatch(
  tx: Tx,
  place: Place,
  { pos }: Pick<BatchStart, 'pos'>,
): Promise<{ readonly root: ModuleRoot; readonly cleared: boolean } | undefined> {
  const [held, roots] = [await readModuleRoot(tx, place.destinationId), await readRoots(tx)]
  const rollingDays = place.policy.destinations.find(({ name }) => name === place.destination)?.rollingDays
  const wanted: Naming = { kid: roots.active, rollingDays }
  if (held?.kid === wanted.kid && held.rollingDays === wanted.rollingDays) return { root: held, cleared: false }
  if (held === undefined && pos === 0n) return { root: await begin(tx, place, wanted, undefined), cleared: false }
  if (held === undefined && roots.ever === 1 && rollingDays === undefined) {
    // Delivered to before roots were written down, and there has been no other root: told of all links as well.
    const root = { ...freshRoot(place, wanted, undefined), telling: undefined }
    await writeModuleRoot(tx, place.destinationId, root)
    return { root, cleared: false }
  }
  if (!(await clear(tx, place))) return undefined
  return { root: await begin(tx, place, wanted, pos), cleared: true }
}

async function begin(tx: Tx, place: Place, naming: Naming, until: bigint | undefined): Promise<ModuleRoot> {
  const root = freshRoot(place, naming, until)
  await writeModuleRoot(tx, place.destinationId, root)
  return root
}

function freshRoot({ policy, now }: Place, naming: Naming, until: bigint | undefined): ModuleRoot {
  const from = naming.rollingDays === undefined ? 0 : firstPeriod(policy, now, naming.rollingDays)
  const period = naming.rollingDays === undefined ? 0 : periodOf(now, naming.rollingDays)
  return {
    ...naming,
    fromPeriod: from,
    toldPeriod: from - 1,
    telling: { after: FIRST_DEVICE, period },
    until,
    begunAt: new Date(now),
  }
}

/** The period of the oldest event that the policy lets anybody be handed. */
export function firstPeriod({ classes }: CompiledPolicy, now: number, rollingDays: number): number {
  const longest = Math.max(0, ...[...classes.values()].map(({ retainDays }) => retainDays))
  return periodOf(now - (longest + ROUNDING_DAYS) * DAY_MS, rollingDays)
}

/** State, letters and orders of erasure go together with the cursor's place. False where a reader is in the way. */
async function clear(tx: Tx, { module, destinationId }: Place): Promise<boolean> {
  await tx.$client.query('set local synchronous_commit to default')
  await tx.$client.query(`savepoint clearing; set local lock_timeout to '${WAIT}'`)
  try {
    await asModule(tx, module, () => module.clear(tx))
  } catch (error) {
    if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error
    await tx.$client.query('rollback to savepoint clearing')
    return false
  }
  await tx.$client.query('release savepoint clearing; set local lock_timeout to default')
  // Nothing is there to erase, and what failed is handed over again.
  await tx.$client.query('delete from weir.purge where destination_id = $1', [destinationId])
  await tx.$client.query('delete from weir.dead_letter where destination_id = $1', [destinationId])
  await moveCursor(tx, destinationId, 0n)
  const resource = `module:${module.name}`
  await appendEntries(tx, [
    { actor: 'weir', action: 'module.rebuild', resource, purpose: 'administration', outcome: 'done' },
  ])
  return true
}

/** Where the rebuild has come to the place at which it began, that is written down. */
export async function noteProgress(
  tx: Tx,
  { destinationId }: Pick<Place, 'destinationId'>,
  root: ModuleRoot,
  at: { readonly pos: bigint | undefined; readonly isEnd: boolean },
): Promise<void> {
  if (root.until === undefined) return
  if (at.isEnd || (at.pos !== undefined && at.pos >= root.until)) {
    await writeModuleRoot(tx, destinationId, { ...root, until: undefined })
  }
}
