import type { Db, Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import { AppError } from '../../errors.ts'
import type { SubjectId } from '../../event/ids.ts'
import { type Contacts, contactsOf } from '../../identity/contacts.ts'
import { normalise } from '../../identity/normalise.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { askingKeys } from '../asking-keys.ts'
import { putContent } from '../content.ts'
import { queueMessage } from '../messages/queue.ts'
import { lockRequest, subjectsOf } from '../rows.ts'
import { type Budget, SENT_TO, SENT_TO_A_DAY, take } from '../throttle.ts'
import { makeProof } from '../verify/proofs.ts'

/** Codes for the downloads of one request. */
const DOWNLOAD_CODES: Budget = { name: 'download-codes', limit: 6, ms: 86_400_000 }

/**
 * Sends a code to what is on file of the person now: by mail, or by SMS where there is no address. Nothing where there is
 * neither, or where it was sent so many lately; who asks is not told which. Throws AppError `sent-too-often` (429).
 */
export async function sendDownloadCode(
  { db, keyring }: { readonly db: Db; readonly keyring: Keyring },
  request: string,
  now: number,
): Promise<void> {
  const { throttle } = askingKeys(keyring.tokenKey)
  const wait = await take(db, throttle, DOWNLOAD_CODES, [request], now)
  if (wait > 0) {
    throw new AppError('overloaded', 'It was sent several times: wait as long as Retry-After says.', {
      code: 'sent-too-often',
      status: 429,
      retryAfter: Math.ceil(wait / 1000),
    })
  }
  await withActiveEpoch(keyring, () => transaction(db, (tx) => sendIn(tx, keyring, request, now)))
}

async function sendIn(tx: Tx, keyring: Keyring, request: string, now: number): Promise<void> {
  await lockRequest(tx, request)
  const contact = await contactOf(tx, keyring, await subjectsOf(tx, request))
  const [type, address] =
    contact.mail === undefined ? (['phone', contact.phone] as const) : (['email', contact.mail] as const)
  if (address === undefined) return
  const keys = askingKeys(keyring.tokenKey)
  const normal = normalise(type, address)
  const whose = [type, normal.ok ? normal.value : address]
  const waits = [
    await take(tx, keys.throttle, SENT_TO, whose, now),
    await take(tx, keys.throttle, SENT_TO_A_DAY, whose, now),
  ]
  if (waits.some((wait) => wait > 0)) return
  const way = type === 'phone' ? 'sms-code' : 'mail-code'
  await putContent(tx, keyring, request, 'contact', contact)
  const proof = await makeProof(tx, keys, { request, way, browser: undefined, now })
  await queueMessage(tx, { request, template: 'download-code', now, channel: type === 'phone' ? 'sms' : 'mail', proof })
}

/** Of the user among them: a device has none. */
async function contactOf(tx: Tx, keyring: Keyring, subjects: readonly SubjectId[]): Promise<Contacts> {
  for (const subject of subjects) {
    const found = await contactsOf(tx, keyring, subject)
    if (found.mail !== undefined || found.phone !== undefined) return found
  }
  return {}
}
