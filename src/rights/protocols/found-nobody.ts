import type { Db } from '../../db/pool.ts'
import type { Request } from '../request.ts'

/** Why identities of a request that came over another protocol could not be looked for: codes of docs/recipients.md. */
export async function droppedIdentities(db: Db, id: string): Promise<string[]> {
  const { rows } = await db.$client.query<{ losses: string[] }>(
    'select losses from weir.request_origin where request_id = $1',
    [id],
  )
  return (rows[0]?.losses ?? []).filter((loss) => loss.startsWith('identity-')).sort()
}

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
