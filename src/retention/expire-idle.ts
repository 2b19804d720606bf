import { uuidArray } from '../db/binary-array.ts'
import { lockDelivery, lockSubjects } from '../db/locks.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import type { SubjectId } from '../event/ids.ts'
import { asModule, type BatchDeps } from '../pipeline/deliver-batch.ts'

export interface IdleDeps {
  readonly db: Db
  /** YYYY-MM-DD, UTC. */
  readonly today: string
  readonly destinations: readonly Pick<BatchDeps, 'destinationId' | 'module' | 'pseudonymiser'>[]
  /** The subject's key is gone: out of this node's cache with it. */
  readonly forget: (subject: SubjectId) => void
  /** Ends between two batches. */
  readonly signal?: AbortSignal | undefined
}

const IDLE_DAYS = 30
const LISTED = 500
const AT_ONCE = 20 // a withdrawal waits for at most one of these

/**
 * Devices that nobody has linked to a user and that were neither seen nor made a choice for 30 days are forgotten:
 * content, letters, state, key, identifier and subject here, and what modules hold of them. Their log rows become
 * nobody's; the consent ledger, proof of what was chosen, keeps a random id that leads nowhere.
 * @returns how many
 */
export async function expireIdle(deps: IdleDeps): Promise<number> {
  let expired = 0
  for (;;) {
    const listed = await idleSubjects(deps.db, deps.today)
    for (let from = 0; from < listed.length; from += AT_ONCE) {
      if (deps.signal?.aborted === true) return expired
      expired += await forgetThose(deps, listed.slice(from, from + AT_ONCE))
    }
    if (listed.length < LISTED) return expired
  }
}

const IDLE = `s.kind = 'device' and s.seen_on < $1::date - $2::integer
  and not exists (select from weir.link l where l.device_id = s.subject_id)
  and not exists (select from weir.consent_ledger c
    where c.subject_id = s.subject_id and c.recorded_at >= $1::date - $2::integer)`

async function idleSubjects(db: Db, today: string): Promise<SubjectId[]> {
  const { rows } = await db.$client.query<{ subject_id: SubjectId }>(
    `select s.subject_id from weir.subject s where ${IDLE} order by s.subject_id limit $3`,
    [today, IDLE_DAYS, LISTED],
  )
  return rows.map((row) => row.subject_id)
}

/**
 * In one transaction under the delivery locks: nothing is handed out, chosen or linked meanwhile. An event that comes
 * now notes the day on the subject's row, which is locked here: it finds the subject gone and makes a new one.
 */
async function forgetThose(deps: IdleDeps, listed: readonly SubjectId[]): Promise<number> {
  const gone = await transaction(deps.db, async (tx) => {
    const byNumber = deps.destinations.toSorted((a, b) => a.destinationId - b.destinationId)
    for (const { destinationId } of byNumber) await lockDelivery(tx, destinationId)
    await lockSubjects(tx, listed)
    const idle = await stillIdle(tx, deps.today, listed)
    if (idle.length === 0) return idle
    for (const { module, pseudonymiser } of byNumber) {
      if (module === undefined) continue
      for (const subject of idle) await asModule(tx, module, () => module.erase(tx, pseudonymiser.pseudonym(subject)))
    }
    await removeRows(tx, idle)
    return idle
  })
  for (const subject of gone) deps.forget(subject)
  return gone.length
}

async function stillIdle(tx: Tx, today: string, listed: readonly SubjectId[]): Promise<SubjectId[]> {
  const { rows } = await tx.$client.query<{ subject_id: SubjectId }>(
    `select s.subject_id from weir.subject s where ${IDLE} and s.subject_id = any($3::uuid[]) order by s.subject_id for update`,
    [today, IDLE_DAYS, uuidArray(listed)],
  )
  return rows.map((row) => row.subject_id)
}

async function removeRows(tx: Tx, idle: readonly SubjectId[]): Promise<void> {
  const ids = [uuidArray(idle)]
  // Found over their content, which has an index; a row whose content all fell due keeps an id that leads nowhere.
  await tx.$client.query(
    `update weir.event_log set subject_id = null, other_id = null
     where pos in (select pos from weir.sealed where subject_id = any($1::uuid[])) and subject_id = any($1::uuid[])`,
    ids,
  )
  for (const table of ['sealed', 'dead_letter', 'purge', 'consent_state', 'subject_key', 'identifier', 'subject']) {
    await tx.$client.query(`delete from weir.${table} where subject_id = any($1::uuid[])`, ids)
  }
}
