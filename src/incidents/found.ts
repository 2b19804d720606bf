import type { Tx } from '../db/pool.ts'

/** The server may take its time over a whole log. */
export const PATIENT = { query_timeout: 900_000 } as const

/**
 * Two tables of the transaction's own, gone with it: whom the records name, with the bits of their classes, and then the
 * people that those are. Random ids alone, and they never leave the database.
 */
export async function makeTables(tx: Tx): Promise<void> {
  await tx.$client.query(
    'create temporary table incident_found (subject_id uuid, mask bigint not null, records bigint not null) on commit drop',
  )
}

export interface FoundSums {
  readonly people: number
  readonly subjects: number
  readonly records: number
  /** Of them, those that are nobody's any more. */
  readonly nobodys: number
  /** Subjects that the records still tell apart and that are erased. */
  readonly erased: number
}

/** Makes people of what was found: a device that is confirmed a user's is that user. */
export async function makePeople(tx: Tx): Promise<FoundSums> {
  await tx.$client.query({
    text: `create temporary table incident_person on commit drop as
     select coalesce(l.user_id, f.subject_id) as person, bit_or(f.mask) as mask, count(*)::integer as subjects
     from incident_found f join weir.subject s on s.subject_id = f.subject_id
       left join weir.link l on l.device_id = f.subject_id and l.state = 'confirmed' and l.ended_at is null
     group by 1`,
    ...PATIENT,
  })
  await tx.$client.query('create unique index on incident_person (person)')
  await tx.$client.query('analyze incident_person')
  const { rows } = await tx.$client.query<Record<keyof FoundSums, number>>({
    text: `select (select count(*)::float8 from incident_person) as people,
       (select coalesce(sum(subjects), 0)::float8 from incident_person) as subjects,
       coalesce(sum(f.records), 0)::float8 as records,
       coalesce(sum(f.records) filter (where f.subject_id is null), 0)::float8 as nobodys,
       (count(*) filter (where f.subject_id is not null and s.subject_id is null))::float8 as erased
     from incident_found f left join weir.subject s on s.subject_id = f.subject_id`,
    ...PATIENT,
  })
  return rows[0]!
}

/** Of how many people each class: by the bit's number. */
export async function countClasses(tx: Tx, names: readonly string[]): Promise<Record<string, number>> {
  const { rows } = await tx.$client.query<{ bit: number; people: number }>(
    `select b.bit, count(*)::float8 as people
     from incident_person p join generate_series(0, $1::integer - 1) as b(bit) on (p.mask >> b.bit) & 1 = 1
     group by b.bit order by b.bit`,
    [names.length],
  )
  return Object.fromEntries(rows.map(({ bit, people }) => [names[bit]!, people]))
}
