import type { Cutoffs, Kept, Module } from '../modules/module.ts'
import type { CompiledPolicy, FieldClass } from '../policy/compiled.ts'
import { dayOf, daysAfter, firstDayInUse, stepStart } from './due.ts'

/**
 * For each table of a module the first day whose events are still in use: what its rows were read from is handed out
 * from that day on and not before, rounded as the blobs are, so that the state is that of a rebuild from what is
 * stored. Fields of several classes go with the first of them. Nothing that a table is read from is permitted any
 * more: nothing of it is kept. Pure.
 */
export function cutoffsOf(policy: CompiledPolicy, module: Pick<Module, 'name' | 'keeps'>, now: number): Cutoffs {
  return byTable(module.keeps, (kept) => firstDay(periodsOfTable(policy, module.name, kept), now))
}

/** The same, as it was before the steps that today is in began: what is due beyond it should have been gone before. */
export function previousCutoffs(policy: CompiledPolicy, module: Pick<Module, 'name' | 'keeps'>, now: number): Cutoffs {
  return byTable(module.keeps, (kept) => {
    const periods = periodsOfTable(policy, module.name, kept)
    const days = periods.map((period) => firstDayInUse(period, stepStart(period.step, now) - 1))
    return Math.max(...days, periods.length === 0 ? daysAfter(now, 1) : 0)
  })
}

function firstDay(periods: readonly FieldClass[], now: number): number {
  if (periods.length === 0) return daysAfter(now, 1)
  return Math.max(...periods.map((period) => firstDayInUse(period, now)))
}

function byTable(keeps: readonly Kept[], of: (kept: Kept) => number): Cutoffs {
  return Object.fromEntries(keeps.map((kept) => [kept.table, dayOf(of(kept))]))
}

/** The classes of the fields that a table is read from, by the routes to its module. */
export function periodsOfTable(policy: CompiledPolicy, destination: string, { events, paths }: Kept): FieldClass[] {
  const classes = new Set<string>()
  for (const rule of policy.eventList) {
    if (events !== undefined && !events.includes(rule.name)) continue
    const route = rule.routes.find((one) => one.destination.name === destination)
    for (const path of route?.fields ?? []) {
      const name = rule.classOf.get(path)
      if (name !== undefined && paths.includes(path)) classes.add(name)
    }
  }
  return [...classes].flatMap((name) => policy.classes.get(name) ?? [])
}
