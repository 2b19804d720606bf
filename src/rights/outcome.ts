import type { Db, Tx } from '../db/pool.ts'
import type { Request } from './request.ts'

/** What a request came to, beyond its state. */
export interface Outcome {
  /** Of a correction: how many values are others now; 0 where nothing was found. */
  readonly corrected?: number
  /** Of a restriction: when it was ended, in milliseconds since 1970; null while it holds. */
  readonly liftedAt?: number | null
}

/** The line of a request's history that says how many values were changed. */
export const CORRECTED = 'corrected'

export async function outcomeOf(db: Db | Tx, { id, right }: Pick<Request, 'id' | 'right'>): Promise<Outcome> {
  if (right === 'correction') {
    const corrected = await correctedCount(db, id)
    return corrected === undefined ? {} : { corrected }
  }
  if (right !== 'restriction') return {}
  const { rows } = await db.$client.query<{ lifted_at: Date | null }>(
    'select lifted_at from weir.request where request_id = $1',
    [id],
  )
  return { liftedAt: rows[0]?.lifted_at?.getTime() ?? null }
}

/** How many values a correction changed. Undefined before it is done. */
export async function correctedCount(db: Db | Tx, request: string): Promise<number | undefined> {
  const { rows } = await db.$client.query<{ more: string }>(
    'select more from weir.request_event where request_id = $1 and what = $2 order by seq desc limit 1',
    [request, CORRECTED],
  )
  return rows[0] && Number(rows[0].more)
}
