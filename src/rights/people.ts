import { uuidArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import { type Presented, present } from '../identity/present.ts'
import { readNodes } from '../identity/read.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { GivenIdentifier } from './request.ts'

/**
 * The subjects behind what was proved: of a user all devices that are confirmed to be that user's, of a device that
 * device alone. Identifiers that were not verified reach nobody: they are hints, and never widen anything. Run it inside
 * withCurrentIndex. Sorted, so that every transaction locks in one order.
 */
export async function subjectsBehind(
  db: Db | Tx,
  keyring: Keyring,
  identifiers: readonly GivenIdentifier[],
): Promise<SubjectId[]> {
  const presented = identifiers.flatMap(({ type, value, verified }): Presented[] => {
    const one = verified ? present(keyring, type, value) : undefined
    return one === undefined ? [] : [one]
  })
  const nodes = [...(await readNodes(db, presented)).values()]
  const devices = await devicesOf(
    db,
    nodes.flatMap(({ kind, subject }) => (kind === 'user' ? [subject] : [])),
  )
  return [...new Set([...nodes.map(({ subject }) => subject), ...devices])].sort()
}

/** Every device that is confirmed to be one of these users'. */
export async function devicesOf(db: Db | Tx, users: readonly SubjectId[]): Promise<SubjectId[]> {
  const { rows } = await db.$client.query<{ device_id: string }>(
    `select device_id from weir.link
     where user_id = any($1::uuid[]) and state = 'confirmed' and ended_at is null order by device_id`,
    [uuidArray(users)],
  )
  return rows.map((row) => subjectId(row.device_id))
}
