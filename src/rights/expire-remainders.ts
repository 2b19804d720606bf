import { appendEntries } from '../audit/log.ts'
import type { Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import { dayOf } from '../retention/due.ts'
import { putContent } from './content.ts'
import type { RightsDeps } from './deps.ts'
import { queueMessage } from './messages/queue.ts'
import { destroyOwnKey, makeOwnKey, ownKey } from './own-key.ts'
import { findRequest } from './rows.ts'
import { type Notice, openNotice } from './statutory/keep.ts'
import { asStatutory, dropDue, takeDue } from './statutory/rows.ts'

export type ExpireDeps = Pick<RightsDeps, 'db' | 'keyring' | 'now'>

/** What went. */
export interface Expired {
  readonly records: number
  /** Of which nothing is left: their keys are destroyed, and the people are told. */
  readonly remainders: number
}

/**
 * Takes away what is past the day that its law or its hold says. With the last record of a remainder its key goes, and
 * whom it was of is told, in the same transaction. Part of the housekeeping; may be killed anywhere.
 */
export async function expireRemainders(deps: ExpireDeps): Promise<Expired> {
  const total = { records: 0, remainders: 0 }
  for (;;) {
    const one = await withActiveEpoch(deps.keyring, () => transaction(deps.db, (tx) => expireOne(tx, deps)))
    if (one === undefined) return total
    total.records += one.records
    total.remainders += one.remainders
  }
}

async function expireOne(tx: Tx, deps: ExpireDeps): Promise<Expired | undefined> {
  const { keyring } = deps
  const today = dayOf(deps.now())
  const due = await asStatutory(tx, () => takeDue(tx, today))
  if (due === undefined) return undefined
  const { records, gone } = await asStatutory(tx, () => dropDue(tx, due.id, today))
  if (gone) {
    const keys = await ownKey(tx, keyring, due.id)
    if (keys !== undefined && due.notice !== null) await tell(tx, deps, openNotice(keys, due.id, due.notice))
    await destroyOwnKey(tx, keyring, due.id)
  }
  await appendEntries(tx, [
    {
      actor: 'weir',
      action: 'remainder.expire',
      resource: due.holdId === null ? `remainder:${due.id}` : `hold:${due.holdId}`,
      purpose: 'retention',
      outcome: 'done',
      more: { records, gone },
    },
  ])
  return { records, remainders: gone ? 1 : 0 }
}

/**
 * The request says again, until the message is sent, where the person is written to: it had forgotten that when it was
 * told of. One that is gone from the books tells nobody.
 */
async function tell(tx: Tx, { keyring, now }: ExpireDeps, { request, contact }: Notice): Promise<void> {
  if ((await findRequest(tx, request)) === undefined) return
  if ((await ownKey(tx, keyring, request)) === undefined) await makeOwnKey(tx, keyring, request)
  await putContent(tx, keyring, request, 'contact', contact)
  await queueMessage(tx, { request, template: 'remainder-gone', now: now() })
}
