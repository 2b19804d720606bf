import { randomUUID } from 'node:crypto'
import { lockDelivery } from '../db/locks.ts'
import { overConnection, type Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import type { Module } from '../modules/module.ts'
import { asModule } from '../pipeline/as-module.ts'
import { eraseSubject, type Holder, pseudonymsHeld } from '../pipeline/erase-subject.ts'
import { type ModuleRoot, readModuleRoot } from '../pipeline/module-root.ts'
import { withKnownRoots } from '../pipeline/pseudonymisers.ts'
import { type Hosted, handEventsOf, handLog } from '../pipeline/rebuild-apart.ts'
import { openScratch } from '../pipeline/scratch.ts'
import type { RightsDeps } from './deps.ts'

export type ProveDeps = Pick<RightsDeps, 'db' | 'keyring' | 'active' | 'policies' | 'holders'>

/** Whether a module's state is that of a rebuild from what the log has now: without whoever was erased. */
export interface ModuleProof {
  readonly name: string
  readonly equalToRebuild: boolean
}

/**
 * Holds every hosted module against a rebuild: the whole log, as it is now, is handed once more to empty tables, and the
 * digests are compared (law 5). Delivery is held up for the length of one batch, in which a snapshot is taken; the rebuild
 * then goes on beside it, batch by batch, in a transaction that is rolled back. For as long, vacuum keeps rows that the
 * snapshot sees, and a module is not cleared. Throws AppError `overloaded` for a module that is being rebuilt itself.
 */
export async function proveUnlearned(deps: ProveDeps): Promise<ModuleProof[]> {
  const proofs: ModuleProof[] = []
  for (const holder of deps.holders()) {
    const { module } = holder
    if (module === undefined) continue
    proofs.push(await inSnapshot(deps, { ...holder, module }, (tx, at) => compareWhole(tx, deps, at)))
  }
  return proofs
}

async function compareWhole(tx: Tx, deps: ProveDeps, { hosted, pos }: At): Promise<ModuleProof> {
  const { module } = hosted
  const held = await asModule(tx, module, () => module.digest(tx))
  const scratch = await openScratch(tx, module)
  await handLog(tx, deps, hosted, { scratch, upTo: pos })
  const rebuilt = await scratch.run((on) => module.digest(on))
  return { name: module.name, equalToRebuild: held === rebuilt }
}

/** What a nightly proof came to. */
export interface SampleProof extends ModuleProof {
  /** How many people it was made with. */
  readonly people: number
}

/**
 * The same at the cost of some people rather than of all: of `n` people, taken at random with their devices, every second
 * one is erased from tables that were handed all of them, and the digest is compared with that of tables that were handed
 * the others alone. What the module holds of each is counted against what the log gives. Changes nothing.
 */
export async function proveSample(deps: ProveDeps, n: number): Promise<SampleProof[]> {
  const proofs: SampleProof[] = []
  for (const holder of deps.holders()) {
    const { module } = holder
    if (module === undefined) continue
    proofs.push(await inSnapshot(deps, { ...holder, module }, (tx, at) => compareSample(tx, deps, at, n)))
  }
  return proofs
}

async function compareSample(tx: Tx, deps: ProveDeps, { hosted, pos }: At, n: number): Promise<SampleProof> {
  const { module } = hosted
  const people = await somePeople(tx, n)
  const gone = people.filter((_, i) => i % 2 === 0).flat()
  const stay = people.filter((_, i) => i % 2 === 1).flat()
  const names = new Map<SubjectId, Awaited<ReturnType<typeof pseudonymsHeld>>>()
  for (const subject of people.flat()) names.set(subject, await pseudonymsHeld(tx, hosted, [subject]))

  await tx.$client.query('savepoint sample')
  const all = await openScratch(tx, module)
  await handEventsOf(tx, deps, hosted, { scratch: all, upTo: pos, subjects: [...gone, ...stay] })
  let isAsHeld = true
  for (const pseudonym of [...names.values()].flat()) {
    const given = await all.run((on) => module.holds(on, pseudonym))
    const held = await asModule(tx, module, () => module.holds(tx, pseudonym))
    isAsHeld &&= JSON.stringify(given) === JSON.stringify(held)
  }
  for (const subject of gone) {
    for (const pseudonym of names.get(subject)!) await all.run((on) => module.erase(on, pseudonym))
  }
  const left = await all.run((on) => module.digest(on))
  await tx.$client.query('rollback to savepoint sample') // the tables go with it

  const others = await openScratch(tx, module)
  await handEventsOf(tx, deps, hosted, { scratch: others, upTo: pos, subjects: stay })
  const rebuilt = await others.run((on) => module.digest(on))
  return { name: module.name, people: people.length, equalToRebuild: isAsHeld && left === rebuilt }
}

/** Subjects from a random place on, each with those who are linked to it. */
async function somePeople(tx: Tx, n: number): Promise<SubjectId[][]> {
  const { rows } = await tx.$client.query<{ person: string; members: string[] }>(
    `with picked as (
       (select subject_id from weir.subject where subject_id >= $1 order by subject_id limit $2)
       union (select subject_id from weir.subject order by subject_id limit $2)
       limit $2),
     owner as (
       select distinct coalesce(l.user_id, s.subject_id) as person from picked s
         left join weir.link l on l.device_id = s.subject_id and l.state = 'confirmed' and l.ended_at is null)
     select o.person, array_agg(l.device_id order by l.device_id) filter (where l.device_id is not null) as members
     from owner o left join weir.link l on l.user_id = o.person and l.state = 'confirmed' and l.ended_at is null
     group by o.person order by o.person`,
    [randomUUID(), n],
  )
  return rows.map(({ person, members }) => [person, ...(members ?? [])].map(subjectId))
}

interface At {
  readonly hosted: Hosted
  /** The last log row that the module has seen. */
  readonly pos: bigint
}

type Held = Holder & { readonly module: Module }

/** Work over a snapshot in which a module has done all that was ordered, and which is rolled back. */
async function inSnapshot<T>(deps: ProveDeps, holder: Held, work: (tx: Tx, at: At) => Promise<T>): Promise<T> {
  const run = async (): Promise<T> => {
    const client = await deps.db.$client.connect()
    let broken: Error | undefined
    try {
      const tx = overConnection(client)
      const at = await betweenBatches(deps, holder, async (root) => {
        await client.query('begin isolation level repeatable read')
        const { rows } = await client.query<{ pos: bigint }>(
          'select coalesce(max(pos), 0)::bigint as pos from weir.delivery_cursor where destination_id = $1',
          [holder.destinationId],
        )
        return { hosted: { ...holder, root }, pos: rows[0]!.pos }
      })
      return await work(tx, at)
    } finally {
      await client.query('rollback').catch((error: Error) => {
        broken = error
      })
      client.release(broken)
    }
  }
  return withKnownRoots(deps.keyring, () => withActiveEpoch(deps.keyring, run))
}

/** Takes the place of one batch of delivery: does what is ordered, and has the snapshot taken while nobody else writes. */
async function betweenBatches<T>(deps: ProveDeps, holder: Held, work: (root: ModuleRoot) => Promise<T>): Promise<T> {
  return transaction(deps.db, async (tx) => {
    await lockDelivery(tx, holder.destinationId)
    const root = await readModuleRoot(tx, holder.destinationId)
    if (root?.until !== undefined || root?.telling !== undefined) {
      throw new AppError(
        'overloaded',
        `the module ${holder.module.name} is being rebuilt: prove it when that is done`,
        {
          code: 'module-rebuilding',
          retryAfter: 60,
        },
      )
    }
    const { rows } = await tx.$client.query<{ subject_id: string }>(
      'delete from weir.purge where destination_id = $1 returning subject_id',
      [holder.destinationId],
    )
    for (const { subject_id: subject } of rows) await eraseSubject(tx, holder, subjectId(subject))
    if (rows.length > 0) return undefined
    return { value: await work(root ?? nothingHanded(deps)) }
  }).then((done) => done?.value ?? betweenBatches(deps, holder, work)) // what was erased must be committed to be seen
}

/** Of a module that was never delivered to: whatever it would be named by, there is nothing. */
function nothingHanded({ keyring }: ProveDeps): ModuleRoot {
  const { kid } = keyring.pseudonym.active
  return {
    kid,
    rollingDays: undefined,
    fromPeriod: 0,
    toldPeriod: 0,
    telling: undefined,
    until: undefined,
    begunAt: new Date(0),
  }
}
