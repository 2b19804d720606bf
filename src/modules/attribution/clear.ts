import type { Tx } from '../../db/pool.ts'

/** Everything, at once: nothing is derived and kept elsewhere. */
export async function clear(tx: Tx): Promise<void> {
  await tx.$client.query('truncate attribution.touch, attribution.conversion, attribution.link')
}
