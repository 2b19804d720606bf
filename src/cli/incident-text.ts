import type { JsonObject } from '../event/event.ts'
import type { Clock } from '../incidents/clocks.ts'
import type { Counts } from '../incidents/incident.ts'
import { columns } from './output.ts'

interface Summary {
  readonly id: string
  readonly number: number
  readonly state: string
  readonly caseId: string
  readonly scope: { readonly kind: string; readonly target: string }
  readonly people: number
  readonly knownAt: string
  readonly nextDue: string | null
  readonly keptUntil: string | null
}

interface Shown extends Summary {
  readonly counts: Counts
  readonly clocks: readonly (Pick<Clock, 'applies' | 'state'> & {
    readonly law: string
    readonly whom: string
    readonly dueLocal: string | null
    readonly article: string
    readonly warnedAt: number | null
  })[]
  readonly timeline: readonly {
    readonly at: string
    readonly by: string
    readonly kind: string
    readonly law?: string
    readonly to?: string
    readonly note?: string
  }[]
}

/** A list of files, for people. */
export function listText(found: JsonObject): string {
  const rows = (found.incidents as unknown as Summary[]).map((one) => [
    one.id,
    one.caseId,
    one.state,
    `${one.scope.kind} ${one.scope.target}`,
    String(one.people),
    one.nextDue ?? '-',
  ])
  if (rows.length === 0) return 'No incident: weir incident open makes a file of one.'
  return columns(['ID', 'CASE', 'STATE', 'WHAT', 'PEOPLE', 'NEXT DUE'], rows)
}

/** One file, for people. */
export function incidentText(found: JsonObject): string {
  const one = found as unknown as Shown // made by viewOf
  const { counts, clocks, timeline } = one
  const kept = one.keptUntil === null ? '' : `, kept until ${one.keptUntil}`
  return [
    `Incident ${one.id} (${one.caseId}), ${one.state}${kept}`,
    `${one.scope.kind} ${one.scope.target}, known since ${one.knownAt}`,
    '',
    `${counts.people} people (${counts.subjects} subjects) in ${counts.records} records${erasedText(counts)}`,
    columns(['FIELD CLASS', 'PEOPLE'], entries(counts.classes)),
    '',
    columns(
      ['PLACE', 'PEOPLE'],
      Object.entries(counts.places).map(([place, group]) => [place, String(group.people)]),
    ),
    '',
    columns(
      ['LAW', 'TELL', 'DUE THERE', 'APPLIES', 'STATE', 'UNDER'],
      clocks.map((clock) => [
        clock.law,
        clock.whom,
        clock.dueLocal ?? 'at once',
        clock.applies,
        clock.state === 'warned' ? `${clock.warnedAt} % used` : clock.state,
        clock.article,
      ]),
    ),
    'Assumptions stand beside each clock with --json: counsel must check them.',
    '',
    columns(
      ['AT', 'BY', 'WHAT', ''],
      timeline.map(({ at, by, kind, law, to, note }) => [
        at,
        by,
        to === undefined ? kind : `${kind} ${to} (${law})`,
        note ?? '',
      ]),
    ),
  ].join('\n')
}

function entries(sums: Readonly<Record<string, number>>): string[][] {
  return Object.entries(sums).map(([name, people]) => [name, String(people)])
}

function erasedText({ erased }: Counts): string {
  if (erased.people === 0 && erased.records === 0) return ''
  return `; erased since: ${erased.people ?? 'cannot be counted'} people, ${erased.records} records`
}
