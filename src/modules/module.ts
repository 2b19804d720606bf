import type { Tx } from '../db/pool.ts'
import type { Delivered } from '../event/event.ts'
import type { Pseudonym } from '../event/ids.ts'
import type { Purpose } from '../event/purpose.ts'

/** Rows by table. */
export type Rows = Readonly<Record<string, number>>

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
  /** SHA-256, hex, over the whole state in primary-key order. */
  digest(tx: Tx): Promise<string>
}
