import { int4Array, int8Array } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { PolicyShelf } from '../pipeline/policy-shelf.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'

/** The field classes of a count, each with one bit: a person's classes are then one number in SQL. */
export interface ClassBits {
  readonly names: readonly string[]
  bit(name: string): bigint
  /** Of several; names that are no class give nothing. */
  mask(names: Iterable<string>): bigint
  all(): bigint
}

/** Field classes of what Weir itself keeps of a person, beside what the policy names. */
const OWN = ['identity', 'contact']
const MAX = 62 // bits of a bigint that stay positive

export async function readClassBits(tx: Db | Tx): Promise<ClassBits> {
  const { rows } = await tx.$client.query<{ name: string }>('select name from weir.field_class')
  const names = [...new Set([...rows.map((row) => row.name), ...OWN])].sort()
  if (names.length > MAX)
    throw new AppError('conflict', `there are more than ${MAX} field classes: they cannot be counted`)
  const bits = new Map(names.map((name, i) => [name, 1n << BigInt(i)]))
  const mask = (some: Iterable<string>): bigint => [...some].reduce((sum, name) => sum | (bits.get(name) ?? 0n), 0n)
  return { names, bit: (name) => mask([name]), mask, all: () => mask(names) }
}

/** What a destination could read of events: per policy version, event type and route, as columns for `unnest`. */
export interface RouteColumns {
  readonly versions: Buffer
  readonly types: Buffer
  readonly bits: Buffer
  readonly masks: Buffer
}

/**
 * The classes that each route read, by every policy version that ever decided. Without a destination: of all of them.
 */
export async function readRoutes(
  tx: Db | Tx,
  policies: PolicyShelf,
  classes: ClassBits,
  destination?: string,
): Promise<RouteColumns> {
  const { rows } = await tx.$client.query<{ version: number }>(
    'select version from weir.policy_version order by version',
  )
  const versions = rows.map((row) => row.version)
  await policies.load(tx, versions)
  const found = versions.flatMap((version) => routesOf(policies.of(version), classes, destination))
  return {
    versions: int4Array(found.map((one) => one.version)),
    types: int4Array(found.map((one) => one.type)),
    bits: int4Array(found.map((one) => one.bit)),
    masks: int8Array(found.map((one) => one.mask)),
  }
}

interface RouteRow {
  readonly version: number
  readonly type: number
  readonly bit: number
  readonly mask: bigint
}

function routesOf({ version, eventList }: CompiledPolicy, classes: ClassBits, destination?: string): RouteRow[] {
  return eventList.flatMap(({ index, routes, classOf }) =>
    routes
      .filter((route) => destination === undefined || route.destination.name === destination)
      .map(({ bit, fields }) => {
        const mask = classes.mask(fields.flatMap((path) => classOf.get(path) ?? []))
        return { version, type: index, bit, mask }
      }),
  )
}

/** The class of what an entry of the audit log calls a field: a class, a path of the policy, or a type of identifier. */
export function maskOfField(name: string, policy: CompiledPolicy, classes: ClassBits): bigint {
  if (policy.classes.has(name)) return classes.bit(name)
  if (name === 'email' || name === 'phone') return classes.mask(['identity', 'contact'])
  if (name === 'user_id' || name === 'anonymous_id') return classes.bit('identity')
  return classes.mask(policy.eventList.flatMap(({ classOf }) => classOf.get(name) ?? []))
}
