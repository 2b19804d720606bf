import type { Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'
import { asModule } from './as-module.ts'
import { type Holder, pseudonymsOf } from './erase-subject.ts'
import type { Side, Traits } from './linkability-attack.ts'

export type Hosted = Holder & { readonly module: NonNullable<Holder['module']> }

/** A table of a module as an attacker sees it: whom a row is of, when it was, what else it says. */
export interface Sight {
  readonly table: string
  readonly at: string
  /** Columns beside names, tokens and time. */
  readonly says: readonly string[]
  /** Whether the module counts several names as one, and where that stands. */
  readonly links: boolean
}

const NAMES = ['subject', 'event_key', 'order_token']

/** The tables with rows of people, as the catalogue has them. */
export async function sightsOf(tx: Tx, { module }: Hosted): Promise<Sight[]> {
  const { rows } = await tx.$client.query<{ table: string; columns: string[] }>(
    `select c.relname::text as table, array_agg(a.attname::text order by a.attnum) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = $1::regnamespace and c.relkind = 'r' group by 1`,
    [module.name],
  )
  const links = rows.some(({ table, columns }) => table === 'link' && columns.includes('root'))
  return module.keeps.flatMap(({ table, at }) => {
    const columns = rows.find((row) => row.table === table)?.columns ?? []
    if (!columns.includes('subject') || !columns.includes('event_key')) return []
    return [{ table, at, says: columns.filter((name) => !NAMES.includes(name) && name !== at), links }]
  })
}

/** Traits by name: the day of each event, with what the columns that both sides have say of it. As the module. */
export async function traitsOf(
  tx: Tx,
  { module }: Hosted,
  sights: readonly Sight[],
  says: readonly string[],
): Promise<Traits> {
  const traits = new Map<string, Map<string, number>>()
  for (const { table, at, links } of sights) {
    const name = links
      ? `coalesce((select root from ${module.name}.link l where l.subject = t.subject), t.subject)`
      : 't.subject'
    const rest = says.map((column) => ` || '|' || coalesce(t.${column}::text, '')`).join('')
    const { rows } = await asModule(tx, module, () =>
      tx.$client.query<{ name: string; trait: string; n: number }>(
        `select ${name} as name, t.${at}::date::text${rest} as trait, count(distinct t.event_key)::integer as n
         from ${module.name}.${table} t group by 1, 2`,
      ),
    )
    for (const row of rows) {
      const own = traits.get(row.name) ?? new Map<string, number>()
      traits.set(row.name, own.set(row.trait, (own.get(row.trait) ?? 0) + row.n))
    }
  }
  return traits
}

const AT_ONCE = 5_000
const FIRST = '00000000-0000-0000-0000-000000000000'

/** Who is behind each name that a module can have for anybody: what only the gateway can tell. */
export async function truthOf(tx: Tx, holder: Hosted): Promise<Side['truth']> {
  const namesOf = await pseudonymsOf(tx, holder)
  const truth = new Map<string, string>()
  for (let after = FIRST; ; ) {
    const { rows } = await tx.$client.query<{ subject: SubjectId; person: string }>(
      `select s.subject_id as subject, coalesce(l.user_id, s.subject_id) as person from weir.subject s
         left join weir.link l on l.device_id = s.subject_id and l.state = 'confirmed' and l.ended_at is null
       where s.subject_id > $1 order by s.subject_id limit ${AT_ONCE}`,
      [after],
    )
    for (const { subject, person } of rows) for (const name of namesOf(subject)) truth.set(name, person)
    if (rows.length < AT_ONCE) return truth
    after = rows.at(-1)!.subject
  }
}
