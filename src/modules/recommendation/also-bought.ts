import type { Tx } from '../../db/pool.ts'

/** An item that people buy with another one. */
export interface Neighbour {
  readonly item: string
  /** Orders that hold both. */
  readonly together: number
  /** Orders that hold the item asked about. */
  readonly of: number
  readonly score: number
}

/** Nothing is said about an item or a pair with fewer distinct buyers behind it: a list must not tell of a person. */
export const BUYER_FLOOR = 5
/** Shrinkage: a pair seen n times counts n / (n + 20) of its cosine (reference: recommendation §2). */
const SHRINK = 20
/** Orders looked at before all of a pair's orders are: among these there are nearly always enough buyers. */
const GLANCE = 64

/**
 * The items most bought together with `productId`, best first, by shrunk cosine over distinct items per order:
 * n_ij / sqrt(n_i n_j) * n_ij / (n_ij + 20); ties by orders together, then by item. Exact, from the baskets as they
 * stand in this transaction: nothing is cached that an erasure would have to find.
 */
export async function alsoBought(
  tx: Tx,
  ask: { readonly productId: string; readonly n: number; readonly without?: readonly string[] },
): Promise<Neighbour[]> {
  const result = await tx.$client.query<{ item: string; together: number; of: number; score: number }>(ALSO_BOUGHT, [
    ask.productId,
    ask.n,
    ask.without ?? [],
  ])
  return result.rows
}

// `ranked` is read in its own order and only until n pairs have passed the floor, so few pairs are counted by person.
const ALSO_BOUGHT = `with near as materialized (
    select root, items from recommendation.basket where items @> array[$1::text]
  ),
  pair as (
    select other, count(*)::integer as together
    from near cross join lateral unnest(items) as other
    where other <> $1 and other <> all($3::text[]) group by other having count(*) >= ${BUYER_FLOOR}
  ),
  ranked as materialized (
    select p.other, p.together, a.orders::integer as of,
      p.together::float8 / sqrt((a.orders * b.orders)::float8) * (p.together::float8 / (p.together + ${SHRINK})) as score
    from recommendation.item a, pair p join recommendation.item b on b.item = p.other
    where a.item = $1
    order by score desc, p.together desc, p.other
  )
  select other as item, together, of, score from ranked r
  where (select count(distinct root) >= ${BUYER_FLOOR}
      from (select root from near where r.other = any(items) limit ${GLANCE}) glance)
    or (select count(distinct root) >= ${BUYER_FLOOR} from near where r.other = any(items))
  limit $2`
