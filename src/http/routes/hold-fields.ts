import { z } from 'zod'
import { CASE_ID } from '../../audit/entry.ts'
import { AUTHORITY } from '../holds-api.ts'
import { caseId } from './audit-fields.ts'
import { text } from './fields.ts'

const day = z.iso.date()
const authority = text(100)
  .regex(AUTHORITY, 'write who ordered it, such as Shanghai No. 1 Court')
  .describe('Who ordered it. It names an authority, never a person.')
const reference = text(100)
  .regex(CASE_ID, 'write the number of the authority’s file, such as 2026/HU-01/1234')
  .describe('The number of the authority’s own file.')

export const placeSchema = z
  .strictObject({
    identifier: z
      .strictObject({ type: z.enum(['user_id', 'anonymous_id', 'email', 'phone']), value: text(320) })
      .describe('Whose. It is not kept.'),
    authority,
    reference,
    scope: z.array(text(64)).min(1).max(20).describe('Field classes of the policy: nothing outside of them is kept.'),
    expiresOn: day.describe('The day it ends by itself: within a year.'),
    caseId: caseId.describe('Stands in the audit log.'),
  })
  .meta({
    id: 'HoldPlacing',
    examples: [
      {
        identifier: { type: 'user_id', value: 'u-1' },
        authority: 'Shanghai No. 1 Court',
        reference: '2026/HU-01/1234',
        scope: ['order'],
        expiresOn: '2027-06-30',
        caseId: 'LEGAL-7',
      },
    ],
  })

export const extensionSchema = z
  .strictObject({
    expiresOn: day.describe('Within a year of today.'),
    caseId: caseId.describe('Stands in the audit log.'),
  })
  .meta({ id: 'HoldExtension', examples: [{ expiresOn: '2027-12-31', caseId: 'LEGAL-7' }] })

const actor = z.string().describe('`officer:<id>`, `token:<id>` or `cli`.')
const hold = {
  id: z.uuid(),
  authority: z.string(),
  reference: z.string(),
  scope: z.array(z.string()),
  state: z.enum(['active', 'released', 'expired']),
  expiresOn: day,
  placedBy: actor,
  placedAt: z.iso.datetime(),
  kept: z
    .array(z.strictObject({ class: z.string(), records: z.int() }))
    .describe('How many records of which class. Nothing of Weir reads them.'),
  releaseAsked: z
    .strictObject({ by: actor, at: z.iso.datetime() })
    .nullable()
    .describe('Who asks that it ends, while another officer can approve it.'),
  exports: z
    .array(
      z.strictObject({
        id: z.uuid(),
        caseId: z.string(),
        askedBy: actor,
        askedAt: z.iso.datetime(),
        approvedBy: actor.nullable(),
        approvedAt: z.iso.datetime().nullable(),
        usedAt: z.iso.datetime().nullable(),
        challenge: z.string().nullable().describe('What an authenticator signs to approve it; null: nothing waits.'),
      }),
    )
    .describe('Who was to be given what was kept.'),
  releasedBy: actor.nullable(),
  releasedAt: z.iso.datetime().nullable(),
}

export const holdSchema = z.strictObject(hold).meta({ id: 'Hold' })
export const shownHoldSchema = z
  .strictObject({
    ...hold,
    challenge: z.string().nullable().describe('Base64url of the SHA-256 that an authenticator signs to approve.'),
    options: z.record(z.string(), z.unknown()).nullable().describe('For navigator.credentials.get(); null: a code.'),
  })
  .meta({ id: 'ShownHold' })
