import type { Db } from '../../db/pool.ts'
import type { Request } from '../request.ts'

/**
 * Whether an access is over and found nobody. Once somebody was erased since, it is not known any more whether it had
 * found them: what leads from requests to people goes with the people.
 */
export async function hasFoundNobody(
  db: Db,
  { id, right, state, closedAt }: Pick<Request, 'id' | 'right' | 'state' | 'closedAt'>,
): Promise<boolean> {
  if ((right !== 'access' && right !== 'portability') || state !== 'completed' || closedAt === undefined) return false
  const { rows } = await db.$client.query(
    `select where not exists (select from weir.request_person where request_id = $1)
       and not exists (select from weir.erasure where ledger_at >= $2)`,
    [id, new Date(closedAt)],
  )
  return rows.length > 0
}
