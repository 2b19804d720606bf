import type { Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'
import type { LogRow } from '../eventlog/read.ts'

/**
 * Events that a destination failed on. A letter holds a reference and an error code; the content stays sealed where
 * it is, so that erasure and retention reach it like everything else.
 */
export interface DueLetter {
  readonly subject: SubjectId
  readonly pos: bigint
  readonly attempts: number
}

/** Minutes until the next try; after the last one it waits for an operator. */
const RETRY_MINUTES = [1, 10, 60, 360, 1440]

export async function keepLetter(tx: Tx, destinationId: number, row: LogRow, code: string): Promise<void> {
  await tx.$client.query(
    `insert into weir.dead_letter (subject_id, destination_id, pos, at_day, error_code, attempts, failed_at, retry_at)
     values ($1, $2, $3, $4, $5, 1, clock_timestamp(), clock_timestamp() + make_interval(mins => $6))
     on conflict (subject_id, destination_id, pos) do nothing`,
    [row.subject, destinationId, row.pos, row.atDay, code, RETRY_MINUTES[0]],
  )
}

export async function dueLetters(tx: Tx, destinationId: number): Promise<DueLetter[]> {
  const { rows } = await tx.$client.query<{ subject_id: SubjectId; pos: bigint; attempts: number }>({
    name: 'letters-due',
    text: `select subject_id, pos, attempts from weir.dead_letter
      where destination_id = $1 and retry_at <= clock_timestamp() order by retry_at limit 20`,
    values: [destinationId],
  })
  return rows.map((row) => ({ subject: row.subject_id, pos: row.pos, attempts: row.attempts }))
}

/** Removes a letter that went through (or has nothing left to hand over); puts a failed one off. */
export async function settleLetter(
  tx: Tx,
  destinationId: number,
  letter: DueLetter,
  code: string | undefined,
): Promise<void> {
  const key = [letter.subject, destinationId, letter.pos]
  if (code === undefined) {
    await tx.$client.query(
      'delete from weir.dead_letter where subject_id = $1 and destination_id = $2 and pos = $3',
      key,
    )
    return
  }
  const wait = RETRY_MINUTES[letter.attempts] ?? null
  await tx.$client.query(
    `update weir.dead_letter set attempts = attempts + 1, error_code = $4, failed_at = clock_timestamp(),
       retry_at = clock_timestamp() + make_interval(mins => $5::integer)
     where subject_id = $1 and destination_id = $2 and pos = $3`,
    [...key, code, wait],
  )
}
