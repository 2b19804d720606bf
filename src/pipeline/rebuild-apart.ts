import { int8Array, uuidArray } from '../db/binary-array.ts'
import type { Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'
import { LOG_KIND } from '../eventlog/append.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import { type LogRow, readAfter, readAt } from '../eventlog/read.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { Module } from '../modules/module.ts'
import { startOfPeriod } from '../protect/pseudonymise.ts'
import type { Holder } from './erase-subject.ts'
import type { ModuleRoot } from './module-root.ts'
import { openApart } from './open-apart.ts'
import { type Lens, type LinkedPair, relinksBetween } from './open-batch.ts'
import type { PolicyShelf } from './policy-shelf.ts'
import { firstPeriod } from './rebuild.ts'
import type { Scratch } from './scratch.ts'
import { createTellers } from './tellers.ts'

export interface ApartDeps {
  readonly keyring: Keyring
  readonly active: () => ActivePolicy
  readonly policies: PolicyShelf
}

/** A module and how its rows name people, as one snapshot has it. */
export interface Hosted extends Holder {
  readonly module: Module
  readonly root: ModuleRoot
}

const AT_ONCE = 500

/** Hands the log up to a position to a scratch, as delivery would: decided again, opened, projected, named as the module's rows are. */
export async function handLog(
  tx: Tx,
  deps: ApartDeps,
  hosted: Hosted,
  to: { scratch: Scratch; upTo: bigint },
): Promise<void> {
  const lens = lensOf(deps, hosted)
  let after = -1n
  let analyzeAt = 2_000
  for (let seen = 0; ; ) {
    const rows = (await readAfter(tx, after, AT_ONCE)).filter(({ pos }) => pos <= to.upTo)
    if (rows.length === 0) break
    after = rows.at(-1)!.pos
    seen += rows.length
    await handRows(tx, deps, { hosted, lens, scratch: to.scratch }, rows)
    if (seen >= analyzeAt) {
      await to.scratch.analyze()
      analyzeAt *= 8
    }
  }
  await tellLinksOf(tx, { hosted, lens, scratch: to.scratch }, undefined)
}

/** The same for the events of some subjects alone. */
export async function handEventsOf(
  tx: Tx,
  deps: ApartDeps,
  hosted: Hosted,
  to: { scratch: Scratch; upTo: bigint; subjects: readonly SubjectId[] },
): Promise<void> {
  const lens = lensOf(deps, hosted)
  const { rows: found } = await tx.$client.query<{ pos: bigint }>(
    `select pos from weir.event_log where subject_id = any($1::uuid[]) and kind = 0 and pos <= $2 order by pos`,
    [uuidArray(to.subjects), to.upTo],
  )
  for (let i = 0; i < found.length; i += AT_ONCE) {
    const rows = await readAt(
      tx,
      found.slice(i, i + AT_ONCE).map(({ pos }) => pos),
    )
    await handRows(tx, deps, { hosted, lens, scratch: to.scratch }, rows)
  }
  await tellLinksOf(tx, { hosted, lens, scratch: to.scratch }, to.subjects)
}

interface Handing {
  readonly hosted: Hosted
  readonly lens: Lens
  readonly scratch: Scratch
}

async function handRows(
  tx: Tx,
  { policies }: ApartDeps,
  { hosted, lens, scratch }: Handing,
  rows: readonly LogRow[],
): Promise<void> {
  const letters = await lettersAmong(tx, hosted.destinationId, rows)
  const events = rows.filter(({ kind, pos }) => kind === LOG_KIND.event && !letters.has(pos))
  if (events.length === 0) return
  await policies.load(
    tx,
    events.map(({ policyVersion }) => policyVersion),
  )
  const { delivered } = await openApart(tx, lens, events)
  if (delivered.length > 0) await scratch.run((on) => hosted.module.handle(on, delivered))
}

/** What waits as a letter has not been handed over. */
async function lettersAmong(tx: Tx, destinationId: number, rows: readonly LogRow[]): Promise<Set<bigint>> {
  const { rows: letters } = await tx.$client.query<{ pos: bigint }>(
    'select pos from weir.dead_letter where destination_id = $1 and pos = any($2::bigint[])',
    [destinationId, int8Array(rows.map(({ pos }) => pos))],
  )
  return new Set(letters.map(({ pos }) => pos))
}

/** Who counts as whom, as it is now: the log says it again and again, and the last word is in weir.link. */
async function tellLinksOf(
  tx: Tx,
  { hosted, lens, scratch }: Handing,
  subjects: readonly SubjectId[] | undefined,
): Promise<void> {
  const { module } = hosted
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const { rows: pairs } = await tx.$client.query<LinkedPair>(
      `select device_id as device, user_id as "user" from weir.link
       where device_id > $1 and state = 'confirmed' and ended_at is null
         and ($2::uuid[] is null or (device_id = any($2) and user_id = any($2))) order by device_id limit ${AT_ONCE}`,
      [after, subjects === undefined ? null : uuidArray(subjects)],
    )
    if (pairs.length === 0) return
    after = pairs.at(-1)!.device
    const relinks = await relinksBetween(tx, lens, module.purpose, pairs, { told: [lens.linked], undone: [] })
    for (const { from, to } of [...relinks.values()].flat()) await scratch.run((on) => module.relink(on, from, to))
  }
}

function lensOf({ keyring, active, policies }: ApartDeps, { module, root, pseudonymisers, now }: Hosted): Lens {
  const { rollingDays, toldPeriod } = root
  const { compiled } = active()
  const linked =
    rollingDays === undefined
      ? { from: 0, to: 0 }
      : {
          from: startOfPeriod(firstPeriod(compiled, now(), rollingDays), rollingDays),
          to: startOfPeriod(toldPeriod, rollingDays),
        }
  return {
    destination: module.name,
    active: active(),
    policies,
    keyring,
    pseudonymiser: pseudonymisers(module, root),
    linked,
    tellers: createTellers(),
    now,
  }
}
