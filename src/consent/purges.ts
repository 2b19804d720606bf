import { uuidArray } from '../db/binary-array.ts'
import type { Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'
import { maskOf, type PurposeMask } from '../event/purpose.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'

/**
 * Destinations of the restricted purposes, and those that are out of the policy now but may hold rows from before: they
 * have no purpose any more that could keep them.
 */
function destinationsReached(active: ActivePolicy, refused: PurposeMask): number[] {
  const kept = active.compiled.destinations.filter(({ purpose }) => (refused & maskOf([purpose])) === 0)
  const keptIds = new Set(kept.map(({ name }) => active.destinationIds.get(name)))
  return active.allDestinationIds.filter((id) => !keptIds.has(id))
}

/**
 * Orders the erasure of what was held only for the restricted purposes, within 60 s: at their destinations and in the
 * store, for everybody whom the refusal reaches (the user, and all devices linked to it).
 */
export async function orderPurges(
  tx: Tx,
  active: ActivePolicy,
  subjects: readonly SubjectId[],
  refused: PurposeMask,
): Promise<void> {
  if (refused === 0) return
  const destinations = destinationsReached(active, refused)
  await tx.$client.query(
    `insert into weir.purge (subject_id, destination_id)
     select distinct reached.id, d from (
       select id from unnest($1::uuid[]) as own(id)
       union select coalesce(sibling.device_id, l.user_id) from weir.link l
         left join weir.link sibling on sibling.user_id = l.user_id and sibling.ended_at is null
         where l.device_id = any($1::uuid[]) and l.state = 'confirmed' and l.ended_at is null
       union select user_id from weir.link where device_id = any($1::uuid[]) and state = 'confirmed' and ended_at is null
       union select device_id from weir.link where user_id = any($1::uuid[]) and ended_at is null
     ) as reached, unnest($2::smallint[]) as d
     order by reached.id, d
     on conflict (subject_id, destination_id) do update set requested_at = excluded.requested_at`,
    [uuidArray([...subjects]), [0, ...destinations]],
  )
}
