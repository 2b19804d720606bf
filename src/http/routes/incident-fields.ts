import { z } from 'zod'
import { SCOPES, WHOM } from '../../incidents/incident.ts'
import { LAWS } from '../../policy/compiled.ts'
import { caseId } from './audit-fields.ts'
import { text } from './fields.ts'

const time = z.iso
  .datetime({ offset: true })
  .transform((iso) => Date.parse(iso))
  .refine((ms) => ms >= 0, 'write a time since 1970-01-01T00:00:00Z')

export const paramsSchema = z.strictObject({ id: z.uuid().describe('Of the incident.') })
export const law = z.enum(LAWS)
export const whom = z.enum(WHOM)
const note = text(4_000).describe('In words. Sealed: it stands in no log.')

/** What happened, and since when it is known. */
export const openSchema = z
  .strictObject({
    scope: z.strictObject({
      kind: z.enum(SCOPES),
      target: text(200).describe(
        'A destination’s name, an entry of the audit log by index or resource, `class/kid` of a key, or an officer’s id.',
      ),
      from: time.optional().describe('When it began.'),
      to: time.optional().describe('When it ended.'),
    }),
    knownAt: time.optional().describe('When somebody found out: the clocks run from then. Now, where nothing is said.'),
    caseId: caseId.describe('Stands in the audit log.'),
    note: note.optional(),
    critical: z.boolean().default(false).describe('Of an operator of critical information infrastructure: 1 h, not 4.'),
    highRisk: z.boolean().default(false).describe('A high risk to people’s rights and freedoms (GDPR art. 34).'),
  })
  .meta({
    id: 'IncidentOpening',
    examples: [
      {
        scope: { kind: 'destination', target: 'attribution', from: '2026-11-20T00:00:00Z', to: '2026-11-21T00:00:00Z' },
        knownAt: '2026-11-22T08:00:00Z',
        caseId: 'INC-7',
      },
    ],
  })

/** What is added to a file. */
export const actSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('counted') }),
    z.strictObject({
      kind: z.literal('told'),
      law,
      to: whom,
      at: time.optional().describe('When; now, where nothing is said.'),
      note: note.optional(),
    }),
    z.strictObject({ kind: z.literal('note'), note }),
    z.strictObject({
      kind: z.literal('closed'),
      note: note.optional().describe('Why nobody is told, where a clock still waits. Sealed.'),
    }),
  ])
  .meta({ id: 'IncidentAct' })

const stamp = z.iso.datetime()
const sums = z.record(z.string(), z.int())
const group = z.strictObject({ people: z.int(), classes: sums })

const counts = z
  .strictObject({
    people: z.int().describe('A user and the devices that are confirmed theirs are one.'),
    subjects: z.int(),
    classes: sums.describe('People by field class.'),
    places: z.record(z.string(), group).describe('By the country of a phone number on file; `unknown` without one.'),
    laws: z.record(z.string(), z.strictObject({ known: z.int(), unknown: z.int() })),
    records: z.int().describe('Log rows, or entries of the audit log.'),
    erased: z.strictObject({ people: z.int().nullable(), records: z.int() }),
    actions: z.record(z.string(), z.strictObject({ entries: z.int(), people: z.int() })).optional(),
    officers: z.int().optional(),
    recordsSince: stamp.nullable(),
  })
  .meta({ id: 'IncidentCounts' })

const summary = {
  id: z.uuid(),
  number: z.int(),
  state: z.enum(['open', 'closed']),
  caseId: z.string(),
  scope: z.strictObject({
    kind: z.enum(SCOPES),
    target: z.string(),
    from: stamp.nullable(),
    to: stamp.nullable(),
  }),
  knownAt: stamp,
  critical: z.boolean(),
  highRisk: z.boolean(),
  openedBy: z.string(),
  openedAt: stamp,
  closedAt: stamp.nullable(),
  keptUntil: stamp.nullable(),
  people: z.int(),
  nextDue: stamp.nullable(),
}

export const summarySchema = z.strictObject(summary).meta({ id: 'IncidentSummary' })

const clock = z
  .strictObject({
    id: z.string(),
    law,
    jurisdiction: z.string(),
    whom,
    authority: z.string(),
    term: z.record(z.string(), z.union([z.int(), z.literal(true)])).describe('`hours`, `days` or `atOnce`.'),
    applies: z.enum(['yes', 'to-check', 'no']),
    condition: z.string(),
    threshold: z.int().nullable(),
    startsAt: stamp.nullable(),
    dueAt: stamp.nullable(),
    dueLocal: z.string().nullable().describe('The same as it is read in the law’s place.'),
    zone: z.string(),
    toldAt: stamp.nullable(),
    state: z.enum(['running', 'warned', 'met', 'missed']),
    warnedAt: z.int().nullable().describe('50 or 80, percent of its time.'),
    article: z.string(),
    source: z.string(),
    sourceDate: z.iso.date(),
    confidence: z.enum(['read', 'unread']),
    assumption: z.string().describe('For counsel to check.'),
  })
  .meta({ id: 'IncidentClock' })

const event = z.strictObject({
  seq: z.int(),
  at: stamp,
  by: z.string(),
  kind: z.enum(['opened', 'counted', 'told', 'note', 'closed']),
  law: law.optional(),
  to: whom.optional(),
  toldAt: stamp.optional(),
  counts: counts.optional(),
  note: z.string().optional(),
})

export const incidentSchema = z
  .strictObject({ ...summary, counts, clocks: z.array(clock), timeline: z.array(event) })
  .meta({ id: 'Incident' })
