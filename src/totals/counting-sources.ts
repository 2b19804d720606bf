import type { Db } from '../db/pool.ts'
import type { Source } from '../event/event.ts'

/**
 * Which of the sources may tell orders that count. A server's always do. A browser key is public, so anybody can make
 * up an order with it: a browser's count only in a shop that has no server source (not revoked, no test) to tell them.
 * Answers with the ids of the sources that count.
 */
export async function countingSources(db: Db, sources: readonly Source[]): Promise<ReadonlySet<number>> {
  const browsers = sources.filter((source) => source.kind === 'browser')
  const shops = [...new Set(browsers.map((source) => source.shop))]
  const served = shops.length === 0 ? new Set<string>() : await shopsWithServers(db, shops)
  const counting = sources.filter((source) => source.kind === 'server' || !served.has(source.shop))
  return new Set(counting.map((source) => source.id))
}

/** Shops with a server source (not revoked, no test): what browsers tell of their orders does not count. */
export async function servedShops(db: Db): Promise<string[]> {
  const { rows } = await db.$client.query<{ shop: string }>(
    `select distinct shop from weir.source where kind = 'server' and not test and revoked_at is null order by shop`,
  )
  return rows.map(({ shop }) => shop)
}

async function shopsWithServers(db: Db, shops: readonly string[]): Promise<Set<string>> {
  const { rows } = await db.$client.query<{ shop: string }>({
    name: 'shops-with-servers',
    text: `select distinct shop from weir.source
      where shop = any($1) and kind = 'server' and not test and revoked_at is null`,
    values: [shops],
  })
  return new Set(rows.map(({ shop }) => shop))
}
