import { xxh3 } from '@node-rs/xxhash'
import { maskOf, PURPOSES, type Purpose } from '../event/purpose.ts'
import type {
  Basis,
  CompiledPolicy,
  Destination,
  EventRule,
  FieldClass,
  KeyTimes,
  Means,
  RetentionRules,
  Route,
} from './compiled.ts'
import type { PolicyDocument, PolicySource } from './document.ts'
import { fieldsOf, own, type StatedEvent, statedEvents } from './fields.ts'
import { stepOf } from './partitions.ts'
import { DEFAULT_ROLLING_DAYS } from './pseudonym-periods.ts'

/**
 * Makes the policy that decide() reads. Pure; the same meaning gives the same fingerprint, whatever the order,
 * layout and comments of the text. Version 0 until the database has numbered it (registry.ts).
 */
export function compile(source: PolicySource): CompiledPolicy {
  const { document, tree } = source
  const classes = new Map(sortedEntries(document.classes).map(([name, entry]) => [name, fieldClass(name, entry)]))
  const destinations = sortedEntries(document.destinations).map(([name]) => destination(source, name))
  const context = { source, classes, destinations }
  const stated = statedEvents(document).sort((a, b) => (a.key < b.key ? -1 : 1))
  const eventList = stated.map((event, index) => eventRule(context, event, index))
  const consented = PURPOSES.filter((purpose) => document.purposes[purpose].basis === 'consent')
  const policy: Omit<CompiledPolicy, 'fingerprint'> = {
    version: 0,
    name: document.policy,
    effective: document.effective,
    laws: [...document.laws].sort(),
    basisOf: byPurpose((purpose) => enforceable(document.purposes[purpose].basis)),
    needsConsent: maskOf(consented),
    gpc: maskOf(PURPOSES.filter((purpose) => document.purposes[purpose].gpc === true)),
    categories: categoriesOf(document),
    categoryNames: categoryNamesOf(document),
    classes,
    destinations,
    retention: retentionRules(document.retention ?? {}),
    keys: keyTimes(document.keys ?? {}),
    ...(document.linkability === undefined ? {} : { maxLinkable: document.linkability.max_share }),
    events: new Map(eventList.map((rule) => [rule.key, rule])),
    eventList,
    meansOf: meansOf(document),
    purposeAt: byPurpose((purpose) => tree.keyAt(['purposes', purpose])),
  }
  return freeze({ ...policy, fingerprint: fingerprintOf(policy) })
}

/** The same policy under the number that the database gave to it. */
export function withVersion(policy: CompiledPolicy, version: number): CompiledPolicy {
  return Object.freeze({ ...policy, version })
}

interface Context {
  readonly source: PolicySource
  readonly classes: ReadonlyMap<string, FieldClass>
  readonly destinations: readonly Destination[]
}

function eventRule(context: Context, event: StatedEvent, index: number): EventRule {
  const { document, tree } = context.source
  const fields = fieldsOf(document, event, () => undefined)
  const classOf = new Map(fields.map((field) => [field.path, field.fieldClass]))
  const routes = context.destinations.flatMap((to, i): Route[] => {
    const entry = own(event.entry.routes, to.name)
    if (entry === undefined) return []
    const where = tree.keyAt([...event.stated, 'routes', to.name])
    const sensitive = entry.fields.some(
      (path) => context.classes.get(classOf.get(path) ?? '')?.separateConsent === true,
    )
    return [
      {
        destination: to,
        purpose: entry.purpose,
        bit: 1 << i,
        fields: [...entry.fields].sort(),
        separateConsent: sensitive || needsSeparateConsent(document, to),
        where,
      },
    ]
  })
  return {
    index,
    key: event.key,
    name: event.name,
    routes,
    paths: fields.map((field) => field.path),
    classOf,
    tokenOf: new Map(
      fields.flatMap((field) => (field.token === undefined ? [] : [[field.path, field.token] as const])),
    ),
    order: event.entry.totals === true,
    where: tree.keyAt(event.stated),
  }
}

/** PIPL 23 (another handler) and 39 (abroad): consent for the purpose alone does not cover these. */
function needsSeparateConsent(document: PolicyDocument, to: Destination): boolean {
  if (!document.laws.includes('PIPL')) return false
  return to.role === 'third-party' || (to.region !== 'CN' && document.purposes[to.purpose].basis === 'consent')
}

function fieldClass(name: string, entry: PolicyDocument['classes'][string]): FieldClass {
  return {
    name,
    retainDays: entry.retain_days,
    step: stepOf(Math.max(entry.retain_days, entry.floor_days ?? 0)),
    ...(entry.floor_days === undefined ? {} : { floorDays: entry.floor_days }),
    ...(entry.floor_basis === undefined ? {} : { floorBasis: entry.floor_basis }),
    reach: entry.may_reach ?? 'anyone',
    separateConsent: entry.separate_consent ?? false,
  }
}

function destination({ document, tree }: PolicySource, name: string): Destination {
  const entry = document.destinations[name] as PolicyDocument['destinations'][string]
  return {
    name,
    kind: entry.kind,
    purpose: entry.purpose,
    role: entry.role,
    region: entry.region,
    time: entry.time,
    ...(entry.pseudonyms === 'rolling' ? { rollingDays: entry.rolling_days ?? DEFAULT_ROLLING_DAYS } : {}),
    ...(entry.pia_ref === undefined ? {} : { piaRef: entry.pia_ref }),
    ...(entry.recipient_notice === undefined ? {} : { recipientNotice: entry.recipient_notice }),
    where: tree.keyAt(['destinations', name]),
  }
}

function keyTimes(entry: NonNullable<PolicyDocument['keys']>): KeyTimes {
  return {
    epochDays: entry.epoch_days ?? 30,
    backupDays: entry.backup_days ?? 35,
    keyBackupDays: entry.key_backup_days ?? 35,
    overlapDays: entry.overlap_days ?? 7,
  }
}

function retentionRules(entry: NonNullable<PolicyDocument['retention']>): RetentionRules {
  return {
    fuseShare: entry.fuse_share ?? 0.5,
    fuseRows: entry.fuse_rows ?? 1000,
    ledgerDays: entry.ledger_days ?? 1095, // as long as claims can be brought (Civil Code art. 188: three years)
    idleDeviceDays: entry.idle_device_days ?? 30,
  }
}

function categoriesOf(document: PolicyDocument): Map<string, Purpose> {
  const categories = new Map<string, Purpose>()
  for (const purpose of PURPOSES) {
    categories.set(purpose, purpose)
    for (const name of document.purposes[purpose].categories ?? []) categories.set(name.toLowerCase(), purpose)
  }
  return categories
}

function categoryNamesOf(document: PolicyDocument): string[] {
  const stated = PURPOSES.flatMap((purpose) => document.purposes[purpose].categories ?? [])
  return [...new Set([...PURPOSES, ...stated])].sort() // the order of the text means nothing
}

/** What no law here allows waits for a grant, so that even an unproved text permits nothing by it. */
function enforceable(basis: PolicyDocument['purposes'][Purpose]['basis']): Basis {
  return basis === 'legitimate-interest' ? 'consent' : basis
}

function byPurpose<T>(of: (purpose: Purpose) => T): Record<Purpose, T> {
  return Object.fromEntries(PURPOSES.map((purpose) => [purpose, of(purpose)])) as Record<Purpose, T>
}

function sortedEntries<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** xxh3-128 of the canonical JSON: keys sorted, places in the text and the version left out. A fingerprint, no proof. */
function fingerprintOf(policy: Omit<CompiledPolicy, 'fingerprint'>): string {
  const { version: _, purposeAt: __, events: ___, meansOf: ____, ...meaning } = policy
  return xxh3
    .xxh128(JSON.stringify(canonical(meaning)))
    .toString(16)
    .padStart(32, '0')
}

/** What is said in one language is said to everybody. */
function meansOf({ purposes }: PolicyDocument): CompiledPolicy['meansOf'] {
  const stated = PURPOSES.flatMap((purpose): [Purpose, Means][] => {
    const { means } = purposes[purpose]
    if (means === undefined) return []
    if (typeof means === 'string') return [[purpose, { 'zh-CN': means, en: means }]]
    const said = Object.entries(means).filter(([, words]) => words !== undefined)
    return [[purpose, Object.fromEntries(said) as Means]]
  })
  return Object.fromEntries(stated)
}

function canonical(value: unknown): unknown {
  if (value instanceof Map) return canonical(Object.fromEntries(value))
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key]) => key !== 'where')
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, canonical(item)]))
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const item of value instanceof Map ? value.values() : Object.values(value)) freeze(item)
  return Object.freeze(value)
}
