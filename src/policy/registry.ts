import { orm } from '../db/drizzle.ts'
import type { Db, Tx } from '../db/pool.ts'
import { compile, withVersion } from './compile.ts'
import type { CompiledPolicy } from './compiled.ts'
import { readPolicy } from './read.ts'

const { sql } = orm

/**
 * Numbers a policy and its destinations: the same meaning (fingerprint) always gets the same version. The text is
 * kept, so that what it decided can be explained later. Safe to call from several processes at once and at every start.
 */
export async function registerPolicy(tx: Tx, policy: CompiledPolicy, text: string): Promise<number> {
  // Without the lock and the look first, every start would burn a number of the identity columns.
  await tx.execute(sql`select pg_advisory_xact_lock(hashtext('weir.policy_version'))`)
  const known = await tx.execute<{ version: number }>(
    sql`select version from weir.policy_version where fingerprint = ${policy.fingerprint}`,
  )
  await registerDestinations(
    tx,
    policy.destinations.map((destination) => destination.name),
  )
  const version = known.rows[0]?.version
  if (version !== undefined) return version
  const made = await tx.execute<{ version: number }>(
    sql`insert into weir.policy_version (fingerprint, source) values (${policy.fingerprint}, ${text}) returning version`,
  )
  return (made.rows[0] as { version: number }).version
}

/** Makes a version the one that decides, on every node. The caller holds the restriction lock: it may forbid. */
export async function activateVersion(tx: Tx, version: number): Promise<void> {
  await tx.execute(sql`
    insert into weir.active_policy (version) values (${version})
    on conflict (one) do update set version = excluded.version`)
}

/** The version that decides now; undefined before the first activation. */
export async function activeVersion(tx: Db | Tx): Promise<number | undefined> {
  const { rows } = await tx.execute<{ version: number }>(sql`select version from weir.active_policy`)
  return rows[0]?.version
}

async function registerDestinations(tx: Tx, names: readonly string[]): Promise<void> {
  await tx.execute(sql`
    insert into weir.destination (name)
    select name from jsonb_array_elements_text(${JSON.stringify(names)}::jsonb) as t(name)
    where not exists (select from weir.destination d where d.name = t.name)
    order by name`)
}

/** The number of each destination that any policy ever named. */
export async function readDestinationIds(tx: Db | Tx): Promise<Map<string, number>> {
  const { rows } = await tx.execute<{ name: string; destination_id: number }>(
    sql`select name, destination_id from weir.destination`,
  )
  return new Map(rows.map((row) => [row.name, row.destination_id]))
}

/** Policies by version number, as they were when log rows of that version were decided. */
export type PolicyArchive = (tx: Db | Tx, version: number) => Promise<CompiledPolicy | undefined>

const KEPT = 32

/**
 * Reads old versions from their stored text and keeps the last 32 compiled: a version never changes. A text that was
 * proved when it was registered is not proved again, so that it can be explained also where a later release asks more.
 */
export function createPolicyArchive(): PolicyArchive {
  const kept = new Map<number, CompiledPolicy>()
  return async function policyAt(tx, version) {
    const known = kept.get(version)
    if (known !== undefined) return known
    const { rows } = await tx.execute<{ source: string }>(
      sql`select source from weir.policy_version where version = ${version}`,
    )
    if (rows[0] === undefined) return undefined
    const { source } = readPolicy(rows[0].source, { prove: false })
    if (source === undefined) throw new Error(`policy version ${version} cannot be read any more`)
    const policy = withVersion(compile(source), version)
    const oldest = kept.keys().next().value
    if (kept.size >= KEPT && oldest !== undefined) kept.delete(oldest)
    kept.set(version, policy)
    return policy
  }
}
