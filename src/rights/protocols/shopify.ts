import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { normalise } from '../../identity/normalise.ts'
import type { GivenIdentifier } from '../request.ts'
import type { Incoming, Loss } from './door.ts'

/** Shopify's compliance webhooks: mandatory for its apps, one way, answered at once and done within 30 days. */
export const SHOPIFY_TOPICS = ['customers/data_request', 'customers/redact', 'shop/redact'] as const
export type ShopifyTopic = (typeof SHOPIFY_TOPICS)[number]

/** How a shop's user ids come from Shopify's customer numbers. */
export type UserIdForm = 'plain' | 'prefixed'

/** Whether the raw body was signed with the app's secret: base64 of HMAC-SHA-256, compared in constant time. */
export function isFromShopify(secret: string, signature: string | undefined, raw: Uint8Array): boolean {
  const given = Buffer.from(signature ?? '', 'base64')
  const wanted = createHmac('sha256', secret).update(raw).digest()
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

const number = z.union([z.int().min(0), z.string().regex(/^\d{1,20}$/)]).transform(String)
// What Shopify adds to its bodies is none of ours: unknown members are left out.
const Shop = z.object({ shop_id: number, shop_domain: z.string().max(255) })
const Customer = z.object({
  id: number.nullish(),
  email: z.string().max(320).nullish(),
  phone: z.string().max(64).nullish(),
})
const OfCustomer = Shop.extend({ customer: Customer })
// The signature covers the body alone. One of another topic, sent here, is none of this one's: a copy asked for erases nobody.
const none = z.never().optional()
const DataRequest = OfCustomer.extend({ data_request: z.object({ id: number }).optional(), orders_to_redact: none })
const Redact = OfCustomer.extend({ data_request: none, orders_requested: none })
const ShopRedact = Shop.extend({ customer: none })

export interface ShopifyContext {
  readonly controller: string
  readonly userIds: UserIdForm
  /** X-Shopify-Webhook-Id: the same each time that one message is sent. */
  readonly webhookId: string | undefined
  /** Milliseconds since 1970. */
  readonly now: number
}

/** What a signed body says, its identifiers not yet held against what is known here; undefined where it cannot be read. */
export function parseShopify(topic: ShopifyTopic, raw: Buffer, context: ShopifyContext): Incoming | undefined {
  const document = parsed(raw)
  const base = {
    protocol: 'shopify',
    controller: context.controller,
    foreignId: foreignIdOf(topic, raw, context.webhookId),
    regime: 'GDPR', // Shopify asks for 30 days whatever the law: the strictest of those that give a number
    language: 'en',
    receivedAt: context.now, // its bodies have no time
    callbackUrls: [],
  } as const
  if (topic === 'shop/redact') {
    if (!ShopRedact.safeParse(document).success) return undefined
    const losses: Loss[] = ['regime', 'language', 'whole-shop']
    return { ...base, right: 'erasure', identifiers: [], losses, byOfficer: true }
  }
  const read = (topic === 'customers/redact' ? Redact : DataRequest).safeParse(document)
  if (!read.success) return undefined
  const { identifiers, losses } = identifiersOf(read.data.customer, context.userIds)
  const access = topic === 'customers/data_request'
  return {
    ...base,
    right: access ? 'access' : 'erasure',
    identifiers,
    losses: ['regime', 'language', ...losses, ...(access ? (['results-by-officer'] as const) : [])],
    byOfficer: identifiers.length === 0,
  }
}

/** A message that is sent again is the same; the same customer asked for once more, later, is not. */
function foreignIdOf(topic: ShopifyTopic, raw: Buffer, webhookId: string | undefined): string {
  return `${topic} ${webhookId ?? ''} ${createHash('sha256').update(raw).digest('hex')}`
}

function identifiersOf(
  { id, email, phone }: z.infer<typeof Customer>,
  userIds: UserIdForm,
): { readonly identifiers: readonly GivenIdentifier[]; readonly losses: readonly Loss[] } {
  const given = [
    ['user_id', id == null ? undefined : userIds === 'prefixed' ? `shopify:${id}` : id],
    ['email', email ?? undefined],
    ['phone', phone ?? undefined],
  ] as const
  const identifiers: GivenIdentifier[] = []
  const losses: Loss[] = []
  for (const [type, value] of given) {
    if (value === undefined || value === '') continue
    if (normalise(type, value).ok) identifiers.push({ type, value, verified: false })
    else losses.push('identity-unreadable')
  }
  return { identifiers, losses }
}

/**
 * Which of a customer's identifiers are reached. A customer types an e-mail address and a phone number in, and may type
 * another person's: so the strongest one that is known here is the person (the number of the customer, then the address,
 * then the phone), and one that is known beside it is a hint, for an officer where it leads to somebody else.
 */
export function strongestOf(incoming: Incoming, isKnown: (one: GivenIdentifier) => boolean): Incoming {
  const known = incoming.identifiers.filter(isKnown)
  const strongest = known[0] ?? incoming.identifiers[0]
  if (strongest === undefined) return incoming
  const hints = known.filter((one) => one !== strongest)
  return {
    ...incoming,
    identifiers: [{ ...strongest, verified: true }, ...hints],
    losses: [...incoming.losses, ...(hints.length > 0 ? (['identity-hint'] as const) : [])],
  }
}

function parsed(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString('utf8'))
  } catch {
    return undefined
  }
}
