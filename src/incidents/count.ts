import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { Keyring } from '../keys/keyring.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import type { PolicyShelf } from '../pipeline/policy-shelf.ts'
import type { CompiledPolicy, Law } from '../policy/compiled.ts'
import { activeVersion } from '../policy/registry.ts'
import { type ClassBits, readClassBits } from './classes.ts'
import { countClasses, type FoundSums, makePeople, makeTables } from './found.ts'
import type { Counts, Group, Scope } from './incident.ts'
import { type Located, locatePeople } from './locate.ts'
import { type Touched, touchDestination } from './touched.ts'
import { touchExport, touchOfficer } from './touched-entries.ts'
import { touchKey } from './touched-keys.ts'

export interface CountDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly policies: PolicyShelf
}

/**
 * Counts whom an incident touches: sums, by sets in the database; of the people only those with a phone number pass
 * through memory, some hundreds at a time, and nothing of them stays. The caller has entered the look in the audit log.
 * Throws AppError invalid `incident-scope-unknown` where the scope names nothing that there is.
 */
export function countAffected(deps: CountDeps, scope: Scope): Promise<Counts> {
  return withActiveEpoch(deps.keyring, () => transaction(deps.db, (tx) => countIn(tx, deps, scope)))
}

async function countIn(tx: Tx, deps: CountDeps, scope: Scope): Promise<Counts> {
  const policy = await activePolicy(tx, deps.policies)
  const classes = await readClassBits(tx)
  await makeTables(tx)
  const touched = await touch(tx, { policies: deps.policies, classes, policy }, scope)
  const sums = await makePeople(tx)
  const byClass = await countClasses(tx, classes.names)
  const located = await locatePeople(tx, deps.keyring, classes)
  return countsFrom({ touched, sums, byClass, located, laws: policy.laws })
}

/** The policy that decides now, as the database has it. Throws AppError conflict before the first one. */
export async function activePolicy(tx: Db | Tx, policies: PolicyShelf): Promise<CompiledPolicy> {
  const version = await activeVersion(tx)
  if (version === undefined) throw new AppError('conflict', 'No policy is active yet: start Weir first.')
  await policies.load(tx, [version])
  return policies.of(version)
}

interface TouchAny {
  readonly policies: PolicyShelf
  readonly classes: ClassBits
  readonly policy: CompiledPolicy
}

function touch(tx: Tx, deps: TouchAny, scope: Scope): Promise<Touched> {
  switch (scope.kind) {
    case 'destination':
      return touchDestination(tx, deps, scope)
    case 'export':
      return touchExport(tx, deps, scope)
    case 'key':
      return touchKey(tx, deps, scope)
    case 'officer':
      return touchOfficer(tx, deps, scope)
    default:
      return scope.kind satisfies never
  }
}

interface Found {
  readonly touched: Touched
  readonly sums: FoundSums
  readonly byClass: Readonly<Record<string, number>>
  readonly located: Located
  readonly laws: readonly Law[]
}

function countsFrom({ touched, sums, byClass, located, laws }: Found): Counts {
  const unknown = without({ people: sums.people, classes: byClass }, located.located)
  return {
    people: sums.people,
    subjects: sums.subjects,
    classes: byClass,
    places: { ...located.places, ...(unknown.people === 0 ? {} : { unknown }) },
    laws: Object.fromEntries(
      laws.map((law) => [law, { known: located.laws[law] ?? 0, unknown: unknown.people }] as const),
    ),
    records: touched.records ?? sums.records,
    erased: touched.erased ?? { people: sums.nobodys > 0 ? null : sums.erased, records: sums.nobodys },
    ...(touched.actions === undefined ? {} : { actions: touched.actions }),
    ...(touched.officers === undefined ? {} : { officers: touched.officers }),
    recordsSince: touched.recordsSince?.toISOString() ?? null,
  }
}

function without(all: Group, some: Group): Group {
  const classes = Object.entries(all.classes).flatMap(([name, n]): [string, number][] => {
    const left = n - (some.classes[name] ?? 0)
    return left === 0 ? [] : [[name, left]]
  })
  return { people: all.people - some.people, classes: Object.fromEntries(classes) }
}
