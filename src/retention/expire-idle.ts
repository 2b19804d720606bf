import { uuidArray } from '../db/binary-array.ts'
import { lockDelivery, lockSubjects } from '../db/locks.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import type { SubjectId } from '../event/ids.ts'
import { eraseSubject, type Holder } from '../pipeline/erase-subject.ts'
import type { DueRows } from './stores.ts'

/** Where a subject is forgotten too, under its pseudonyms there. */
export type Forgetful = Holder

export interface IdleDeps {
  readonly db: Db
  readonly destinations: readonly Forgetful[]
  /** The subject's key is gone: out of this node's cache with it. */
  readonly forget: (subject: SubjectId) => void
  /** Ends between two batches. */
  readonly signal?: AbortSignal | undefined
}

const LISTED = 500
const AT_ONCE = 20 // a withdrawal waits for at most one of these

/**
 * Forgets the subjects that are due: content, letters, state, links, key, identifier and subject here, and what modules
 * hold of them. Their log rows become nobody's; the consent ledger, proof of what was chosen, keeps a random id that
 * leads nowhere.
 * @returns how many
 */
export async function expireIdle(
  deps: IdleDeps,
  due: DueRows,
  taken: (rows: number) => Promise<void>,
): Promise<number> {
  let expired = 0
  for (;;) {
    const listed = await idleSubjects(deps.db, due)
    for (let from = 0; from < listed.length; from += AT_ONCE) {
      if (deps.signal?.aborted === true) return expired
      const gone = await forgetThose(deps, due, listed.slice(from, from + AT_ONCE))
      await taken(gone)
      expired += gone
    }
    if (listed.length < LISTED) return expired
  }
}

async function idleSubjects(db: Db, { from, where, values }: DueRows): Promise<SubjectId[]> {
  const { rows } = await db.$client.query<{ subject_id: SubjectId }>(
    `select s.subject_id from ${from} where ${where} order by s.subject_id limit $${values.length + 1}`,
    [...values, LISTED],
  )
  return rows.map((row) => row.subject_id)
}

/**
 * In one transaction under the delivery locks: nothing is handed out, chosen or linked meanwhile. An event that comes
 * now notes the day on the subject's row, which is locked here: it finds the subject gone and makes a new one.
 */
async function forgetThose(deps: IdleDeps, due: DueRows, listed: readonly SubjectId[]): Promise<number> {
  const gone = await transaction(deps.db, async (tx) => {
    const byNumber = deps.destinations.toSorted((a, b) => a.destinationId - b.destinationId)
    for (const { destinationId } of byNumber) await lockDelivery(tx, destinationId)
    await lockSubjects(tx, listed)
    const idle = await stillIdle(tx, due, listed)
    if (idle.length === 0) return idle
    for (const holder of byNumber) {
      for (const subject of idle) await eraseSubject(tx, holder, subject)
    }
    await removeRows(tx, idle)
    return idle
  })
  for (const subject of gone) deps.forget(subject)
  return gone.length
}

async function stillIdle(tx: Tx, { from, where, values }: DueRows, listed: readonly SubjectId[]): Promise<SubjectId[]> {
  const { rows } = await tx.$client.query<{ subject_id: SubjectId }>(
    `select s.subject_id from ${from} where ${where} and s.subject_id = any($${values.length + 1}::uuid[])
     order by s.subject_id for update of s`,
    [...values, uuidArray(listed)],
  )
  return rows.map((row) => row.subject_id)
}

async function removeRows(tx: Tx, idle: readonly SubjectId[]): Promise<void> {
  const ids = [uuidArray(idle)]
  // Found over their content, which has an index; a row whose content all fell due keeps an id that leads nowhere.
  await tx.$client.query(
    `update weir.event_log set subject_id = null, other_id = null, salt = null
     where pos in (select pos from weir.sealed where subject_id = any($1::uuid[])) and subject_id = any($1::uuid[])`,
    ids,
  )
  await tx.$client.query('delete from weir.link where device_id = any($1::uuid[]) or user_id = any($1::uuid[])', ids)
  for (const table of [
    'audit_detail',
    'sealed',
    'dead_letter',
    'purge',
    'struck_tag',
    'request_person',
    'request_named',
    'recipient',
    'consent_state',
    'subject_key',
    'identifier',
    'subject',
  ]) {
    await tx.$client.query(`delete from weir.${table} where subject_id = any($1::uuid[])`, ids)
  }
}
