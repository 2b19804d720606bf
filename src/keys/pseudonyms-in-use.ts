import type { Db } from '../db/pool.ts'

/** By which pseudonym root a module knows people, and how far it is where it is being rebuilt. */
export interface ModulePseudonyms {
  readonly module: string
  /** Number of the root that its rows are under; null: nobody can tell, so that each root may be needed. */
  readonly root: number | null
  /** Days for which a pseudonym lasts; null: as long as the root. */
  readonly rollingDays: number | null
  /** Share of the log that has been delivered again; null where the module is whole. */
  readonly rebuilt: number | null
}

/**
 * Every module that holds rows, or may. Nothing written down and something delivered: it was delivered to before roots
 * were written down.
 */
export async function modulePseudonyms(db: Db): Promise<ModulePseudonyms[]> {
  const { rows } = await db.$client.query<{
    name: string
    kid: number | null
    rolling_days: number | null
    rebuilt: number | null
  }>(
    `select d.name, nullif(r.kid, 0) as kid, r.rolling_days, case
        when r.until_pos is null then null
        when r.telling_after is not null then 0
        else least(c.pos::float8 / greatest(r.until_pos, 1), 1) end as rebuilt
     from weir.destination d
       left join weir.module_root r on r.destination_id = d.destination_id
       left join weir.delivery_cursor c on c.destination_id = d.destination_id
     where exists (select from pg_namespace n where n.nspname = d.name)
       and (r.destination_id is not null or c.pos > 0)
     order by d.name`,
  )
  return rows.map(({ name, kid, rolling_days, rebuilt }) => ({
    module: name,
    root: kid,
    rollingDays: rolling_days,
    rebuilt,
  }))
}

/**
 * Numbers of the pseudonym roots that rows of modules are under: what erases these people needs them. A module whose
 * root nobody can tell may be under any.
 */
export async function pseudonymsInUse(db: Db): Promise<number[]> {
  const modules = await modulePseudonyms(db)
  const known = new Set(modules.flatMap(({ root }) => root ?? []))
  if (modules.some(({ root }) => root === null)) {
    const { rows } = await db.$client.query<{ kid: number }>(
      `select kid from weir.key where class = 'pseudonym' and state <> 'destroyed'`,
    )
    // Where there has been one alone, they are under that.
    for (const { kid } of rows) known.add(kid)
  }
  return [...known].sort((a, b) => a - b)
}
