import { z } from 'zod'
import { PURPOSES } from '../../event/purpose.ts'
import { text } from './fields.ts'

const RIGHTS = ['access', 'portability', 'correction', 'erasure', 'restriction', 'objection'] as const
const STATES = [
  'received',
  'identity_pending',
  'verified',
  'cooling_off',
  'executing',
  'awaiting_destinations',
  'scanning',
  'failed',
  'completed',
  'completed_partial',
  'denied',
  'cancelled',
  'expired',
] as const
const LANGUAGES = ['zh-CN', 'en'] as const

export const way = z.enum(['mail-link', 'mail-code', 'sms-code'])
const value = z.union([text(1_000), z.number(), z.boolean()], 'write a text, a number, true or false')
/** Made by the page on first use, kept where only that browser has it. */
export const browser = z.string().regex(/^[\w-]{22,128}$/, 'write at least 128 random bits as base64url')

const change = z.strictObject({
  event: text(128).describe('`identify`, or the name of a track event.'),
  path: text(200).describe('As the policy writes it: `traits.firstName`.'),
  from: value.optional().describe('Only where it says this.'),
  to: value,
})

export const requestSchema = z
  .strictObject({
    right: z.enum(RIGHTS),
    identifier: z
      .strictObject({ type: z.enum(['user_id', 'anonymous_id', 'email', 'phone']), value: text(320) })
      .describe('Whom it is about. It proves nothing by itself.'),
    subjectToken: text(4_096).optional().describe('Signed by the shop, at most five minutes ago; good once.'),
    anonymousSecret: text(256).optional().describe('Of the device that `anonymous_id` names.'),
    language: z.enum(LANGUAGES).optional().describe('Of everything that is answered and written; by Accept-Language.'),
    regime: z.enum(['PIPL', 'GDPR', 'UK-GDPR', 'CCPA', 'LGPD']).optional().describe('PIPL in Chinese, else GDPR.'),
    changes: z.array(change).min(1).max(20).optional().describe('Of a correction.'),
    purposes: z
      .array(z.enum(PURPOSES))
      .min(1)
      .max(PURPOSES.length)
      .optional()
      .describe('Of an objection; all without it.'),
    verifyBy: way.optional().describe('How the person wants to prove an address that is on file.'),
    agent: text(4_096).optional().describe('A signed mandate: somebody asks for somebody else.'),
    browser: browser.optional().describe('A random number of this browser: a link that is sent works here alone.'),
    writeKey: z.string().optional(),
  })
  .refine(
    (given) => (given.changes !== undefined) === (given.right === 'correction'),
    'a correction, and it alone, says changes',
  )
  .refine((given) => given.purposes === undefined || given.right === 'objection', 'only an objection says purposes')
  .refine(
    (given) => given.anonymousSecret === undefined || given.identifier.type === 'anonymous_id',
    'anonymousSecret goes with an identifier of the type anonymous_id',
  )
  .refine((given) => given.agent === undefined || given.subjectToken === undefined, 'send agent or subjectToken')
  .meta({ id: 'NewRequest', examples: [{ right: 'access', identifier: { type: 'email', value: 'you@mail.example' } }] })

export const createdSchema = z
  .strictObject({
    requestId: z.uuid(),
    secret: z.string().describe('Shown once. Whoever has it follows the request and takes it back.'),
  })
  .meta({ id: 'CreatedRequest' })

export const idSchema = z.strictObject({ id: z.string().max(64) })

export const proofSchema = z
  .strictObject({
    code: z.string().min(1).max(32).optional().describe('With the request’s secret.'),
    token: z.string().min(1).max(128).optional().describe('Of the link in the mail.'),
    browser: browser.optional(),
  })
  .refine((given) => (given.code === undefined) !== (given.token === undefined), 'send code or token')
  .meta({ id: 'RequestProof', examples: [{ code: 'K7M2QXWP' }] })

export const cancelSchema = z
  .strictObject({
    token: z.string().min(1).max(128).optional().describe('Of the link in the mail, instead of the secret.'),
  })
  .meta({ id: 'CancelRequest', examples: [{}] })

export const resendSchema = z
  .strictObject({ verifyBy: way.optional() })
  .meta({ id: 'ResendProof', examples: [{ verifyBy: 'mail-code' }] })

const time = z.iso.datetime().nullable()
const recipient = z.strictObject({
  recipient: z.string(),
  kind: z.string(),
  state: z.enum(['waiting', 'sent', 'acknowledged', 'verified-gone', 'failed']),
  stateText: z.string(),
  sentAt: time,
  acknowledgedAt: time,
  verifiedAt: time,
})

export const statusSchema = z
  .strictObject({
    requestId: z.uuid(),
    right: z.enum(RIGHTS),
    rightText: z.string(),
    language: z.enum(LANGUAGES),
    regime: z.string(),
    state: z.enum(STATES),
    stateText: z.string().describe('In plain words of the request’s language.'),
    proven: z.boolean().describe('Whether it is known who asks.'),
    next: z.enum(['prove', 'download', 'cancel', 'nothing']).describe('What the person can do now.'),
    nextText: z.string(),
    canCancel: z.boolean(),
    receivedAt: z.iso.datetime(),
    promisedBy: z.iso.datetime().describe('Our own promise.'),
    legalDueBy: time.describe('Null where the law says promptly.'),
    extendedUntil: time,
    coolingUntil: time.describe('Until then an erasure can be taken back.'),
    closedAt: time,
    secret: z.string().optional().describe('In place of the one before.'),
    provenBy: z.string().nullable().optional(),
    refusal: z
      .strictObject({ reason: z.string(), article: z.string(), remedy: z.string(), words: z.string().nullable() })
      .optional(),
    retained: z
      .array(z.strictObject({ class: z.string(), ground: z.string(), until: z.string(), records: z.int() }))
      .optional()
      .describe('What a law makes us keep.'),
    recipients: z.array(recipient).optional(),
    corrected: z.int().optional().describe('How many values a correction changed; 0: nothing was found.'),
    liftedAt: time.optional().describe('When a restriction was ended; null while it holds.'),
    receipt: z.string().optional().describe('JWS (RFC 7515) of an erasure.'),
    receiptSalt: z.string().nullable().optional().describe('Shows that the receipt is yours: for 30 days.'),
  })
  .meta({ id: 'RequestStatus' })

export const contactsSchema = z
  .strictObject({
    userId: z.union([text(255), z.int()], 'write a text or a whole number'),
    email: text(320).nullish().describe('As mail goes to it; null takes it off.'),
    phone: text(64).nullish().describe('With + and country; null takes it off.'),
    writeKey: z.string().optional(),
  })
  .refine((given) => given.email !== undefined || given.phone !== undefined, 'say email, phone or both')
  .meta({ id: 'Contacts', examples: [{ userId: 'u-1', email: 'you@mail.example', phone: '+8613800138000' }] })
