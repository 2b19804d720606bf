import type { Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { By } from '../http/audit-api.ts'
import type { HoldsApi } from '../http/holds-api.ts'
import { approvalOptions } from '../officers/approve.ts'
import { actorOf, entryOf, type HoldDeps, stateOf } from './holds/deps.ts'
import { approveExport, askExport, exportViews } from './holds/export.ts'
import { extendHold, placeHold } from './holds/place.ts'
import { approveRelease, askRelease, isAsked, releaseChallenge } from './holds/release.ts'
import { type HoldRow, listHoldRows, lockHold } from './statutory/hold-rows.ts'
import { remainderId } from './statutory/keep.ts'
import { asStatutory, summary } from './statutory/rows.ts'

/** Holds, as the HTTP edge and the command line are given them. */
export function createHolds(deps: HoldDeps): HoldsApi {
  return {
    async place({ by, ...asked }) {
      return viewIn(deps, await placeHold(deps, by, asked))
    },
    list: ({ by, limit }) => list(deps, by, limit),
    show: ({ by, id }) => show(deps, by, id),
    async extend({ by, ...asked }) {
      await extendHold(deps, by, asked)
      return viewIn(deps, asked.id)
    },
    async askRelease({ by, ...asked }) {
      await askRelease(deps, by, asked)
      return viewIn(deps, asked.id)
    },
    async approveRelease(input) {
      await approveRelease(deps, input)
      return viewIn(deps, input.id)
    },
    async askExport({ by, ...asked }) {
      await askExport(deps, by, asked)
      return viewIn(deps, asked.id)
    },
    async approveExport(input) {
      await approveExport(deps, input)
      return viewIn(deps, input.id)
    },
  }
}

async function list(deps: HoldDeps, by: By, limit: number): Promise<JsonObject> {
  await deps.audit.append(entryOf(by, { action: 'hold.list', outcome: 'released' }))
  return transaction(deps.db, async (tx) => {
    const rows = await asStatutory(tx, () => listHoldRows(tx, limit))
    const holds: JsonObject[] = []
    for (const row of rows) holds.push(await viewOf(tx, row, deps.now()))
    return { holds }
  })
}

async function show(deps: HoldDeps, by: By, id: string): Promise<JsonObject> {
  const hold = await readHold(deps, id)
  await deps.audit.append(entryOf(by, { id, action: 'hold.show', outcome: 'released' }))
  const view = await viewIn(deps, id)
  const mayApprove = by.kind === 'officer' && isAsked(hold, deps.now()) && hold.releaseAskedBy !== actorOf(by)
  if (!mayApprove || deps.officers === undefined) return { ...view, challenge: null, options: null }
  const challenge = releaseChallenge(hold)
  const options = await optionsFor(deps.officers, by.id, challenge)
  return { ...view, challenge: challenge.toString('base64url'), options }
}

/** Without an authenticator, or a name to bind one to, there are none: then a code is asked for. */
async function optionsFor(
  officers: NonNullable<HoldDeps['officers']>,
  officer: string,
  challenge: Buffer,
): Promise<JsonObject | null> {
  try {
    const options = await approvalOptions(officers, { officer, challenge })
    return options === undefined ? null : ({ ...options } as unknown as JsonObject) // JSON by its own name
  } catch (error) {
    if (error instanceof AppError && error.code === 'authenticators-need-a-name') return null
    throw error
  }
}

async function readHold({ db }: HoldDeps, id: string): Promise<HoldRow> {
  const hold = await transaction(db, (tx) => asStatutory(tx, () => lockHold(tx, id)))
  if (hold === undefined) throw new AppError('not-found', 'No hold has this id.')
  return hold
}

async function viewIn(deps: HoldDeps, id: string): Promise<JsonObject> {
  const hold = await readHold(deps, id)
  return transaction(deps.db, (tx) => viewOf(tx, hold, deps.now()))
}

async function viewOf(tx: Tx, hold: HoldRow, now: number): Promise<JsonObject> {
  const kept = await asStatutory(tx, () => summary(tx, [remainderId('hold', hold.id)]))
  const { id, authority, reference, scope, expiresOn, placedBy, placedAt, releasedBy, releasedAt } = hold
  const asked = isAsked(hold, now) ? { by: hold.releaseAskedBy, at: hold.releaseAskedAt } : null
  return {
    id,
    authority,
    reference,
    scope,
    state: stateOf(hold, now),
    expiresOn,
    placedBy,
    placedAt,
    kept: kept.map(({ class: name, records }) => ({ class: name, records })),
    releaseAsked: asked,
    exports: await exportViews(tx, id, now),
    releasedBy,
    releasedAt,
  }
}
