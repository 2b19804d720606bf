import type { Db } from '../../db/pool.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { askingKeys, cancelToken, receiptToken } from '../asking-keys.ts'
import { readContent } from '../content.ts'
import { outcomeOf } from '../outcome.ts'
import { extensionReason } from '../queue-rows.ts'
import { extensionText, refusalText } from '../reasons.ts'
import type { Request } from '../request.ts'
import { findRequest } from '../rows.ts'
import { isUndone } from '../state.ts'
import { proofSentNow, tokenOf } from '../verify/proofs.ts'
import { timeWords } from '../words.ts'
import type { Channel, QueuedMessage } from './queue.ts'
import { type Facts, shortTextOf, textOf } from './texts.ts'

export interface ComposeDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly publicUrl: string
  /** What people know the shop by. */
  readonly shopName: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What is handed over to a server, and where it goes. */
export type Composed =
  | { readonly channel: 'mail'; readonly to: string; readonly subject: string; readonly text: string }
  | {
      readonly channel: 'sms'
      readonly to: string
      readonly language: Request['language']
      readonly text: string
      readonly code?: string
    }

/** Where people follow a request, and where one button proves it or takes it back: pages that do nothing when opened. */
export function linksOf(
  publicUrl: string,
  request: string,
): {
  readonly status: string
  confirm(token: string): string
  cancel(token: string): string
  receipt(token: string): string
} {
  const status = `${publicUrl}/privacy/requests/${request}`
  return {
    status,
    confirm: (token) => `${status}/confirm/${token}`,
    cancel: (token) => `${status}/cancel/${token}`,
    receipt: (token) => `${status}/receipt/${token}`,
  }
}

/**
 * What a message says, made when it is sent, and to what is on file alone. Undefined where there is nothing to say any
 * more, or nobody to say it to.
 */
export async function compose(deps: ComposeDeps, message: QueuedMessage): Promise<Composed | undefined> {
  const { db, keyring } = deps
  const request = await findRequest(db, message.request)
  const contact = (await readContent(db, keyring, message.request, 'contact')) ?? {}
  if (request === undefined) return undefined
  const where = addressOf(message, contact)
  if (where === undefined || isOutdated(message, request)) return undefined
  const facts = await factsOf(deps, request, message)
  if (facts === undefined) return undefined
  const { language } = request
  if (where.channel === 'mail')
    return { ...where, channel: 'mail', ...textOf(message.template, language, facts, deps.shopName) }
  const text = shortTextOf(message.template, language, facts, deps.shopName)
  const code = facts.proof !== undefined && 'code' in facts.proof ? { code: facts.proof.code } : {}
  return { ...where, channel: 'sms', language, text, ...code }
}

/** A message of no proof by mail goes by SMS where no address is on file: one that all contacts get has both rows. */
function addressOf(
  { channel, template, proof }: QueuedMessage,
  { mail, phone }: { readonly mail?: string; readonly phone?: string },
): { readonly channel: Channel; readonly to: string } | undefined {
  if (channel === 'sms') return phone === undefined ? undefined : { channel, to: phone }
  if (mail !== undefined) return { channel, to: mail }
  const falls = proof === undefined && template !== 'erasure-begins'
  return falls && phone !== undefined ? { channel: 'sms', to: phone } : undefined
}

/** Of two that wait the older may tell of what is over. */
function isOutdated({ template }: QueuedMessage, { state }: Request): boolean {
  if (template === 'proof') return state !== 'identity_pending'
  if (template === 'download-code') return state !== 'completed'
  if (template === 'erasure-begins') return state !== 'cooling_off'
  return template === 'received' && state === 'cancelled'
}

async function factsOf(deps: ComposeDeps, request: Request, message: QueuedMessage): Promise<Facts | undefined> {
  const { db, keyring, publicUrl, now } = deps
  const keys = askingKeys(keyring.tokenKey)
  const links = linksOf(publicUrl, request.id)
  const proof = message.proof === undefined ? undefined : await proofSentNow(db, message.proof, now())
  if ((message.template === 'proof' || message.template === 'download-code') && proof === undefined) return undefined
  const token = proof && tokenOf(keys, proof)
  const [asking, words, retained] = [
    await readContent(db, keyring, request.id, 'asking'),
    await readContent(db, keyring, request.id, 'words'),
    await readContent(db, keyring, request.id, 'manifest'),
  ]
  const { corrected } = await outcomeOf(db, request)
  const { right, reason, regime, language } = request
  const longer = message.template === 'extended' ? await extensionReason(db, request.id) : undefined
  return {
    right,
    number: request.id,
    statusUrl: links.status,
    askUrl: `${publicUrl}/privacy/ask`,
    sameBrowser: asking?.browser !== undefined,
    cancelUrl: isUndone(request.state) ? links.cancel(cancelToken(keys, request.id)) : links.status,
    canCancel: isUndone(request.state),
    answerBy: dayOf(
      request.legalDueAt === undefined ? request.targetAt : Math.min(request.targetAt, request.legalDueAt),
      language,
    ),
    partial: request.state === 'completed_partial',
    ...(request.receipt === undefined ? {} : { receiptUrl: links.receipt(receiptToken(keys, request.id)) }),
    ...(corrected === undefined ? {} : { corrected }),
    ...(proof === undefined || token === undefined
      ? {}
      : { proof: proof.way === 'mail-link' ? { link: links.confirm(token) } : { code: token } }),
    ...(asking?.agent === undefined ? {} : { agent: asking.agent }),
    ...(words === undefined ? {} : { words }),
    ...(retained === undefined ? {} : { retained }),
    ...(request.coolingUntil === undefined ? {} : { coolingUntil: timeWords(request.coolingUntil, language) }),
    ...(request.extendedUntil === undefined ? {} : { extendedUntil: dayOf(request.extendedUntil, language) }),
    ...(longer === undefined ? {} : { extension: extensionText(longer, language) }), // GDPR art. 12(3): with the reasons
    ...(reason === undefined || message.template !== 'refused'
      ? {}
      : { refusal: refusalText({ code: reason, right, regime }, language) }),
  }
}

/** The day where the person is thought to be, as `timeWords` has it. */
function dayOf(ms: number, language: Request['language']): string {
  return timeWords(ms, language).slice(0, 10)
}
