import type { Tx } from '../../db/pool.ts'
import type { Contacts } from '../../identity/contacts.ts'
import { normalise } from '../../identity/normalise.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { askingKeys } from '../asking-keys.ts'
import { queueMessage } from '../messages/queue.ts'
import type { Asking, GivenIdentifier } from '../request.ts'
import { SENT_TO, SENT_TO_A_DAY, take } from '../throttle.ts'
import type { Way } from './levels.ts'
import { makeProof } from './proofs.ts'

/** By what people can be reached at all: a mail server, an SMS provider. */
export interface Channels {
  readonly mail: boolean
  readonly sms: boolean
}

export interface WayQuestion {
  readonly ways: readonly Way[]
  readonly asking: Asking
  readonly named: GivenIdentifier['type']
  readonly contact: Contacts
  readonly channels: Channels
}

/**
 * How to ask for proof: as the person wished where that can be, else by what there is. A link works in the browser that
 * asked; where none said who it is, a code is typed where it was asked for. Undefined where nobody can be reached.
 */
export function wayOf({ ways, asking, named, contact, channels }: WayQuestion): Way | undefined {
  const mail: readonly Way[] = asking.browser === undefined ? ['mail-code', 'mail-link'] : ['mail-link', 'mail-code']
  const usual: readonly Way[] = named === 'phone' ? ['sms-code', ...mail] : [...mail, 'sms-code']
  const order = asking.verifyBy === undefined ? usual : [asking.verifyBy, ...usual]
  return order.find((way) => {
    if (!ways.includes(way)) return false
    return way === 'sms-code'
      ? channels.sms && contact.phone !== undefined
      : channels.mail && contact.mail !== undefined
  })
}

/**
 * Makes a link or a code and queues it, to what is on file and nowhere else. Nothing where nobody can be reached, and
 * where this address or number was sent so many lately: whoever asks is not told which.
 */
export async function askForProof(
  tx: Tx,
  { keyring, now }: { readonly keyring: Keyring; readonly now: number },
  request: string,
  question: WayQuestion,
): Promise<void> {
  const way = wayOf(question)
  if (way === undefined) return
  const keys = askingKeys(keyring.tokenKey)
  const { mail, phone } = question.contact
  const [type, address] = way === 'sms-code' ? (['phone', phone!] as const) : (['email', mail!] as const)
  const normal = normalise(type, address)
  const whose = [type, normal.ok ? normal.value : address]
  const waits = [
    await take(tx, keys.throttle, SENT_TO, whose, now),
    await take(tx, keys.throttle, SENT_TO_A_DAY, whose, now),
  ]
  if (waits.some((wait) => wait > 0)) return
  const { browser } = question.asking
  const bound = browser === undefined ? undefined : Buffer.from(browser, 'base64url')
  const proof = await makeProof(tx, keys, { request, way, browser: bound, now })
  await queueMessage(tx, { request, template: 'proof', now, channel: way === 'sms-code' ? 'sms' : 'mail', proof })
}
