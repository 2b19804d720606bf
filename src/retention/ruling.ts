import type { Db } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { Module } from '../modules/module.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { activeVersion, createPolicyArchive, type PolicyArchive } from '../policy/registry.ts'
import type { Ruling, Versioned } from './stores.ts'

/**
 * What holds in this database: the policy that decides now, on every node, and every period that one before it gave to
 * a class. Throws AppError where no policy was ever activated.
 */
export async function readRuling(
  db: Db,
  {
    modules,
    now,
    archive = createPolicyArchive(),
  }: { modules: readonly Module[]; now: number; archive?: PolicyArchive },
): Promise<Ruling> {
  const active = await activeVersion(db)
  const policy = active === undefined ? undefined : await archive(db, active)
  if (policy === undefined) {
    throw new AppError('conflict', 'no policy decides in this database yet: start Weir first', { code: 'no-policy' })
  }
  const { rows } = await db.$client.query<{ version: number }>(
    'select version from weir.policy_version order by version',
  )
  const history = new Map<string, Versioned[]>()
  for (const { version } of rows) {
    const then = await archive(db, version)
    for (const period of then?.classes.values() ?? []) {
      history.set(period.name, [...(history.get(period.name) ?? []), { version, period }])
    }
  }
  return { policy, history, modules, now }
}

const NO_VERSION = -1 // nothing is sealed under it

/** What would hold were this policy active; the same where it is. Activates and stores nothing. Pure. */
export function underDraft(ruling: Ruling, draft: CompiledPolicy): Ruling {
  if (draft.fingerprint === ruling.policy.fingerprint) return ruling
  const history = new Map(ruling.history)
  for (const period of draft.classes.values()) {
    history.set(period.name, [...(history.get(period.name) ?? []), { version: NO_VERSION, period }])
  }
  return { ...ruling, policy: draft, history }
}
