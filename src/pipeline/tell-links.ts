import type { Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'
import { periodOf, type Span, startOfPeriod } from '../protect/pseudonymise.ts'
import { asModule } from './as-module.ts'
import { type ModuleRoot, writeModuleRoot } from './module-root.ts'
import { type Lens, type LinkedPair, relinksBetween } from './open-batch.ts'
import { FIRST_DEVICE, firstPeriod, type Place } from './rebuild.ts'

const AT_ONCE = 100
const TELLING_MS = 20 // a withdrawal waits for at most one batch

/** Whether links are to be told before anything is handed over, and of which period on; undefined: all are told. */
export function linksToTell(place: Place, root: ModuleRoot): ModuleRoot['telling'] {
  if (root.telling !== undefined || root.rollingDays === undefined) return root.telling
  const period = periodOf(place.now, root.rollingDays)
  const isTold = root.toldPeriod >= period && root.fromPeriod <= firstPeriod(place.policy, place.now, root.rollingDays)
  return isTold ? undefined : { after: FIRST_DEVICE, period }
}

/**
 * Tells a module some of the links that hold, in the order of devices: after its state was cleared, for the log has not
 * every link any more, and where a period of rolling pseudonyms begins, for its pseudonyms are nobody's yet. Links of
 * periods that nothing can be left of are undone. The caller holds the delivery lock.
 */
export async function tellLinks(
  tx: Tx,
  lens: Lens,
  place: Place,
  root: ModuleRoot & { readonly telling: NonNullable<ModuleRoot['telling']> },
): Promise<void> {
  const { module, destinationId } = place
  const giveUpAt = performance.now() + TELLING_MS
  const pairs = await confirmedAfter(tx, root.telling.after)
  const relinks = await relinksBetween(tx, lens, module.purpose, pairs, spansOf(place, root))
  let after = root.telling.after
  for (const { device } of pairs) {
    if (after !== root.telling.after && performance.now() > giveUpAt) break
    for (const { from, to } of relinks.get(device) ?? []) await asModule(tx, module, () => module.relink(tx, from, to))
    after = device
  }
  const isLast = pairs.length < AT_ONCE && after === (pairs.at(-1)?.device ?? after)
  const next = isLast ? await allTold(tx, place, root) : { ...root, telling: { ...root.telling, after } }
  await writeModuleRoot(tx, destinationId, next)
}

async function confirmedAfter(tx: Tx, after: SubjectId): Promise<LinkedPair[]> {
  const { rows } = await tx.$client.query<{ device: SubjectId; user: SubjectId }>({
    name: 'links-to-tell',
    text: `select device_id as device, user_id as "user" from weir.link
      where device_id > $1 and state = 'confirmed' and ended_at is null order by device_id limit ${AT_ONCE}`,
    values: [after],
  })
  return rows
}

/** Periods whose links the module does not know, and those whose links it is to forget. */
function spansOf(place: Place, root: ModuleRoot): { readonly told: Span[]; readonly undone: Span[] } {
  const { rollingDays, telling, fromPeriod, toldPeriod } = root
  if (rollingDays === undefined || telling === undefined) return { told: [{ from: 0, to: 0 }], undone: [] }
  const first = firstPeriod(place.policy, place.now, rollingDays)
  const span = (from: number, to: number): Span[] =>
    from > to ? [] : [{ from: startOfPeriod(from, rollingDays), to: startOfPeriod(to, rollingDays) }]
  return {
    told: [
      ...span(first, Math.min(fromPeriod - 1, telling.period)),
      ...span(Math.max(first, toldPeriod + 1), telling.period),
    ],
    undone: span(fromPeriod, first - 1),
  }
}

async function allTold(tx: Tx, place: Place, root: ModuleRoot): Promise<ModuleRoot> {
  const { rollingDays, telling } = root
  if (rollingDays === undefined || telling === undefined) return { ...root, telling: undefined }
  const first = firstPeriod(place.policy, place.now, rollingDays)
  const oldest = await oldestRow(tx, place)
  // Rows that ought to be gone and are not, say behind a blown fuse, are still found by whoever erases.
  const fromPeriod = oldest === undefined ? first : Math.min(first, periodOf(oldest, rollingDays))
  return { ...root, fromPeriod, toldPeriod: telling.period, telling: undefined }
}

/** Midnight UTC of the day of the module's oldest row. */
async function oldestRow(tx: Tx, { module }: Place): Promise<number | undefined> {
  const days: number[] = []
  for (const { table, at } of module.keeps) {
    const { rows } = await tx.$client.query<{ day: string | null }>(
      `select min(${at})::date::text as day from ${module.name}.${table}`,
    )
    if (rows[0]!.day !== null) days.push(Date.parse(rows[0]!.day))
  }
  return days.length === 0 ? undefined : Math.min(...days)
}
