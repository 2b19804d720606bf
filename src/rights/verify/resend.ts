import type { Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import { AppError } from '../../errors.ts'
import { withCurrentIndex } from '../../identity/stale-index.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import type { AskingDeps } from '../asking-deps.ts'
import { askingKeys } from '../asking-keys.ts'
import { putContent, readContent } from '../content.ts'
import { bySecret, notNow } from '../present-secret.ts'
import type { Request } from '../request.ts'
import { lockRequest } from '../rows.ts'
import { SENT_AGAIN, take } from '../throttle.ts'
import { askForProof } from './ask.ts'
import type { Way } from './levels.ts'
import { look, rulingOf } from './match.ts'

export interface Resending {
  readonly id: string
  readonly secret: string | undefined
  readonly verifyBy?: Way
}

/**
 * Asks for proof once more; what was sent before is good no more. Answers before anybody is looked for: whether there is
 * somebody to write to shows in neither the answer nor its time. Throws AppError not-found, `request-state` (409),
 * `sent-too-often` (429).
 */
export async function resendProof(deps: AskingDeps, { id, secret, verifyBy }: Resending): Promise<Request> {
  const request = await bySecret(deps.db, id, secret)
  if (request.state !== 'received' && request.state !== 'identity_pending') throw notNow()
  const wait = await take(deps.db, askingKeys(deps.keyring.tokenKey).throttle, SENT_AGAIN, [id], deps.now())
  if (wait > 0) {
    throw new AppError('overloaded', 'It was sent several times: wait as long as Retry-After says.', {
      code: 'sent-too-often',
      status: 429,
      retryAfter: Math.ceil(wait / 1000),
    })
  }
  setImmediate(() => {
    sendAgain(deps, id, verifyBy).catch((error: unknown) =>
      deps.log.error({ err: error, request: id }, 'proof could not be asked for again; the person may ask once more'),
    )
  })
  return request
}

async function sendAgain(deps: AskingDeps, id: string, verifyBy: Way | undefined): Promise<void> {
  await withCurrentIndex(deps.keyring, () =>
    withActiveEpoch(deps.keyring, () => transaction(deps.db, (tx) => sendIn(tx, deps, id, verifyBy))),
  )
  deps.told()
}

async function sendIn(tx: Tx, deps: AskingDeps, id: string, verifyBy: Way | undefined): Promise<void> {
  const request = await lockRequest(tx, id)
  if (request.state !== 'identity_pending') return // `received`: it is about to be asked for anyway
  if ((await readContent(tx, deps.keyring, id, 'identifiers')) === undefined) return // whom it named was erased
  const found = await look(tx, deps.keyring, request)
  const rule = rulingOf(request, found, found.proof)
  if (rule.met) return
  const asking = verifyBy === undefined ? found.asking : { ...found.asking, verifyBy }
  await putContent(tx, deps.keyring, id, 'asking', asking)
  await putContent(tx, deps.keyring, id, 'contact', found.contact)
  const question = { ways: rule.ways, asking, named: found.named.type, contact: found.contact, channels: deps.channels }
  await askForProof(tx, { keyring: deps.keyring, now: deps.now() }, id, question)
}
