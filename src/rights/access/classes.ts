import { uuidArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import type { SubjectId } from '../../event/ids.ts'
import type { ActivePolicy } from '../../eventlog/partitions.ts'
import { isRestricted } from '../../retention/due.ts'
import type { AccessDocument } from './schema.ts'
import type { Detached } from './stores.ts'

type Classes = AccessDocument['completeness']['classes']

/** Every class of field that there is or was, with what lies of it, in use and kept under restriction. */
export async function countClasses(
  tx: Tx,
  { compiled }: ActivePolicy,
  about: {
    readonly classNames: ReadonlyMap<number, string>
    readonly subjects: readonly SubjectId[]
    readonly detached: readonly Detached[]
    readonly now: number
  },
): Promise<Classes> {
  const { rows } = await tx.$client.query<{ class_id: number; due: string; n: bigint }>(
    `select class_id, due, count(*) as n from weir.sealed where subject_id = any((select $1::uuid[])::uuid[])
     group by class_id, due order by class_id, due`,
    [uuidArray(about.subjects)],
  )
  const byClass = Map.groupBy(rows, ({ class_id }) => about.classNames.get(class_id) ?? 'unknown')
  const names = new Set([...compiled.classes.keys(), ...about.classNames.values(), ...byClass.keys()])
  return [...names].sort().map((name) => {
    const period = compiled.classes.get(name)
    const stored = (byClass.get(name) ?? []).map(({ due, n }) => ({ due, rows: Number(n) }))
    const apart = about.detached
      .filter((one) => one.class === name)
      .flatMap(({ rows: n, first, last }) => [
        { due: first ?? '', rows: n },
        { due: last ?? '', rows: 0 },
      ])
    const kept = period && stored.filter(({ due }) => isRestricted(period, Date.parse(due), about.now))
    const days = [...stored, ...apart]
      .map(({ due }) => due)
      .filter((due) => due !== '')
      .sort()
    return {
      class: name,
      records: sum(stored) + sum(apart),
      restricted: sum(kept ?? stored) + sum(apart),
      keptDays: period?.retainDays ?? null,
      statutoryDays: period?.floorDays ?? null,
      law: period?.floorBasis ?? null,
      firstEnds: days[0] ?? null,
      lastEnds: days.at(-1) ?? null,
    }
  })
}

function sum(counts: readonly { readonly rows: number }[]): number {
  return counts.reduce((total, { rows }) => total + rows, 0)
}
