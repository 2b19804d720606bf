import type { Tx } from '../db/pool.ts'
import type { Pseudonym, SubjectId } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { Module, Rows } from '../modules/module.ts'
import { startOfPeriod } from '../protect/pseudonymise.ts'
import { asModule } from './as-module.ts'
import { type ModuleRoot, readModuleRoot } from './module-root.ts'
import type { Pseudonymisers } from './pseudonymisers.ts'

/** A hosted module, as far as a subject is erased there. */
export interface Holder {
  readonly destinationId: number
  /** Absent for the flow probe, which holds nothing. */
  readonly module: Module | undefined
  readonly keyring: Pick<Keyring, 'pseudonym'>
  readonly pseudonymisers: Pseudonymisers
  readonly now: () => number
}

/**
 * Erases a subject at a module, under every pseudonym that rows of it can be under. The caller holds the delivery lock.
 * Throws AppError `pseudonym-root-unknown` where the rows are under a root that this process has not open: better no
 * erasure yet than half of one.
 * @returns what was held, rows by table
 */
export async function eraseSubject(tx: Tx, holder: Holder, subject: SubjectId): Promise<Rows> {
  const { module } = holder
  if (module === undefined) return {}
  const rows: Record<string, number> = {}
  for (const pseudonym of await pseudonymsHeld(tx, holder, [subject])) {
    const held = await asModule(tx, module, () => module.erase(tx, pseudonym))
    for (const [table, n] of Object.entries(held)) rows[table] = (rows[table] ?? 0) + n
  }
  return rows
}

/** pseudonymsOf for some subjects. */
export async function pseudonymsHeld(tx: Tx, holder: Holder, subjects: readonly SubjectId[]): Promise<Pseudonym[]> {
  return subjects.flatMap(await pseudonymsOf(tx, holder))
}

/**
 * The pseudonyms under which a module can hold rows of a subject: under rolling ones those of every period since the
 * first that has rows; those of each root that is open, where it is not known which one the rows are under.
 */
export async function pseudonymsOf(tx: Tx, holder: Holder): Promise<(subject: SubjectId) => Pseudonym[]> {
  const root = await readModuleRoot(tx, holder.destinationId)
  const isKnown = root !== undefined && root.kid !== 0
  const kids = isKnown ? [root.kid] : holder.keyring.pseudonym.readable.map(({ kid }) => kid)
  return (subject) => kids.flatMap((kid) => underRoot(holder, { ...root, kid }, subject))
}

function underRoot(
  { module, pseudonymisers, now }: Holder,
  root: Pick<ModuleRoot, 'kid'> & Partial<ModuleRoot>,
  subject: SubjectId,
): Pseudonym[] {
  if (module === undefined) return []
  const { kid, rollingDays, fromPeriod = 0, toldPeriod = 0 } = root
  const from = startOfPeriod(fromPeriod, rollingDays ?? 1)
  // A node whose clock is ahead may have been here before.
  const to = Math.max(now(), startOfPeriod(toldPeriod, rollingDays ?? 1)) + AHEAD_MS
  return pseudonymisers(module, { kid, rollingDays }).pseudonyms(subject, { from, to })
}

const AHEAD_MS = 86_400_000
