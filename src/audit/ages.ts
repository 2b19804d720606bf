import type { Db } from '../db/pool.ts'

export interface AuditAges {
  /** Seconds since the oldest entry that waits for the tree was made; 0 where none waits. */
  readonly waiting: number
  /** Seconds since the oldest entry that no witness has cosigned was made; 0 where there is none. */
  readonly unwitnessed: number
}

/** How much of the log whoever runs the database could still rewrite without anybody outside noticing. */
export async function readAuditAges(db: Db): Promise<AuditAges> {
  const { rows } = await db.$client.query<{ waiting: number; unwitnessed: number }>(
    `with last as (select shard, first_index from weir.audit_shard order by shard desc limit 1),
       seen as (select l.shard, l.first_index + coalesce((select max(size) from weir.audit_cosignature c where c.shard = l.shard), 0) as until
         from last l),
       queued as (select (select at from weir.audit_queue order by record_id limit 1) as at),
       unseen as (select (select e.at from weir.audit_entry e, seen s
         where e.shard = s.shard and e.index >= s.until order by e.shard, e.index limit 1) as at)
     select coalesce(extract(epoch from clock_timestamp() - q.at), 0)::double precision as waiting,
       coalesce(extract(epoch from clock_timestamp() - least(q.at, u.at)), 0)::double precision as unwitnessed
     from queued q, unseen u`,
  )
  return rows[0]!
}
