import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { createPolicyArchive } from '../policy/registry.ts'

/** The policy versions that rows at hand were decided by, open for synchronous use. */
export interface PolicyShelf {
  /** Makes sure that `of` knows these versions. */
  load(db: Db | Tx, versions: Iterable<number>): Promise<void>
  /** Throws where the version was not loaded. */
  of(version: number): CompiledPolicy
}

export function createPolicyShelf(): PolicyShelf {
  const archive = createPolicyArchive()
  const open = new Map<number, CompiledPolicy>()
  return {
    async load(db, versions) {
      for (const version of new Set(versions)) {
        if (open.has(version)) continue
        const policy = await archive(db, version)
        if (policy === undefined) throw new AppError('conflict', `policy version ${version} is not in this database`)
        open.set(version, policy)
      }
    },
    of(version) {
      const policy = open.get(version)
      if (policy === undefined) throw new TypeError(`policy version ${version} was not loaded`)
      return policy
    },
  }
}
