import { z } from 'zod'
import type { JsonObject } from '../../event/event.ts'

/** Name of what a person gets of everything held of them; raised where a reader of the last one would be misled. */
export const ACCESS_SCHEMA = 'weir-access-1'
/** The same of what the person provided, for another service to take in (GDPR art. 20, PIPL art. 45). */
export const PORTABILITY_SCHEMA = 'weir-portability-1'

const time = z.iso.datetime().describe('UTC, ISO 8601.')
const day = z.iso.date().describe('UTC.')
const count = z.int().nonnegative()
const ref = z
  .string()
  .regex(/^(user|device)-\d+$/)
  .describe('One of `you.records`.')
const purposes = z.array(z.string())
const anything = z.record(z.string(), z.json())

const identifier = z.strictObject({
  of: ref,
  type: z.enum(['user_id', 'anonymous_id', 'email', 'phone']),
  value: z.string().nullable().describe('As it is kept; null where it does not open.'),
})

const record = z.strictObject({
  ref,
  kind: z.enum(['user', 'device']),
  since: day,
  seen: day,
  restrictedSince: time.nullable().describe('Kept and used for nothing since then.'),
})

const fieldClass = z.strictObject({
  class: z.string(),
  records: count.describe('Sealed records of this class; 0 is said too.'),
  restricted: count.describe('Of these, kept because a law says so and used for nothing.'),
  keptDays: z.int().nullable().describe('By the policy in force; null of a class that it does not have any more.'),
  statutoryDays: z.int().nullable(),
  law: z.string().nullable(),
  firstEnds: day.nullable().describe('When the first of these records is deleted.'),
  lastEnds: day.nullable(),
})

const store = z.strictObject({
  store: z.string().describe('`weir.<table>`, `module:<name>`, `statutory.<table>`.'),
  rows: count,
  en: z.string(),
  'zh-CN': z.string(),
  listedIn: z
    .string()
    .nullable()
    .describe('Member of this document with what is in it; null where there is nothing to read.'),
})

const choice = z.strictObject({
  of: ref,
  at: time,
  claimedAt: time.describe('When it was chosen, by the clock of who told it.'),
  recordId: z.string(),
  consentEpoch: z.int(),
  askedGranted: purposes,
  askedRefused: purposes,
  granted: purposes.describe('What held afterwards.'),
  refused: purposes,
  evidence: z.string(),
  proof: z.string(),
  source: z.string(),
  policyVersion: z.int(),
  notice: z.string().nullable().describe('SHA-256, hex, of the token of the text that was shown.'),
})

const link = z.strictObject({
  device: ref.nullable(),
  user: ref.nullable().describe('Null: it is not known to be yours.'),
  state: z.enum(['claimed', 'confirmed']),
  since: time,
  source: z.string(),
  confirmedAt: time.nullable(),
  endedAt: time.nullable(),
})

const clause = z.strictObject({ clause: z.string(), says: z.string() })

const route = z.strictObject({
  destination: z.string(),
  purpose: z.string(),
  basis: z.string(),
  permitted: z.boolean(),
  erasedSince: z.boolean().describe('Permitted then, and taken back since.'),
  clauses: z.array(clause),
  fields: z.array(z.string()).describe('What may pass, or would.'),
})

const decision = z.strictObject({
  outcome: z.enum(['permitted', 'refused']),
  reason: z.string().nullable(),
  policyVersion: z.int(),
  consentEpoch: z.int().nullable(),
  routes: z.array(route),
  removed: z.array(z.string()).describe('Fields that came with it and were not kept.'),
  unclassified: count.describe('Fields that nobody has classified: kept sealed, handed to nobody.'),
})

const kept = z.strictObject({
  class: z.string(),
  until: day.describe('Deleted on this day at the latest.'),
  restricted: z.boolean().describe('Past its use: kept because a law says so.'),
  unreadable: z.boolean(),
})

const event = z.strictObject({
  of: ref,
  kind: z.enum(['event', 'link', 'unlink']),
  at: time.describe('When it happened; where nothing of it is left, when it came.'),
  receivedAt: time,
  event: z.string(),
  source: z.string(),
  fields: z.record(z.string(), anything).describe('By class.'),
  kept: z.array(kept),
  withheld: z.array(z.string()).describe('Fields that are kept and not shown here, with why: `path: reason`.'),
  decision: decision.nullable(),
})

const moduleHeld = z.strictObject({
  module: z.string(),
  purpose: z.string(),
  rows: z.record(z.string(), count),
})

const moduleRecord = z.strictObject({ module: z.string(), table: z.string(), values: anything })

const recipient = z.strictObject({
  of: ref,
  recipient: z.string(),
  identifierForm: z.string(),
  identifier: z.string(),
  fields: z.array(z.string()),
  first: time,
  last: time,
  consentRecords: z.array(z.string()),
})

const access = z.strictObject({
  at: time,
  by: z.string().describe('`officer`, `token`, `service`, `source`, `cli` or `weir`: never who.'),
  action: z.string(),
  purpose: z.string(),
  outcome: z.string(),
})

const disclosure = z.strictObject({
  askedAt: time,
  kind: z.string(),
  purpose: z.string(),
  wanted: z.array(z.string()),
  emergency: z.boolean(),
  decision: z.string().nullable(),
  reads: count.describe('How often it was read.'),
})

const request = z.strictObject({
  id: z.string(),
  right: z.string(),
  door: z.string(),
  regime: z.string(),
  state: z.string(),
  receivedAt: time,
  legalDueAt: time.nullable(),
  verifiedBy: z.string().nullable(),
  reason: z.string().nullable(),
  closedAt: time.nullable(),
  history: z.array(z.strictObject({ at: time, what: z.string(), by: z.string(), more: z.string().nullable() })),
  said: anything.describe('What it asks for and what was answered, as long as it is kept.'),
})

const hold = z.strictObject({
  authority: z.string(),
  classes: z.array(z.string()),
  placedAt: time,
  until: day,
})

const head = {
  from: z.string().describe('Who made this: the gateway’s address.'),
  madeAt: time,
  requestId: z.string().nullable(),
}

/** Everything that is held of a person, store by store. */
export const accessDocument = z.strictObject({
  schema: z.literal(ACCESS_SCHEMA),
  ...head,
  you: z.strictObject({ identifiers: z.array(identifier), records: z.array(record) }),
  purposes: z.array(
    z.strictObject({
      purpose: z.string(),
      basis: z.string(),
      choice: z.enum(['granted', 'refused', 'none']).describe('Yours; where the basis is not consent none is needed.'),
    }),
  ),
  completeness: z.strictObject({
    en: z.string(),
    'zh-CN': z.string(),
    classes: z.array(fieldClass),
    stores: z.array(store),
  }),
  links: z.array(link),
  consent: z.array(choice),
  modules: z.array(moduleHeld),
  recipients: z.array(recipient),
  disclosures: z.array(disclosure),
  requests: z.array(request),
  holds: z.array(hold),
  struckTags: z.array(z.strictObject({ of: ref, tag: z.string().nullable(), at: time })),
  waiting: z
    .array(z.strictObject({ of: ref, destination: z.string(), what: z.enum(['delivery', 'erasure']), since: time }))
    .describe('What is still to be handed over again, or to be taken back, there.'),
  earlierErasures: count.describe('Identifiers of yours that were erased before: a keyed mark alone is left of each.'),
  events: z.array(event),
  moduleRecords: z.array(moduleRecord),
  accesses: z.array(access),
})
export type AccessDocument = z.infer<typeof accessDocument>

/** The members that grow with what a person did; all others are small. */
export type LongMember = 'events' | 'moduleRecords' | 'accesses'
export type AccessHead = Omit<AccessDocument, LongMember>
export type AccessEvent = AccessDocument['events'][number]
export type ModuleRecord = AccessDocument['moduleRecords'][number]
export type OwnAccess = AccessDocument['accesses'][number]

const provided = event.pick({ at: true, event: true, source: true, fields: true })

/** What the person provided, knowingly or by using the shop; nothing that was inferred. */
export const portabilityDocument = z.strictObject({
  schema: z.literal(PORTABILITY_SCHEMA),
  ...head,
  identifiers: z.array(identifier.omit({ of: true })),
  consent: z.array(choice.pick({ at: true, askedGranted: true, askedRefused: true })),
  events: z.array(provided),
})
export type PortabilityDocument = z.infer<typeof portabilityDocument>
export type ProvidedEvent = PortabilityDocument['events'][number]

/** Published schemas by the name of their file: JSON Schema 2020-12. */
export const PUBLISHED: Readonly<Record<'access-1.json' | 'portability-1.json', JsonObject>> = {
  'access-1.json': published(accessDocument, ACCESS_SCHEMA),
  'portability-1.json': published(portabilityDocument, PORTABILITY_SCHEMA),
}

function published(schema: z.ZodType, name: string): JsonObject {
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12' })
  return { $schema, $id: `urn:weir:schema:${name}`, ...rest } as unknown as JsonObject
}
