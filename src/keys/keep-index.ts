import { dropUnread } from './close-index.ts'
import { type ReindexDeps, type Reindexed, type ReindexOptions, reindex } from './reindex.ts'

export interface IndexKept extends Reindexed {
  /** Rows that went, of roots that are destroyed and rules that are closed. */
  readonly dropped: number
}

/**
 * What housekeeping does for the index: nothing where every identifier stands under the active root alone; else writes
 * what is missing and deletes what nobody reads any more. Safe on every node at any time.
 */
export async function keepIndex(deps: ReindexDeps, options: ReindexOptions = {}): Promise<IndexKept | undefined> {
  const { rows } = await deps.db.$client.query<{ older: boolean }>(
    `select exists (select from weir.identifier where index_version <>
       (select kid from weir.key where class = 'index' and state = 'active')) as older`,
  )
  if (!rows[0]!.older) return undefined
  const done = await reindex(deps, options)
  return { ...done, dropped: await dropUnread(deps.db, { signal: options.signal }) }
}
