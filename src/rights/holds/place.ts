import { randomUUID } from 'node:crypto'
import { appendEntriesAbout } from '../../audit/log.ts'
import { uuidArray } from '../../db/binary-array.ts'
import { lockSubjects } from '../../db/locks.ts'
import type { Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import { AppError } from '../../errors.ts'
import type { SubjectId } from '../../event/ids.ts'
import type { By } from '../../http/audit-api.ts'
import type { HoldAsked } from '../../http/holds-api.ts'
import { withCurrentIndex } from '../../identity/stale-index.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { dayOf, daysAfter } from '../../retention/due.ts'
import { stillThere } from '../erasure/subjects.ts'
import { subjectsBehind } from '../people.ts'
import { keepUnder } from '../remainder.ts'
import { type HoldRow, insertHold } from '../statutory/hold-rows.ts'
import { asStatutory } from '../statutory/rows.ts'
import { openStored, type StoredRecord } from '../statutory/stored-content.ts'
import { actorOf, entryOf, type HoldDeps, lockActive } from './deps.ts'

/** A hold is looked at again within a year, or ends. */
const LONGEST_DAYS = 366

/**
 * Places a hold on what is held of one person, in some field classes: at once a copy is set aside, so that neither
 * retention nor a withdrawal nor an erasure takes it, and what comes later is added to it. The person keeps every other
 * right. Throws AppError not-found `nobody-known`, conflict `erasure-under-way`, invalid `hold-too-long`, `unknown-class`.
 * @returns the hold's id
 */
export async function placeHold(deps: HoldDeps, by: By, asked: HoldAsked): Promise<string> {
  const { db, keyring } = deps
  checkScope(deps, asked.scope)
  checkEnd(deps, asked.expiresOn)
  try {
    return await withCurrentIndex(keyring, () =>
      withActiveEpoch(keyring, () => transaction(db, (tx) => placeIn(tx, deps, by, asked))),
    )
  } catch (error) {
    if (error instanceof AppError && (error.kind === 'not-found' || error.kind === 'conflict')) {
      const more = { refused: error.code }
      await deps.audit.append(entryOf(by, { action: 'hold.place', caseId: asked.caseId, outcome: 'refused', more }))
    }
    throw error
  }
}

async function placeIn(tx: Tx, deps: HoldDeps, by: By, asked: HoldAsked): Promise<string> {
  const { identifier, caseId, authority, reference, scope, expiresOn } = asked
  const subjects = await subjectsBehind(tx, deps.keyring, [{ ...identifier, verified: true }])
  if (subjects.length === 0) {
    throw new AppError('not-found', 'Nobody is known by this identifier.', { code: 'nobody-known' })
  }
  await lockSubjects(tx, subjects) // an erasure of theirs sees this hold, or is seen here
  await refuseTooLate(tx, subjects)
  if ((await stillThere(tx, subjects)).length < subjects.length) throw tooLate() // erased while this waited
  const id = randomUUID()
  const hold = { id, authority, reference, scope: [...new Set(scope)].sort(), expiresOn }
  const placed = { ...hold, placedBy: actorOf(by), placedAt: new Date(deps.now()) }
  await asStatutory(tx, () => insertHold(tx, placed, subjects))
  await copyInto(tx, deps, hold, subjects)
  const about = subjects.map((subject) => ({ subject }))
  const more = { scope: hold.scope, until: expiresOn }
  await appendEntriesAbout(tx, deps, [entryOf(by, { id, action: 'hold.place', caseId, outcome: 'done', more, about })])
  return id
}

/** An erasure that has set aside what stays goes to its end: there is nothing that could be kept any more. */
async function refuseTooLate(tx: Tx, subjects: readonly SubjectId[]): Promise<void> {
  const { rows } = await tx.$client.query(
    `select from weir.request_person p join weir.request r using (request_id)
     where p.subject_id = any($1::uuid[]) and r."right" = 'erasure' and r.step is not null and r.closed_at is null limit 1`,
    [uuidArray(subjects)],
  )
  if (rows.length > 0) throw tooLate()
}

function tooLate(): AppError {
  return new AppError('conflict', 'The person is being erased at this moment.', { code: 'erasure-under-way' })
}

/** Adds to a hold's copy what is there of its scope and not in it yet. */
export async function copyInto(
  tx: Tx,
  deps: HoldDeps,
  hold: Pick<HoldRow, 'id' | 'authority' | 'scope' | 'expiresOn'>,
  subjects: readonly SubjectId[],
): Promise<void> {
  const stored: StoredRecord[] = []
  const classes = new Set(hold.scope)
  for (const subject of subjects) stored.push(...(await openStored(tx, deps, subject, { classes, detached: true })))
  await keepUnder(tx, deps, hold, { stored, language: 'zh-CN' })
}

/** Throws as placeHold. */
function checkScope({ active }: HoldDeps, scope: readonly string[]): void {
  if (scope.length > 0 && scope.every((name) => active().compiled.classes.has(name))) return
  throw new AppError('invalid', 'The scope names classes of fields, as the policy lists them.', {
    code: 'unknown-class',
  })
}

function checkEnd({ now }: HoldDeps, expiresOn: string): void {
  if (expiresOn > dayOf(now()) && expiresOn <= dayOf(daysAfter(now(), LONGEST_DAYS))) return
  throw new AppError('invalid', 'A hold ends after today and within a year: it can be extended, a year at a time.', {
    code: 'hold-too-long',
  })
}

/**
 * A hold that is needed for longer, a year from today at most. Throws AppError not-found, conflict `hold-over`, invalid
 * `hold-too-long`, `hold-too-short`.
 */
export async function extendHold(
  deps: HoldDeps,
  by: By,
  { id, expiresOn, caseId }: { readonly id: string; readonly expiresOn: string; readonly caseId: string },
): Promise<void> {
  checkEnd(deps, expiresOn)
  await transaction(deps.db, async (tx) => {
    const hold = await lockActive(tx, id, deps.now())
    if (expiresOn <= hold.expiresOn) throw shorter()
    await asStatutory(tx, async () => {
      await tx.$client.query('update statutory.hold set expires_on = $2 where hold_id = $1', [id, expiresOn])
      await tx.$client.query(
        `update statutory.record r set due = $2 from statutory.remainder m
         where m.hold_id = $1 and r.remainder_id = m.remainder_id`,
        [id, expiresOn],
      )
      await tx.$client.query('update statutory.remainder set until = $2 where hold_id = $1', [id, expiresOn])
    })
    const more = { from: hold.expiresOn, until: expiresOn }
    await appendEntriesAbout(tx, deps, [entryOf(by, { id, action: 'hold.extend', caseId, outcome: 'done', more })])
  })
}

function shorter(): AppError {
  return new AppError('invalid', 'A hold is extended to a later day. To end it sooner, two officers release it.', {
    code: 'hold-too-short',
  })
}
