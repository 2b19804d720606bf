import type { Db } from '../db/pool.ts'
import type { Source } from '../event/event.ts'

/**
 * Which of the sources may tell orders that count. A server's always do. A browser key is public, so anybody can make
 * up an order with it: a browser's count only in a shop that has no server source (not revoked, no test) to tell them.
 * Answers with the ids of the sources that count.
 */
export async function countingSources(db: Db, sources: readonly Source[]): Promise<ReadonlySet<number>> {
  const served = sources.some(({ kind }) => kind === 'browser') ? await servedShops(db) : []
  const counting = sources.filter(({ kind, shop }) => kind === 'server' || !served.includes(shop))
  return new Set(counting.map((source) => source.id))
}

/** Shops with a server source (not revoked, no test): what browsers tell of their orders does not count. */
export async function servedShops(db: Db): Promise<string[]> {
  const { rows } = await db.$client.query<{ shop: string }>({
    name: 'served-shops',
    text: `select distinct shop from weir.source
      where kind = 'server' and not test and revoked_at is null order by shop`,
  })
  return rows.map(({ shop }) => shop)
}
