import { z } from 'zod'
import { CALENDARS } from '../../rights/calendars.ts'
import { EXTENSION_REASONS, REFUSAL_CODES } from '../../rights/reasons.ts'
import { REGIMES } from '../../rights/regimes.ts'
import { DOORS, PROOFS, RIGHTS, STATES } from '../../rights/request.ts'
import { caseId, cursor, limitOf } from './audit-fields.ts'
import { text } from './fields.ts'

const time = z.iso
  .datetime({ offset: true })
  .transform((iso) => Date.parse(iso))
  .refine((ms) => ms >= 0, 'write a time since 1970-01-01T00:00:00Z')

const flag = z.literal('true').optional()

export const paramsSchema = z.strictObject({ id: z.uuid().describe('Of the request.') })

export const querySchema = z.strictObject({
  right: z.enum(RIGHTS).optional().describe('Only requests for this right.'),
  state: z
    .enum(['open', 'closed', ...STATES])
    .optional()
    .describe('Only requests in this state, or all that are `open` or `closed`.'),
  regime: z.enum(REGIMES).optional().describe('Only requests under this law.'),
  overdue: flag.describe('`true`: only what is open and past our promise, or past its extension.'),
  needs_officer: flag.describe('`true`: only what waits for an officer.'),
  cursor,
  limit: limitOf(500).describe('How many at most.'),
})

export const whatIfSchema = z.strictObject({
  received_at: time.describe('When the request came, or would come.'),
  right: z.enum(RIGHTS).describe('For which right.'),
})

export const openSchema = z
  .strictObject({ caseId: caseId.describe('Stands in the audit log.') })
  .meta({ id: 'RequestOpening', examples: [{ caseId: 'CASE-12' }] })

export const refusalSchema = z
  .strictObject({
    reason: z.string().refine((code) => (REFUSAL_CODES as readonly string[]).includes(code), {
      message: 'write one of the request’s `refusable`',
    }),
    words: text(4_000)
      .optional()
      .describe('To the person, in the person’s language, beside the reason’s own text. Sealed: it stands in no log.'),
  })
  .meta({ id: 'RequestRefusal', examples: [{ reason: 'data-correct' }] })

export const extensionSchema = z
  .strictObject({
    reason: z.enum(EXTENSION_REASONS),
    until: time.optional().describe('The new end; the latest that the law allows where nothing is said.'),
  })
  .meta({ id: 'RequestExtension', examples: [{ reason: 'complex' }] })

/** For what takes no input but the request's id. */
export const nothingSchema = z.strictObject({})

const stamp = z.iso.datetime()
const maybe = stamp.nullable()

const summary = {
  id: z.uuid(),
  number: z.int(),
  right: z.enum(RIGHTS),
  door: z.enum(DOORS),
  regime: z.string(),
  language: z.enum(['zh-CN', 'en']),
  state: z.enum(STATES),
  stateAt: stamp,
  receivedAt: stamp,
  endsAt: stamp.describe('What alarms count to: the extension, else our own promise.'),
  targetAt: stamp.describe('Our own promise: 15 calendar days.'),
  legalDueAt: maybe.describe('Null where the law says no number.'),
  acknowledgeBy: maybe,
  acknowledgedAt: maybe,
  extendedUntil: maybe,
  late: z.enum(['no', 'promise', 'law']).describe('Past our promise or its extension, or past what the law gives.'),
  alarmed: z.int().describe('0, 50, 80 or 100: percent of the time, as far as was alarmed.'),
  verifiedBy: z.enum(PROOFS).nullable(),
  needsOfficer: z.boolean(),
  decision: z.enum(['accepted', 'refused']).nullable(),
  decidedBy: z.string().nullable(),
  reason: z.string().nullable(),
  caseId: z.string().nullable(),
  closedAt: maybe,
}

export const summarySchema = z.strictObject(summary).meta({ id: 'RequestSummary' })

const term = z.union([
  z.strictObject({ months: z.int() }),
  z.strictObject({ days: z.int() }),
  z.strictObject({ businessDays: z.int(), calendar: z.enum(CALENDARS) }),
  z.strictObject({ promptly: z.literal(true) }),
])

const clock = z
  .strictObject({
    id: z.string(),
    regime: z.enum(REGIMES),
    duty: z.enum(['acknowledge', 'answer']),
    force: z.enum(['law', 'guidance']),
    term,
    startsWhen: z.literal('received'),
    startsAt: stamp,
    dueAt: maybe,
    dueLocal: z.string().nullable().describe('The same as it is read in the law’s place.'),
    extensibleTo: maybe.describe('The latest that an extension can reach.'),
    extensionArticle: z.string().nullable(),
    zone: z.string(),
    article: z.string(),
    source: z.string(),
    sourceDate: z.iso.date(),
    confidence: z.enum(['text-seen', 'known', 'unsure']),
    assumption: z.string().describe('For counsel to check.'),
    calendar: z.array(z.string()).describe('Where the business days come from.'),
    unpublishedYears: z.array(z.int()).describe('Years of it whose arrangement was not known.'),
  })
  .meta({ id: 'RequestClock' })

const line = z.strictObject({
  seq: z.int(),
  at: stamp,
  actor: z.string(),
  what: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  more: z.string().nullable().describe('A code or a number.'),
})

const recipient = z.strictObject({
  recipient: z.string(),
  kind: z.string(),
  state: z.string().describe('`waiting`, `sent`, `acknowledged`, `verified-gone` or `failed`: never one “completed”.'),
  attempts: z.int(),
  failure: z.string().nullable(),
  dueAt: stamp,
  sentAt: maybe,
  acknowledgedAt: maybe,
  verifiedAt: maybe,
})

export const requestSchema = z
  .strictObject({
    ...summary,
    coolingUntil: maybe,
    liftedAt: maybe.describe('When a restriction was ended again.'),
    step: z.string().nullable().describe('The last step of the execution that is done.'),
    attempts: z.int(),
    nextAt: stamp,
    receipt: z.boolean(),
    clocks: z.array(clock),
    refusable: z.array(z.string()).describe('Reasons that its law knows for refusing it.'),
    history: z.array(line),
    recipients: z.array(recipient),
    subjects: z
      .int()
      .describe('How many users and devices it is about; 0 before that is proven and once they are erased.'),
    messages: z.strictObject({ waiting: z.int(), sent: z.int(), givenUp: z.int() }),
    proofs: z.strictObject({ sent: z.int(), used: z.int() }),
    content: z.array(z.string()).describe('Kinds of what was said that are still there, sealed.'),
    origin: z
      .strictObject({ protocol: z.string(), controller: z.string(), losses: z.array(z.string()) })
      .nullable()
      .describe('The other system that it came from, and what its protocol could not say.'),
  })
  .meta({ id: 'PersonRequest' })

const value = z.union([z.string(), z.number(), z.boolean()])

export const contentSchema = z
  .strictObject({
    changes: z
      .array(z.strictObject({ event: z.string(), path: z.string(), from: value.optional(), to: value }))
      .nullable(),
    words: z.string().nullable().describe('What was written to the person.'),
  })
  .meta({ id: 'RequestContent' })

export const whatIfAnswer = z
  .strictObject({
    right: z.enum(RIGHTS),
    receivedAt: stamp,
    regimes: z.array(
      z.strictObject({
        regime: z.enum(REGIMES),
        targetAt: stamp,
        legalDueAt: maybe,
        acknowledgeBy: maybe,
        clocks: z.array(clock),
      }),
    ),
  })
  .meta({ id: 'RequestWhatIf' })
