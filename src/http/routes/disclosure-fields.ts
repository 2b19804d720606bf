import { z } from 'zod'
import { KINDS, MAX_MINUTES, MAX_READS, STATES } from '../../disclosures/state.ts'
import { caseId } from './audit-fields.ts'
import { text } from './fields.ts'

export const paramsSchema = z.strictObject({ id: z.uuid().describe('Of the request.') })

const IDENTIFIER = z.enum(['user_id', 'anonymous_id', 'email', 'phone'])
const pseudonym = z
  .string()
  .max(64)
  .regex(/^(p1\.[\w-]{4}|p2\.[\w-]{4}\.\d{1,6})\.[\w-]{22}$/, 'write a pseudonym such as p1.AAAB.…')
  .describe('As the destination knows the person. It is not kept.')
const destination = text(64).describe('Name of the destination in the policy.')

const ground = {
  caseId: caseId.describe('What it is for: stands in the audit log.'),
  reason: text(1_000).describe('In words. Sealed: it stands in no log, and goes with the person.'),
  minutes: z.int().min(1).max(MAX_MINUTES).describe('For how long, from the approval on.'),
}
const look = {
  ...ground,
  purpose: text(64).describe('One of the policy’s purposes, which the person permits or which needs no consent.'),
  reads: z.int().min(1).max(MAX_READS),
  emergency: z
    .boolean()
    .default(false)
    .describe(
      'Without approval: opens after 15 minutes, is told to the data protection officer at once, has to be reviewed.',
    ),
}

/** What may be asked for. */
export const askSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('fields'),
      identifier: z.strictObject({ type: IDENTIFIER, value: text(320) }).describe('It is not kept.'),
      fields: z.array(text(200)).min(1).max(50).describe('Field classes, and paths such as `traits.email`.'),
      ...look,
    }),
    z.strictObject({
      kind: z.literal('reidentify'),
      destination,
      pseudonym,
      types: z.array(IDENTIFIER).min(1).max(4).describe('Of the identifiers that are shown.'),
      ...look,
    }),
    z.strictObject({ kind: z.literal('translate'), destination, pseudonym, to: destination, ...look }),
    z.strictObject({
      kind: z.literal('retention-fuse'),
      plan: z
        .string()
        .regex(/^[0-9a-f]{64}$/, 'write the hash that weir retention plan printed')
        .describe('Hash of the plan; holds for one run.'),
      ...ground,
    }),
  ])
  .meta({
    id: 'DisclosureRequest',
    examples: [
      {
        kind: 'fields',
        identifier: { type: 'user_id', value: 'customer-4711' },
        fields: ['contact', 'properties.order_id'],
        purpose: 'essential',
        caseId: 'CASE-12',
        reason: 'The parcel came back twice; the carrier asks for the address.',
        reads: 1,
        minutes: 10,
      },
    ],
  })

const time = z.iso.datetime()
const officer = z.uuid().describe('An officer’s id.')

const view = {
  id: z.uuid(),
  kind: z.enum(KINDS),
  state: z.enum(STATES),
  caseId: z.string(),
  purpose: z.string(),
  fields: z.array(z.string()).optional(),
  types: z.array(z.string()).optional(),
  destination: z.string().optional(),
  to: z.string().optional(),
  plan: z.string().optional(),
  reads: z.int(),
  used: z.int(),
  minutes: z.int(),
  emergency: z.boolean(),
  askedBy: officer,
  askedAt: time,
  decision: z.enum(['approved', 'refused']).nullable(),
  decidedBy: officer.nullable(),
  decidedAt: time.nullable(),
  opensAt: time.nullable().describe('Of an emergency.'),
  expiresAt: time.nullable(),
  review: z
    .strictObject({
      outcome: z.enum(['justified', 'not-justified']).nullable(),
      by: officer.nullable(),
      at: time.nullable(),
      due: time,
      overdue: z.boolean(),
    })
    .nullable(),
}

export const disclosureSchema = z.strictObject(view).meta({ id: 'Disclosure' })

export const shownSchema = z
  .strictObject({
    ...view,
    reason: z.string().nullable().describe('Null once the person was erased.'),
    request: z.string().describe('The request as canonical JSON (RFC 8785).'),
    challenge: z.string().describe('SHA-256 of `request`, base64url: what an approval is over.'),
    options: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe(
        'For PublicKeyCredential.parseRequestOptionsFromJSON; null where the reader may not approve, or has no authenticator and sends `totp`.',
      ),
  })
  .meta({ id: 'DisclosureShown' })
