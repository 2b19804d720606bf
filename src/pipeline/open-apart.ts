import type { Tx } from '../db/pool.ts'
import type { LogRow } from '../eventlog/read.ts'
import { ProtectError } from '../protect/protect-error.ts'
import { type Lens, type OpenedBatch, openBatch } from './open-batch.ts'

/** What a dead letter says of it. */
export const UNREADABLE = 'unreadable'

export interface OpenedApart extends OpenedBatch {
  /** What does not open: damaged, or its key was being replaced. */
  readonly unreadable: readonly LogRow[]
}

/** Opens all of them; where that fails, by halves, so that what does not open alone is kept back and holds up nobody. */
export async function openApart(tx: Tx, lens: Lens, rows: readonly LogRow[]): Promise<OpenedApart> {
  try {
    return { ...(await openBatch(tx, lens, rows)), unreadable: [] }
  } catch (error) {
    if (!(error instanceof ProtectError)) throw error
    if (rows.length === 1) return { delivered: [], withheld: 0, withheldSubjects: [], unreadable: rows }
  }
  const half = Math.ceil(rows.length / 2)
  const first = await openApart(tx, lens, rows.slice(0, half))
  const second = await openApart(tx, lens, rows.slice(half))
  return {
    delivered: [...first.delivered, ...second.delivered],
    withheld: first.withheld + second.withheld,
    withheldSubjects: [...new Set([...first.withheldSubjects, ...second.withheldSubjects])].sort(),
    unreadable: [...first.unreadable, ...second.unreadable],
  }
}
