import { hash, randomBytes, randomUUID } from 'node:crypto'
import { AppError } from '../../errors.ts'
import { contactsOf } from '../../identity/contacts.ts'
import { normalise } from '../../identity/normalise.ts'
import { present } from '../../identity/present.ts'
import { withCurrentIndex } from '../../identity/stale-index.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { askingKeys, same } from '../../rights/asking-keys.ts'
import { askedTooOften, useOnce } from '../../rights/create.ts'
import type { Language } from '../../rights/request.ts'
import { ASKED_FROM, SENT_TO, SENT_TO_A_DAY, TRIED, TRIED_FOR, TRIED_FROM, take } from '../../rights/throttle.ts'
import { readCode, tokenOf } from '../../rights/verify/proofs.ts'
import type { PrivacyDeps } from '../deps.ts'
import { codeMail, codeText } from '../sign-in-message.ts'
import type { Visit, Who } from '../visit.ts'
import { indexOf, nodeOf } from './person.ts'

export type Asked = NonNullable<Visit['asked']>

const CODE_MS = 15 * 60_000

interface AskingForCode {
  readonly address: string
  readonly language: Language
  readonly addressPrefix: string
}

/**
 * Sends a code to an address or number, where it is on file of somebody. Answers before anybody is looked for, and the same
 * either way. Throws AppError `bad-identifier`, `asked-too-often` (429).
 */
export async function askForCode(
  deps: PrivacyDeps,
  { address, language, addressPrefix }: AskingForCode,
): Promise<Asked> {
  const now = deps.now()
  const { throttle } = askingKeys(deps.keyring.tokenKey)
  const type = address.includes('@') ? 'email' : 'phone'
  const presented = present(deps.keyring, type, address)
  if (presented === undefined)
    throw new AppError('invalid', 'This is no address or number.', { code: 'bad-identifier' })
  const wait = await take(deps.db, throttle, ASKED_FROM, [addressPrefix], now)
  if (wait > 0) throw askedTooOften(wait)
  const asked: Asked = {
    id: randomBytes(16).toString('base64url'),
    type,
    keys: indexOf(presented),
    until: now + CODE_MS,
  }
  setImmediate(() => {
    send(deps, asked, language).catch((error: unknown) =>
      deps.log.error({ err: error }, 'a code to sign in could not be sent; the person may ask once more'),
    )
  })
  return asked
}

/** To what is on file, never to what was typed. */
async function send(deps: PrivacyDeps, asked: Asked, language: Language): Promise<void> {
  const { db, keyring } = deps
  const node = await withCurrentIndex(keyring, () => nodeOf(db, asked))
  if (node?.kind !== 'user') return
  const contact = await withActiveEpoch(keyring, () => contactsOf(db, keyring, node.subject))
  const to = asked.type === 'email' ? contact.mail : contact.phone
  if (to === undefined) return
  const now = deps.now()
  const { throttle } = askingKeys(keyring.tokenKey)
  const normal = normalise(asked.type, to)
  const whose = [asked.type, normal.ok ? normal.value : to]
  const waits = [await take(db, throttle, SENT_TO, whose, now), await take(db, throttle, SENT_TO_A_DAY, whose, now)]
  if (waits.some((wait) => wait > 0)) return
  const code = codeOf(deps, asked)
  const id = randomUUID()
  if (asked.type === 'email') await deps.mailer?.send({ id, to, ...codeMail(code, language, deps.shopName) })
  else await deps.sms?.send({ id, to, language, text: codeText(code, language, deps.shopName), code })
}

/** Made from what the visit holds, so that it lies nowhere. */
function codeOf({ keyring }: PrivacyDeps, { id, type }: Asked): string {
  return tokenOf(askingKeys(keyring.tokenKey), {
    id: `sign-in ${id}`,
    way: type === 'email' ? 'mail-code' : 'sms-code',
  })
}

/**
 * Whom a code proves. Five tries a code, so many for an address whoever tries, each code once. Throws AppError `code-wrong`
 * (403), `too-many-tries` (429).
 */
export async function proveCode(
  deps: PrivacyDeps,
  asked: Asked,
  { code, addressPrefix }: { readonly code: string; readonly addressPrefix: string },
): Promise<Who> {
  const { db, keyring } = deps
  const now = deps.now()
  const { throttle } = askingKeys(keyring.tokenKey)
  const whose = [asked.type, asked.keys[0]?.[2] ?? '']
  const waits = [
    await take(db, throttle, TRIED, [`sign-in ${asked.id}`], now),
    await take(db, throttle, TRIED_FROM, [addressPrefix], now),
  ]
  const wait = Math.max(...waits)
  if (wait > 0) throw tooMany(wait)
  const tooManyForThem = (await take(db, throttle, TRIED_FOR, whose, now)) > 0
  const right = same(Buffer.from(readCode(code)), Buffer.from(codeOf(deps, asked)))
  if (!right || tooManyForThem || now > asked.until) throw codeWrong()
  await useOnce(db, { once: hashed(asked.id), expiresAt: asked.until }).catch((error: unknown) => {
    throw error instanceof AppError ? codeWrong() : error
  })
  const { type, keys } = asked
  return { type, keys, proof: type === 'email' ? 'mail-code' : 'sms-code', provedAt: now, stale: false }
}

function hashed(id: string): Buffer {
  return hash('sha256', `sign-in ${id}`, 'buffer')
}

function codeWrong(): AppError {
  return new AppError('forbidden', 'The code does not hold: it is wrong, used, or too old.', { code: 'code-wrong' })
}

function tooMany(wait: number): AppError {
  return new AppError('overloaded', 'Too many codes were tried: wait, or ask for another.', {
    code: 'too-many-tries',
    status: 429,
    retryAfter: Math.ceil(wait / 1000),
  })
}
