import type { Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { PolicyShelf } from '../pipeline/policy-shelf.ts'
import { type ClassBits, readRoutes } from './classes.ts'
import { PATIENT } from './found.ts'
import type { Scope } from './incident.ts'

/** What a scope's records say beside whom they name. */
export interface Touched {
  /** Erased since, of whom records still tell how many; null where nobody can. Undefined: what `makePeople` found. */
  readonly erased?: { readonly people: number | null; readonly records: number }
  readonly actions?: Readonly<Record<string, { readonly entries: number; readonly people: number }>>
  readonly records?: number
  readonly officers?: number
  readonly recordsSince: Date | null
}

export interface TouchDeps {
  readonly policies: PolicyShelf
  readonly classes: ClassBits
}

/**
 * Everybody of whom a destination was permitted something that was received in the time, with the classes that its
 * routes read in the policy version of each event: what it can have got, not what an event had of it. Withheld or
 * withdrawn later counts too, for it may have been handed over by then. Throws AppError invalid for an unknown name.
 */
export async function touchDestination(tx: Tx, { policies, classes }: TouchDeps, scope: Scope): Promise<Touched> {
  const { rows } = await tx.$client.query('select from weir.destination where name = $1', [scope.target])
  if (rows.length === 0) throw new AppError('invalid', 'No policy ever had a destination of this name.', UNKNOWN)
  const routes = await readRoutes(tx, policies, classes, scope.target)
  await findRouted(tx, routes, 0n, scope)
  return { recordsSince: await logSince(tx) }
}

/** The same of every destination: whoever has the key of pseudonyms joins them, and each with its person. */
export async function touchPseudonyms(tx: Tx, { policies, classes }: TouchDeps, scope: Scope): Promise<Touched> {
  await findRouted(tx, await readRoutes(tx, policies, classes), classes.bit('identity'), scope)
  return { recordsSince: await logSince(tx) }
}

async function findRouted(
  tx: Tx,
  { versions, types, bits, masks }: Awaited<ReturnType<typeof readRoutes>>,
  besides: bigint,
  scope: Scope,
): Promise<void> {
  await tx.$client.query({
    text: `insert into incident_found (subject_id, mask, records)
     select e.subject_id, bit_or(w.mask) | $5::bigint, count(distinct e.pos)
     from weir.event_log e join unnest($1::integer[], $2::integer[], $3::integer[], $4::bigint[]) as w(version, type, bit, mask)
       on w.version = e.policy_version and w.type = e.event_type and e.routes & w.bit <> 0
     where e.kind = 0 and ${within('e', 6)}
     group by e.subject_id`,
    values: [versions, types, bits, masks, besides, ...timesOf(scope)],
    ...PATIENT,
  })
}

/** Everybody with a row in the log: an event's key tells that somebody sent it to whoever knows its message id. */
export async function touchLog(tx: Tx, { classes }: TouchDeps, scope: Scope): Promise<Touched> {
  await tx.$client.query({
    text: `insert into incident_found (subject_id, mask, records)
     select e.subject_id, $1::bigint, count(*) from weir.event_log e
     where e.kind = 0 and (e.subject_id is not null or e.routes <> 0) and ${within('e', 2)} group by e.subject_id`,
    values: [classes.bit('identity'), ...timesOf(scope)],
    ...PATIENT,
  })
  return { recordsSince: await logSince(tx) }
}

/** The partition's day first, so that only the months that matter are read. */
function within(alias: string, n: number): string {
  return `($${n}::timestamptz is null or ${alias}.at_day >= ($${n}::timestamptz at time zone 'UTC')::date and ${alias}.received_at >= $${n}::timestamptz)
       and ($${n + 1}::timestamptz is null or ${alias}.at_day <= ($${n + 1}::timestamptz at time zone 'UTC')::date and ${alias}.received_at < $${n + 1}::timestamptz)`
}

/** The two ends of a scope, for SQL: null where open. */
export function timesOf({ from, to }: Scope): [Date | null, Date | null] {
  return [from === undefined ? null : new Date(from), to === undefined ? null : new Date(to)]
}

async function logSince(tx: Tx): Promise<Date | null> {
  const { rows } = await tx.$client.query<{ at: Date }>(
    'select received_at as at from weir.event_log order by pos limit 1',
  )
  return rows[0]?.at ?? null
}

export const UNKNOWN = { code: 'incident-scope-unknown' } as const
