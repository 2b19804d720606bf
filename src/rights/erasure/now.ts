import { randomBytes, randomUUID } from 'node:crypto'
import { transaction } from '../../db/transaction.ts'
import { AppError } from '../../errors.ts'
import { withCurrentIndex } from '../../identity/stale-index.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { putContent } from '../content.ts'
import type { RightsDeps } from '../deps.ts'
import { dueOf } from '../due.ts'
import { move } from '../move.ts'
import { makeOwnKey } from '../own-key.ts'
import { subjectsBehind } from '../people.ts'
import type { GivenIdentifier, Language, Request } from '../request.ts'
import { findRequest, insertRequest, lockRequest, setSubjects } from '../rows.ts'
import { runStep } from '../runner-step.ts'
import { nextStep } from '../step.ts'
import { type Finished, type FinishOptions, finishErasure } from './finish.ts'
import { ERASURE_STEPS } from './steps.ts'

export interface EraseNow extends FinishOptions {
  readonly identifiers: readonly GivenIdentifier[]
  /** Why: stands in the audit log. */
  readonly caseId: string
  readonly regime: string
  readonly language: Language
}

/** What an operator's erasure came to. */
export interface ErasedNow extends Finished {
  readonly request: string
}

/**
 * The operator's door: an erasure that needs no proof but a case, and skips the cooling-off alone. Every step is that of a
 * person's own request, and one that is broken off is gone on with by the gateway. Throws AppError not-found where nobody
 * is known by these identifiers, conflict `erasure-incomplete` where something was left, `erased-already` where another
 * erasure of the person was faster.
 */
export async function eraseNow(deps: RightsDeps, ask: EraseNow): Promise<ErasedNow> {
  const id = await createVerified(deps, ask)
  const request = await runErasure(deps, id)
  const finished = await finishErasure(deps, request, ask)
  if (finished === undefined) {
    const message = `erasure ${id} left something: the log says where; the gateway tries it again`
    throw new AppError('conflict', message, { code: 'erasure-incomplete' })
  }
  return { request: id, ...finished }
}

/** All steps of an erasure that is `executing`, up to the scan. */
export async function runErasure(deps: RightsDeps, id: string): Promise<Request> {
  let request = await needed(deps, id)
  for (
    let step = nextStep(ERASURE_STEPS, request.step);
    step !== undefined;
    step = nextStep(ERASURE_STEPS, request.step)
  ) {
    if (request.closedAt !== undefined) throw endedByAnother(id)
    await runStep(deps, request, step, { holdMs: HOLD_MS })
    request = await needed(deps, id)
  }
  await transaction(deps.db, async (tx) => {
    const held = await lockRequest(tx, id)
    if (held.state === 'executing')
      await move(tx, held, 'scanning', { actor: 'cli', now: deps.now(), nextAt: deps.now() + HOLD_MS })
  })
  return needed(deps, id)
}

/** Another erasure of this person was faster, and closed what it left nobody for. */
function endedByAnother(id: string): AppError {
  const message = `erasure ${id} ended: another request erased this person at the same time, and has the receipt`
  return new AppError('conflict', message, { code: 'erased-already' })
}

async function needed({ db }: RightsDeps, id: string): Promise<Request> {
  const request = await findRequest(db, id)
  if (request === undefined) throw new AppError('not-found', 'No request has this id.')
  return request
}

const HOLD_MS = 600_000 // nobody else takes it while the command is at it

async function createVerified(deps: RightsDeps, ask: EraseNow): Promise<string> {
  const { db, keyring } = deps
  const id = randomUUID()
  const now = deps.now()
  await withCurrentIndex(keyring, () =>
    withActiveEpoch(keyring, () =>
      transaction(db, async (tx) => {
        const subjects = await subjectsBehind(tx, keyring, ask.identifiers)
        if (subjects.length === 0) {
          throw new AppError('not-found', 'nobody is known by this identifier', { code: 'nobody-known' })
        }
        await makeOwnKey(tx, keyring, id)
        const due = dueOf({ right: 'erasure', regime: ask.regime, receivedAt: now })
        await insertRequest(
          tx,
          {
            id,
            right: 'erasure',
            door: 'cli',
            regime: ask.regime,
            language: ask.language,
            state: 'verified',
            receivedAt: now,
            secretHash: randomBytes(32), // nobody has the secret: the operator has the receipt
            nextAt: now + HOLD_MS,
            verifiedBy: 'operator',
            caseId: ask.caseId,
            ...due,
          },
          now,
        )
        await putContent(tx, keyring, id, 'identifiers', ask.identifiers)
        await setSubjects(tx, id, subjects)
        await move(tx, await lockRequest(tx, id), 'executing', { actor: 'cli', now, nextAt: now + HOLD_MS })
      }),
    ),
  )
  return id
}
