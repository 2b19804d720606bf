import { z } from 'zod'
import { PURPOSES } from '../event/purpose.ts'
import { LAWS, TOKEN_KINDS } from './compiled.ts'
import type { YamlTree } from './yaml.ts'

/**
 * The shape of a policy text. Each schema's error is what to write there; what is wrong, and where, is added by
 * read.ts. What the shape cannot say (laws, references between sections) is proved in prove-*.ts.
 */

const entries = <Shape extends z.core.$ZodLooseShape>(fix: string, shape: Shape): z.ZodObject<Shape, z.core.$strict> =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `take it out; known here: ${Object.keys(shape).join(', ')}` : fix,
  })
const text = (fix: string, max = 200): z.ZodString => z.string(fix).min(1, fix).max(max, fix)
const oneOf = <const Names extends readonly string[]>(names: Names): z.ZodEnum<z.core.util.ToEnum<Names[number]>> =>
  z.enum(names, `write one of ${names.join(', ')}`)
const days = (fix: string, max = 36_500): z.ZodNumber => z.int(fix).min(1, fix).max(max, fix)
const flag = z.boolean('write true or false')
const reference = text('write the reference of the document, for instance PIA-31')

/** Names become part of table names and of keys. */
const NAME = /^[a-z][a-z0-9_]{0,30}$/
const nameFix = 'write a name of lower-case letters, digits and _, at most 31, starting with a letter'
const name = z.string(nameFix).regex(NAME, nameFix)

const sentence = text('write in a sentence what the data is used for', 500)

export const BASES = ['consent', 'contract', 'legal-duty', 'legitimate-interest'] as const

const purpose = entries('write `{basis: consent}` and what else holds for the purpose', {
  // Read as well, so that the law can say why not; never proposed.
  basis: z.enum(BASES, `write one of ${BASES.filter((basis) => basis !== 'legitimate-interest').join(', ')}`),
  /** What people are told that it is for: in one language for all, or in each. */
  means: z
    .union(
      [sentence, entries('write `{zh-CN: …, en: …}`', { 'zh-CN': sentence.optional(), en: sentence.optional() })],
      'write in a sentence what the data is used for, or `{zh-CN: …, en: …}`',
    )
    .optional(),
  /** Sec-GPC: 1 refuses it. */
  gpc: flag.optional(),
  categories: z
    .array(text('write the name of a consent category'), 'write a list of category names, for instance [C0002]')
    .max(32, 'write at most 32 categories')
    .optional(),
})

const fieldClass = entries('write `{retain_days: 180}` and what else holds for the class', {
  retain_days: days('write a whole number of days, for instance retain_days: 180'),
  step: oneOf(['day', 'month']).optional(),
  floor_days: days('write a whole number of days, for instance floor_days: 1095').optional(),
  floor_basis: text('name the law, for instance floor_basis: E-commerce Law 31').optional(),
  may_reach: oneOf(['anyone', 'ourselves', 'nobody']).optional(),
  separate_consent: flag.optional(),
})

const destination = entries('write kind, purpose, role, region and time', {
  kind: oneOf(['module', 'probe']),
  purpose: oneOf(PURPOSES),
  role: oneOf(['self', 'entrusted', 'joint', 'third-party']),
  region: z
    .string('write the country of the recipient, for instance region: CN')
    .regex(/^[A-Z]{2}(-[A-Z0-9]{1,3})?$/, 'write an ISO 3166 code, for instance CN or US-CA'),
  time: oneOf(['minute', 'day']),
  /** `linkable`: a person has one pseudonym as long as the root lives; `rolling`: another one in each period. */
  pseudonyms: oneOf(['linkable', 'rolling']).optional(),
  rolling_days: days('write a whole number of days, for instance rolling_days: 30').optional(),
  recipient_notice: reference.optional(),
  pia_ref: reference.optional(),
  cn_mechanism: entries('write `{type: standard-contract, ref: …}`', {
    type: oneOf(['assessment', 'certification', 'standard-contract']),
    ref: reference,
  }).optional(),
})

const keyTimes = entries('write `keys: {epoch_days: 30, backup_days: 35}`, or leave it out', {
  /** A new key epoch this often; what was erased under an old one is beyond reach once that one is destroyed. */
  epoch_days: days('write a whole number of days, at most 366, for instance epoch_days: 30', 366).optional(),
  /** How long a backup of the database must be good for: an epoch that has been replaced is kept as long. */
  backup_days: days('write a whole number of days, at most 366, for instance backup_days: 35', 366).optional(),
  /** How long a sealed copy of the keys is kept. */
  key_backup_days: days('write a whole number of days, at most 366, for instance key_backup_days: 35', 366).optional(),
  /** How long old pseudonyms and blind indexes stay readable after their root was changed. */
  overlap_days: days('write a whole number of days, at most 366, for instance overlap_days: 7', 366).optional(),
})

const shareFix = 'write a share above 0, at most 1, for instance fuse_share: 0.5'
const retention = entries('write `retention: {fuse_share: 0.5}`, or leave it out', {
  /** A run of retention that would take more than this share of the rows of a store stops before it begins. */
  fuse_share: z.number(shareFix).gt(0, shareFix).max(1, shareFix).optional(),
  /** Fewer rows than this blow no fuse. */
  fuse_rows: z.int('write a number of rows, for instance fuse_rows: 1000').min(0, 'write 0 or more').optional(),
  /** How long it can still be proved what somebody chose who is nobody any more. */
  ledger_days: days('write a whole number of days, for instance ledger_days: 1095').optional(),
  /** A device that nobody knows is forgotten after so many idle days. */
  idle_device_days: days('write a whole number of days, for instance idle_device_days: 30').optional(),
})

const linkFix = 'write a share from 0 to 1, for instance max_share: 0.1'
const linkability = entries('write `linkability: {max_share: 0.1}`, or leave it out', {
  /**
   * Of the people that two modules hold, the share that may be found again by what both know of them but no identifier.
   */
  max_share: z.number(linkFix).min(0, linkFix).max(1, linkFix),
})

const listFix = 'write a list, for instance [product_id, sku]'
const group = z.record(z.string(), z.array(text(listFix, 300), listFix).max(200, 'write at most 200 names'), {
  error: 'write lists of fields by class, for instance behaviour: [product_id, sku]',
})

const route = entries('write `{purpose: personalisation, fields: [properties.product_id]}`', {
  purpose: oneOf(PURPOSES),
  fields: z
    .array(text('write a path such as properties.product_id', 300), 'write the list of every field that may pass')
    .min(1, 'write every field that may pass, or take the route out')
    .max(200, 'write at most 200 fields'),
})

const event = entries('write `{fields: {…}, routes: {…}}`, or {} where nothing is known', {
  fields: group.optional(),
  routes: z.record(z.string(), route, 'write the destinations, each with purpose and fields').optional(),
  /** Its units and value are counted in the person-free totals. */
  totals: flag.optional(),
})

const DATE = /^\d{4}-\d{2}-\d{2}$/
const dateFix = 'write the first day on which it holds, for instance effective: 2026-11-01'

export const PolicyDocument = entries('write a policy: apiVersion, policy, effective, laws and so on', {
  apiVersion: z.literal('weir/v1', 'write apiVersion: weir/v1'),
  policy: name,
  effective: z.string(dateFix).regex(DATE, dateFix).refine(isDay, dateFix),
  laws: z
    .array(oneOf(LAWS), `write the laws it is under, for instance [${LAWS.join(', ')}]`)
    .min(1, 'name at least one law'),
  purposes: entries(`write every purpose: ${PURPOSES.join(', ')}`, {
    essential: purpose,
    analytics: purpose,
    attribution: purpose,
    personalisation: purpose,
    advertising: purpose,
  }),
  classes: z.record(name, fieldClass, 'write the classes, each with retain_days'),
  destinations: z.record(name, destination, 'write the destinations, or {}'),
  keys: keyTimes.optional(),
  linkability: linkability.optional(),
  retention: retention.optional(),
  tokens: z.record(z.string(), oneOf(TOKEN_KINDS), 'write field names with order, cart or visit').optional(),
  fields: z.record(name, group, 'write groups of fields').optional(),
  context: group.optional(),
  events: entries('write `track:` with the events, and identify, page, screen, group, alias', {
    track: z.record(text('write the name of the event'), event, 'write the events by name'),
    identify: event.optional(),
    page: event.optional(),
    screen: event.optional(),
    group: event.optional(),
    alias: event.optional(),
  }),
})
export type PolicyDocument = z.infer<typeof PolicyDocument>
export type FieldGroup = z.infer<typeof group>
export type EventEntry = z.infer<typeof event>
export type DestinationEntry = z.infer<typeof destination>

/** A policy text that has been read: its document, and the way back to places in the text. */
export interface PolicySource {
  readonly document: PolicyDocument
  readonly tree: YamlTree
}

function isDay(value: string): boolean {
  const time = Date.parse(`${value}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value)
}
