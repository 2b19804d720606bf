import { createHash } from 'node:crypto'
import { canonicalJson } from '../../audit/jcs.ts'
import { appendEntriesAbout } from '../../audit/log.ts'
import type { Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import { AppError } from '../../errors.ts'
import type { JsonObject } from '../../event/event.ts'
import type { By } from '../../http/audit-api.ts'
import type { ShownFactor } from '../../http/disclosures-api.ts'
import { verifyApproval } from '../../officers/approve.ts'
import { dayOf } from '../../retention/due.ts'
import { expireRemainders } from '../expire-remainders.ts'
import type { HoldRow } from '../statutory/hold-rows.ts'
import { asStatutory } from '../statutory/rows.ts'
import { actorOf, entryOf, type HoldDeps, lockActive } from './deps.ts'

const ANSWER_MS = 7 * 86_400_000

/** Whether somebody asked for the release, and it can be approved still. */
export function isAsked({ releaseAskedAt, releasedAt }: HoldRow, now: number): boolean {
  return releasedAt === null && releaseAskedAt !== null && Date.parse(releaseAskedAt) + ANSWER_MS > now
}

/** What a second officer signs: this hold, released at this word. SHA-256, 32 bytes. */
export function releaseChallenge({ id, releaseAskedBy, releaseAskedAt }: HoldRow): Buffer {
  const said = { v: 1, act: 'hold.release', hold: id, askedBy: releaseAskedBy, askedAt: releaseAskedAt }
  return createHash('sha256').update(canonicalJson(said), 'utf8').digest()
}

/** The first of two: asks that a hold ends before its day. Throws AppError not-found, conflict `hold-over`, `release-asked`. */
export async function askRelease(
  deps: HoldDeps,
  by: By,
  { id, caseId }: { readonly id: string; readonly caseId: string },
): Promise<void> {
  await orEnter(deps, by, { id, caseId, action: 'hold.ask-release' }, (tx) => askIn(tx, deps, by, id))
}

async function askIn(tx: Tx, deps: HoldDeps, by: By, id: string): Promise<JsonObject> {
  const hold = await lockActive(tx, id, deps.now())
  if (isAsked(hold, deps.now())) {
    throw new AppError('conflict', 'Its release was asked for already: another officer approves it.', {
      code: 'release-asked',
    })
  }
  await asStatutory(tx, () =>
    tx.$client.query('update statutory.hold set release_asked_by = $2, release_asked_at = $3 where hold_id = $1', [
      id,
      actorOf(by),
      new Date(deps.now()),
    ]),
  )
  return {}
}

/**
 * The second of two: approves with a second factor over what was asked. What was kept goes at once. Throws AppError
 * not-found, conflict `hold-over`, `release-not-asked`, forbidden `own-request`, `factor-missing`, and as verifyApproval.
 */
export async function approveRelease(
  deps: HoldDeps,
  { officer, id, shown }: { readonly officer: string; readonly id: string; readonly shown: ShownFactor },
): Promise<void> {
  const by = { kind: 'officer', id: officer }
  await orEnter(deps, by, { id, action: 'hold.release' }, (tx) => approveIn(tx, deps, { officer, id, shown }))
  await expireRemainders(deps)
}

async function approveIn(
  tx: Tx,
  deps: HoldDeps,
  { officer, id, shown }: Parameters<typeof approveRelease>[1],
): Promise<JsonObject> {
  const hold = await lockActive(tx, id, deps.now())
  const actor = `officer:${officer}`
  if (!isAsked(hold, deps.now())) {
    throw new AppError('conflict', 'Nobody asks for its release, or did so too long ago.', {
      code: 'release-not-asked',
    })
  }
  if (hold.releaseAskedBy === actor) {
    throw new AppError('forbidden', 'You asked for it: another officer approves.', { code: 'own-request' })
  }
  if (shown === undefined || deps.officers === undefined) {
    throw new AppError('forbidden', 'Show a second factor: send assertion, or totp where you have no authenticator.', {
      code: 'factor-missing',
    })
  }
  const challenge = releaseChallenge(hold)
  const evidence = await verifyApproval(deps.officers, tx, { officer, challenge, ...shown })
  await asStatutory(tx, async () => {
    await tx.$client.query('update statutory.hold set released_by = $2, released_at = $3 where hold_id = $1', [
      id,
      actor,
      new Date(deps.now()),
    ])
    await tx.$client.query('delete from statutory.hold_person where hold_id = $1', [id])
    await tx.$client.query(
      `update statutory.record r set due = $2 from statutory.remainder m
       where m.hold_id = $1 and r.remainder_id = m.remainder_id`,
      [id, dayOf(deps.now())],
    )
  })
  const askedBy = hold.releaseAskedBy ?? ''
  return { askedBy, request: challenge.toString('base64url'), evidence: { ...evidence } as unknown as JsonObject }
}

/** One act in one transaction, its entry with it; one that is refused is entered too. */
export async function orEnter(
  deps: HoldDeps,
  by: By,
  act: { readonly id: string; readonly action: string; readonly caseId?: string },
  work: (tx: Tx) => Promise<JsonObject>,
): Promise<void> {
  try {
    await transaction(deps.db, async (tx) => {
      const more = await work(tx)
      await appendEntriesAbout(tx, deps, [entryOf(by, { ...act, outcome: 'done', more })])
    })
  } catch (error) {
    if (error instanceof AppError && (error.kind === 'conflict' || error.kind === 'forbidden')) {
      await deps.audit.append(entryOf(by, { ...act, outcome: 'refused', more: { refused: error.code } }))
    }
    throw error
  }
}
