import { int8Array, textArray } from '../db/binary-array.ts'
import type { Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { maskOfField } from './classes.ts'
import { PATIENT } from './found.ts'
import type { Scope } from './incident.ts'
import { type TouchDeps, type Touched, timesOf, UNKNOWN } from './touched.ts'

export interface EntryDeps extends TouchDeps {
  /** The policy that decides now: what it says of the fields that entries name. */
  readonly policy: CompiledPolicy
}

/** Everybody whom one entry of the audit log is about, by its index, or all with this resource. Throws AppError invalid. */
export async function touchExport(tx: Tx, deps: EntryDeps, scope: Scope): Promise<Touched> {
  const byIndex = /^\d{1,18}$/.test(scope.target)
  await findEntries(tx, byIndex ? 'e.index = $1::bigint' : 'e.resource = $1', scope)
  return touchEntries(tx, deps, 'No entry of the audit log has this index or resource.')
}

/** Everybody whom an officer's entries of that time are about. Throws AppError invalid for nobody's id. */
export async function touchOfficer(tx: Tx, deps: EntryDeps, scope: Scope): Promise<Touched> {
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(scope.target)
  const known =
    isId && (await tx.$client.query('select from weir.officer where officer_id = $1', [scope.target])).rows.length > 0
  if (!known) throw new AppError('invalid', 'No officer has this id: weir officer list shows them.', UNKNOWN)
  await findEntries(tx, `e.actor = 'officer:' || $1`, { ...scope, target: scope.target.toLowerCase() })
  return touchEntries(tx, deps)
}

/** Entries in the tree and those that wait for it: in one statement, or one that moves meanwhile would be missed. */
async function findEntries(tx: Tx, which: string, scope: Scope): Promise<void> {
  const times = '($2::timestamptz is null or e.at >= $2) and ($3::timestamptz is null or e.at < $3)'
  await tx.$client.query({
    text: `create temporary table incident_entry (record_id bigint, at timestamptz, action text, more jsonb) on commit drop`,
  })
  await tx.$client.query({
    text: `insert into incident_entry
     select e.record_id, e.at, e.action, e.more::jsonb from weir.audit_entry e
     where ${which} and e.action <> 'intake.decide' and ${times}
     union all
     select e.record_id, e.at, e.action, e.more::jsonb from (select *, null::bigint as index from weir.audit_queue) e
     where ${which} and ${times}`,
    values: [scope.target, ...timesOf(scope)],
    ...PATIENT,
  })
}

async function touchEntries(tx: Tx, deps: EntryDeps, refusedAs?: string): Promise<Touched> {
  const { rows } = await tx.$client.query<{ n: number; named: number; since: Date | null }>(
    `select count(*)::integer as n, min(at) as since,
       coalesce(sum(jsonb_array_length(${list('details')})), 0)::integer as named from incident_entry`,
  )
  const { n, named, since } = rows[0]!
  if (n === 0 && refusedAs !== undefined) throw new AppError('invalid', refusedAs, UNKNOWN)
  await findPeople(tx, await fieldMasks(tx, deps))
  const kept = await tx.$client.query<{ n: number }>(
    'select coalesce(sum(records), 0)::integer as n from incident_found',
  )
  // Each entry commits to one detail a person; those of whoever was erased are gone.
  const gone = named - kept.rows[0]!.n
  return {
    erased: { people: n === 1 || gone === 0 ? gone : null, records: gone },
    actions: await actionsOf(tx),
    records: n,
    recordsSince: since,
  }
}

/** A list of an entry's further members; empty where it has none of this name. */
function list(name: string): string {
  return `case jsonb_typeof(more -> '${name}') when 'array' then more -> '${name}' else '[]'::jsonb end`
}

interface FieldMasks {
  readonly names: readonly string[]
  readonly masks: readonly bigint[]
}

async function fieldMasks(tx: Tx, { policy, classes }: EntryDeps): Promise<FieldMasks> {
  const { rows } = await tx.$client.query<{ name: string }>(
    `select distinct f.name from incident_entry, jsonb_array_elements_text(${list('fields')}) as f(name)`,
  )
  const names = rows.map((row) => row.name)
  return { names, masks: names.map((name) => maskOfField(name, policy, classes)) }
}

async function findPeople(tx: Tx, { names, masks }: FieldMasks): Promise<void> {
  await tx.$client.query({
    text: `insert into incident_found (subject_id, mask, records)
     select d.subject_id, bit_or(e.mask), count(*)
     from (select record_id, coalesce((select bit_or(w.mask)
         from jsonb_array_elements_text(${list('fields')}) as f(name) join unnest($1::text[], $2::bigint[]) as w(name, mask)
           on w.name = f.name), 0) as mask from incident_entry) e
       join weir.audit_detail d on d.record_id = e.record_id
     group by d.subject_id`,
    values: [textArray(names), int8Array(masks)],
    ...PATIENT,
  })
}

async function actionsOf(tx: Tx): Promise<Record<string, { entries: number; people: number }>> {
  const { rows } = await tx.$client.query<{ action: string; entries: number; people: number }>({
    text: `select e.action, count(distinct e.record_id)::float8 as entries,
       count(distinct coalesce(l.user_id, d.subject_id))::float8 as people
     from incident_entry e left join weir.audit_detail d on d.record_id = e.record_id
       left join weir.link l on l.device_id = d.subject_id and l.state = 'confirmed' and l.ended_at is null
     group by e.action order by e.action`,
    ...PATIENT,
  })
  return Object.fromEntries(rows.map(({ action, entries, people }) => [action, { entries, people }]))
}
