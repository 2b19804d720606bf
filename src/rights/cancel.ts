import { appendEntriesAbout } from '../audit/log.ts'
import type { Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import type { AskingDeps } from './asking-deps.ts'
import { askingKeys, cancelToken, same } from './asking-keys.ts'
import { forgetWhenTold, queueMessage } from './messages/queue.ts'
import { move } from './move.ts'
import { bySecret, lockKnown, notNow, requestUnknown } from './present-secret.ts'
import type { Request } from './request.ts'
import { liftRestriction } from './restrict.ts'
import { findRequest, subjectsOf } from './rows.ts'
import { isUndone } from './state.ts'

/** By its secret, by the link that every contact on file was sent, or by the system that sent it, which its door knows. */
export interface Cancelling {
  readonly id: string
  readonly by: { readonly secret: string | undefined } | { readonly token: string } | { readonly controller: string }
}

/**
 * Takes a request back, as long as nothing was done; who was restricted by it is so no longer. A second time changes
 * nothing. Throws AppError not-found, `request-state` (409) where it is too late.
 */
export async function cancelRequest(deps: AskingDeps, cancelling: Cancelling): Promise<Request> {
  const request = await withActiveEpoch(deps.keyring, () =>
    transaction(deps.db, (tx) => cancelIn(tx, deps, cancelling)),
  )
  deps.told()
  deps.committed()
  return request
}

async function cancelIn(tx: Tx, deps: AskingDeps, { id, by }: Cancelling): Promise<Request> {
  if ('secret' in by) await bySecret(tx, id, by.secret)
  const request = await lockKnown(tx, id)
  if ('token' in by && !isCancelToken(deps, id, by.token)) throw requestUnknown()
  if (request.state === 'cancelled') return request
  if (!isUndone(request.state)) throw notNow()
  const now = deps.now()
  const about = (await subjectsOf(tx, id)).map((subject) => ({ subject }))
  const actor = 'controller' in by ? 'weir' : 'person'
  const moved = await move(tx, request, 'cancelled', { actor, now, nextAt: now })
  if (about.length > 0) await liftRestriction(tx, deps, id)
  await tx.$client.query('delete from weir.request_proof where request_id = $1', [id])
  const act = {
    actor: 'weir',
    action: 'request.cancel',
    resource: `request:${id}`,
    purpose: 'rights',
    outcome: 'done',
  } as const
  await appendEntriesAbout(tx, { keyring: deps.keyring, now: () => now }, [
    { ...act, about, more: 'controller' in by ? { by: 'controller', controller: by.controller } : { by: 'person' } },
  ])
  if (about.length > 0) await queueMessage(tx, { request: id, template: 'cancelled', now })
  await forgetWhenTold(tx, deps.keyring, id)
  return moved
}

/** The right, where the link is the request's and it is past being taken back; undefined for any other. Changes nothing. */
export async function lateRight(
  deps: Pick<AskingDeps, 'db' | 'keyring'>,
  id: string,
  token: string,
): Promise<Request['right'] | undefined> {
  const request = isCancelToken(deps, id, token) ? await findRequest(deps.db, id) : undefined
  return request === undefined || request.state === 'cancelled' || isUndone(request.state) ? undefined : request.right
}

function isCancelToken({ keyring }: Pick<AskingDeps, 'keyring'>, id: string, token: string): boolean {
  return same(Buffer.from(cancelToken(askingKeys(keyring.tokenKey), id)), Buffer.from(token))
}
