import type { Tx } from '../../db/pool.ts'
import { takeTurn } from './derive.ts'

/** Everything, at once. The name of the state stays a new one with each change: an answer names what it was made of. */
export async function clear(tx: Tx): Promise<void> {
  await takeTurn(tx)
  await tx.$client.query(
    `truncate recommendation.view, recommendation.cart_change, recommendation.order_line, recommendation.order_return,
       recommendation.link, recommendation.basket, recommendation.interest, recommendation.item`,
  )
  await tx.$client.query('update recommendation.state set orders = 0')
}
