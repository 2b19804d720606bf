import type { Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'
import { dayOf, dueOf } from '../retention/due.ts'
import type { RightsDeps } from './deps.ts'
import type { Language, RequestContent, Retained } from './request.ts'
import { type HoldRow, handOverHolds, holdsOver } from './statutory/hold-rows.ts'
import { type Kept, keep, remainderId } from './statutory/keep.ts'
import { asStatutory, summary } from './statutory/rows.ts'
import { type ContentDeps, openStored, type StoredRecord } from './statutory/stored-content.ts'

export interface SetAsideDeps extends ContentDeps, Pick<RightsDeps, 'now'> {}

/** Who is erased, and how they are told when what stays goes too. */
export interface SetAside {
  /** UUID of the erasure. */
  readonly request: string
  readonly subjects: readonly SubjectId[]
  /** Where the person can be written to; empty: nobody is told. */
  readonly contact: RequestContent['contact']
  readonly language: Language
}

/**
 * Before an erasure destroys keys: what a law or a hold keeps of these people is opened, sealed again under a key of
 * its own without a reference to them, and laid where nothing of the gateway reads it. Done again for the same request
 * it keeps nothing twice and answers the same. The transaction began within withActiveEpoch.
 * @returns what stays, by class: the residue that the person is told of
 */
export async function setAside(tx: Tx, deps: SetAsideDeps, asked: SetAside): Promise<Retained[]> {
  const today = dayOf(deps.now())
  const holds = await asStatutory(tx, () => holdsOver(tx, [...asked.subjects, asked.request], today))
  const stored = await storedOf(tx, deps, asked.subjects, holds)
  const notice = isEmpty(asked.contact) ? undefined : { request: asked.request, contact: asked.contact }
  const ids: string[] = []
  const statutory = Map.groupBy(dueByStatute(deps, stored), ({ ground }) => ground)
  for (const ground of groundsOf(deps)) {
    const id = remainderId(asked.request, ground)
    const kept = statutory.get(ground) ?? []
    await keep(tx, deps.keyring, { id, ground, holdId: undefined }, { kept, notice, language: asked.language })
    ids.push(id)
  }
  for (const hold of holds) {
    ids.push(await keepUnder(tx, deps, hold, { stored, notice, language: asked.language }))
  }
  await asStatutory(tx, () => handOverHolds(tx, asked.subjects, asked.request))
  return asStatutory(tx, () => summary(tx, ids))
}

/** What is there of a hold's scope, added to what it has kept already. Returns the id of its remainder. */
export async function keepUnder(
  tx: Tx,
  deps: SetAsideDeps,
  hold: Pick<HoldRow, 'id' | 'authority' | 'scope' | 'expiresOn'>,
  what: {
    readonly stored: readonly StoredRecord[]
    readonly notice?: Parameters<typeof keep>[3]['notice']
    readonly language: Language
  },
): Promise<string> {
  const id = remainderId('hold', hold.id)
  const kept = what.stored
    .filter(({ className }) => hold.scope.includes(className))
    .map((one): Kept => ({ stored: one, due: hold.expiresOn }))
  const { notice, language } = what
  await keep(tx, deps.keyring, { id, ground: hold.authority, holdId: hold.id }, { kept, notice, language })
  return id
}

async function storedOf(
  tx: Tx,
  deps: SetAsideDeps,
  subjects: readonly SubjectId[],
  holds: readonly HoldRow[],
): Promise<StoredRecord[]> {
  const floors = [...deps.active().compiled.classes.values()].filter(({ floorDays }) => floorDays !== undefined)
  const classes = new Set([...floors.map(({ name }) => name), ...holds.flatMap(({ scope }) => scope)])
  const stored: StoredRecord[] = []
  if (classes.size === 0) return stored
  for (const subject of subjects) stored.push(...(await openStored(tx, deps, subject, { classes, detached: true })))
  return stored
}

/** Laws that the policy names, in its order. */
function groundsOf({ active }: SetAsideDeps): string[] {
  const grounds = [...active().compiled.classes.values()].flatMap(({ floorDays, floorBasis }) =>
    floorDays === undefined || floorBasis === undefined ? [] : [floorBasis],
  )
  return [...new Set(grounds)]
}

/** What is under a floor that is not past, with the law; to the day that it ends, and not to the use that is over. */
function dueByStatute({ active, now }: SetAsideDeps, stored: readonly StoredRecord[]): (Kept & { ground: string })[] {
  const { classes } = active().compiled
  const today = dayOf(now())
  return stored.flatMap((one) => {
    const { floorDays, floorBasis } = classes.get(one.className) ?? {}
    if (floorDays === undefined || floorBasis === undefined) return []
    const due = dayOf(dueOf({ retainDays: 0, step: 'day', floorDays }, one.content.t))
    return due <= today ? [] : [{ stored: one, due, ground: floorBasis }]
  })
}

function isEmpty({ mail, phone }: RequestContent['contact']): boolean {
  return mail === undefined && phone === undefined
}
