import type { Tx } from '../db/pool.ts'
import type { Delivered } from '../event/event.ts'
import type { Pseudonym } from '../event/ids.ts'
import type { Purpose } from '../event/purpose.ts'

/** Rows by table. */
export type Rows = Readonly<Record<string, number>>

/** Rows of a table that go when what they were read from falls due. */
export interface Kept {
  readonly table: string
  /** The column with the day, or the minute, of the event. */
  readonly at: string
  /** Names of the events that its rows are read from; absent: any that is handed over. */
  readonly events?: readonly string[]
  /** Paths of the fields that its rows are read from. */
  readonly paths: readonly string[]
}

/** By table, the first day (YYYY-MM-DD, UTC) whose events are kept still. */
export type Cutoffs = Readonly<Record<string, string>>

/** What one batch of an expiry did. */
export interface Expired {
  readonly rows: Rows
  /** Where the next batch goes on; absent when all is done. */
  readonly next: string | undefined
}

/** The one predicate by which rows are due: for counting them as for taking them. */
export function isPast({ at }: Pick<Kept, 'at'>, parameter: `$${number}`): string {
  return `${at} < ${parameter}::date`
}

/**
 * A hosted module. It is handed events that its purpose permits, under its own pseudonyms, inside the transaction
 * that moves its cursor; it never sees an identifier, a key or a consent. Its state is a function of the set of
 * Delivered and of the mapping that relink sets: no clock, serial, random or insertion order in anything that
 * `digest` covers.
 */
export interface Module {
  /** Also the name of its destination, of its cursor and of its Postgres schema. */
  readonly name: string
  readonly purpose: Purpose
  /** Takes in a batch. The same event twice changes nothing; order does not matter. */
  handle(tx: Tx, batch: readonly Delivered[]): Promise<void>
  /** From now on `from` counts as `to`; `to` equal to `from` undoes it. Base rows are never rewritten. */
  relink(tx: Tx, from: Pseudonym, to: Pseudonym): Promise<void>
  /** Removes everything that derives from the subject's own base rows, and its mapping. */
  erase(tx: Tx, subject: Pseudonym): Promise<Rows>
  /** What is held about the subject, rows by table. */
  holds(tx: Tx, subject: Pseudonym): Promise<Rows>
  /** Every table whose rows were read from an event, and what of it: from that the gateway computes their end. */
  readonly keeps: readonly Kept[]
  /**
   * Takes out the rows whose day is before their table's cutoff, and brings what follows from them into line: the state
   * is then that of a rebuild from what is left. A batch at a time: `from` is where the last one ended.
   */
  expire(tx: Tx, cutoffs: Cutoffs, from?: string): Promise<Expired>
  /** Leaves the state of a module that was never handed anything: what is held goes at once, whoever's it is. */
  clear(tx: Tx): Promise<void>
  /** SHA-256, hex, over the whole state in primary-key order. */
  digest(tx: Tx): Promise<string>
}
