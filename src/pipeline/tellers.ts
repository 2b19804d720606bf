import type { Db, Tx } from '../db/pool.ts'
import type { Source } from '../event/event.ts'

/** What never changes of a source, revoked or not. */
export type Teller = Pick<Source, 'kind' | 'shop'>

export interface Tellers {
  /** Reads those that are not known yet. */
  load(db: Db | Tx, ids: readonly number[]): Promise<void>
  /** Undefined for a source that is not there: whose word it was cannot be told, so it is nobody's to hand on. */
  of(id: number): Teller | undefined
}

/** Who told an event, by the number of its source; there are few, and they are kept. */
export function createTellers(): Tellers {
  const known = new Map<number, Teller>()
  return {
    async load(db, ids) {
      const unknown = [...new Set(ids)].filter((id) => !known.has(id))
      if (unknown.length === 0) return
      const { rows } = await db.$client.query<Teller & { source_id: number }>({
        name: 'tellers',
        text: 'select source_id, kind, shop from weir.source where source_id = any($1)',
        values: [unknown],
      })
      for (const { source_id, kind, shop } of rows) known.set(source_id, { kind, shop })
    },
    of: (id) => known.get(id),
  }
}
