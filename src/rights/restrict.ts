import { int2Array, uuidArray } from '../db/binary-array.ts'
import { lockRestriction, lockSubjects } from '../db/locks.ts'
import type { Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import { repeatLinks } from '../identity/links.ts'
import { subjectsOf } from './rows.ts'

export interface RestrictDeps {
  readonly active: () => ActivePolicy
}

/**
 * From the commit on, what is held of these subjects is kept and used for nothing (GDPR art. 18, PIPL art. 47): no event of
 * theirs is taken or handed out, nothing computed for them is served, and modules erase what they hold. Waits for the
 * deliveries under way, as a withdrawal does. Who is restricted by another request already stays so by that one.
 */
export async function restrict(
  tx: Tx,
  { active }: RestrictDeps,
  by: { readonly request: string; readonly subjects: readonly SubjectId[]; readonly now: number },
): Promise<void> {
  const { allDestinationIds } = active()
  await lockRestriction(tx, allDestinationIds)
  await lockSubjects(tx, by.subjects)
  const subjects = uuidArray(by.subjects)
  await tx.$client.query(
    `update weir.subject set restricted_by = $2, restricted_at = $3
     where subject_id = any($1::uuid[]) and restricted_at is null`,
    [subjects, by.request, new Date(by.now)],
  )
  await tx.$client.query(
    `insert into weir.purge (subject_id, destination_id)
     select s, d from unnest($1::uuid[]) as s, unnest($2::smallint[]) as d order by s, d
     on conflict (subject_id, destination_id) do nothing`,
    [subjects, int2Array(allDestinationIds)],
  )
}

/**
 * The request restricts nobody any more. Modules are handed again what is still permitted: each event is a letter that is
 * due, decided anew by today's consent, so that what was withdrawn meanwhile stays out.
 */
export async function liftRestriction(tx: Tx, { active }: RestrictDeps, request: string): Promise<void> {
  const { allDestinationIds, destinationIds, compiled } = active()
  await lockRestriction(tx, allDestinationIds)
  const subjects = await subjectsOf(tx, request)
  await lockSubjects(tx, subjects)
  const { rows } = await tx.$client.query<{ subject_id: SubjectId }>(
    `update weir.subject set restricted_by = null, restricted_at = null where restricted_by = $1 returning subject_id`,
    [request],
  )
  const freed = rows.map((row) => row.subject_id).sort()
  const other = await restrictedByAnother(tx, request, freed)
  const back = freed.filter((subject) => !other.has(subject))
  if (back.length === 0) return
  const modules = compiled.destinations.filter(({ kind }) => kind === 'module')
  const ids = modules.flatMap(({ name }) => destinationIds.get(name) ?? [])
  await handAnew(tx, back, { destinations: ids, code: 'restriction-lifted' })
  await repeatLinks(tx, active(), back)
}

/** Every event of these subjects becomes a letter that is due at these destinations: decided anew, opened anew. */
export async function handAnew(
  tx: Tx,
  subjects: readonly SubjectId[],
  { destinations, code }: { readonly destinations: readonly number[]; readonly code: string },
): Promise<void> {
  await tx.$client.query(
    `insert into weir.dead_letter (subject_id, destination_id, pos, at_day, error_code, attempts, failed_at, retry_at)
     select e.subject_id, d, e.pos, e.at_day, $3, 0, clock_timestamp(), clock_timestamp()
     from weir.event_log e, unnest($2::smallint[]) as d
     where e.subject_id = any($1::uuid[]) and e.kind = 0 and e.routes <> 0
     on conflict (subject_id, destination_id, pos) do update
       set error_code = excluded.error_code, attempts = 0, retry_at = excluded.retry_at`,
    [uuidArray(subjects), int2Array(destinations), code],
  )
}

/** Two requests can restrict somebody: the second takes over where the first ends. */
async function restrictedByAnother(tx: Tx, request: string, subjects: readonly SubjectId[]): Promise<Set<SubjectId>> {
  const { rows } = await tx.$client.query<{ subject_id: SubjectId }>(
    `update weir.subject s set restricted_by = o.request_id, restricted_at = o.state_at
     from (
       select distinct on (p.subject_id) p.subject_id, r.request_id, r.state_at
       from weir.request_person p join weir.request r using (request_id)
       where p.subject_id = any($1::uuid[]) and r.request_id <> $2 and (
         r."right" = 'erasure' and r.state in ('verified', 'cooling_off', 'executing', 'awaiting_destinations', 'scanning', 'failed')
         or r."right" = 'restriction' and r.state in ('awaiting_destinations', 'completed') and r.lifted_at is null)
       order by p.subject_id, r.state_at) as o
     where s.subject_id = o.subject_id returning s.subject_id`,
    [uuidArray(subjects), request],
  )
  return new Set(rows.map((row) => row.subject_id))
}
