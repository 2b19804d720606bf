import { z } from 'zod'
import { CASE_ID } from '../../audit/entry.ts'
import { text } from './fields.ts'

const time = z.iso
  .datetime({ offset: true })
  .transform((iso) => Date.parse(iso))
  .refine((ms) => ms >= 0, 'write a time since 1970-01-01T00:00:00Z')
  .optional()

export const from = time.describe('Not before this time, such as `2026-01-31T12:00:00Z`.')
export const to = time.describe('Before this time.')

export const cursor = z
  .string()
  .regex(/^\d{1,18}$/, 'write the `next` of an earlier answer')
  .optional()
  .describe('Where to go on: the `next` of the page before.')

export const next = z.string().nullable().describe('The cursor of the next page.')

export const limitOf = (max: number) => z.coerce.number().int().min(1).max(max).default(Math.min(max, 100))

export const caseId = text(100).regex(CASE_ID, 'write a number, with letters around it if need be, such as CASE-12')

/** What narrows a look at the log. */
export const filter = {
  action: z
    .string()
    .regex(/^[a-z][a-z.-]{0,63}$/, 'write an action such as consent.read')
    .optional()
    .describe('Only this action, such as `decision.read` or `consent.read`.'),
  actor: text(100)
    .optional()
    .describe('Only this actor: `officer:<id>`, `token:<id>`, `source:<id>`, `cli` or `weir`.'),
  resource: text(200).optional().describe('Only this resource, such as `totals:2026-01-01/2026-01-31`.'),
  caseId: caseId.optional().describe('Only entries of this case.'),
  without: z
    .literal('intake.decide')
    .optional()
    .describe('Leaves out what is entered for each group of events: most of the log.'),
  from,
  to,
}

export const entry = z
  .strictObject({
    index: z.int(),
    at: z.iso.datetime(),
    actor: z.string().describe('`officer:<id>`, `token:<id>`, `source:<id>`, `cli` or `weir`.'),
    action: z.string(),
    resource: z.string().describe('A kind and a reference, never a value.'),
    purpose: z.string(),
    caseId: z.string().nullable(),
    outcome: z.enum(['released', 'refused', 'done']),
    more: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('Further members of the entry’s body: keyed tags of people, commitments, numbers, approvals.'),
  })
  .meta({ id: 'AuditEntry' })

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Without what was not given. */
export function present<T extends object>(given: T): Present<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Present<T>
}
