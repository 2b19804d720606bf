import type { Db } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { forgetContent } from '../content.ts'
import { lockRequest } from '../rows.ts'

export interface ForgetDeps {
  readonly db: Db
  readonly keyring: Keyring
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const DAY_MS = 86_400_000
/** What was decided, and the salt of a receipt, can be read with the request's secret for so long. */
const TOLD_DAYS = 30

const BATCH = 50

/**
 * Forgets what requests said that are over and told of: whom to write to at once, and the rest, with its key, where it was
 * taken back or expired; else after 30 days, in which the person can fetch the answer.
 */
export async function forgetOver(deps: ForgetDeps): Promise<void> {
  const { db, keyring, now } = deps
  const told = `r.closed_at is not null and not exists (select from weir.request_message m
    where m.request_id = r.request_id and m.sent_at is null and m.given_up_at is null)`
  await db.$client.query(
    `delete from weir.request_content c using weir.request r where r.request_id = c.request_id
       and c.kind in ('contact', 'asking') and r."right" not in ('access', 'portability') and ${told}`,
  )
  const { rows } = await db.$client.query<{ request_id: string }>(
    `select r.request_id from weir.request r
     where exists (select from weir.subject_key k where k.subject_id = r.request_id) and ${told}
       and (r.state in ('cancelled', 'expired') or r.closed_at < $1) order by r.number limit $2`,
    [new Date(now() - TOLD_DAYS * DAY_MS), BATCH],
  )
  for (const { request_id: id } of rows) {
    await transaction(db, async (tx) => {
      await lockRequest(tx, id)
      await forgetContent(tx, keyring, id)
      await tx.$client.query('delete from weir.request_proof where request_id = $1', [id])
    })
  }
}
