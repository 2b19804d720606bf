import type { Delivered, Json, JsonObject } from '../../event/event.ts'
import { currencyOf, decimalOf, exponentOf, MAX_ORDER_VALUE, toMinor } from '../../event/money.ts'
import { NO_NAME, namesSomebody, senderOf } from './personal.ts'

/** What one batch says, as columns-to-be of the base tables. Order within an array carries no meaning. */
export interface Facts {
  readonly touches: Touch[]
  readonly conversions: Conversion[]
}

interface Base {
  readonly subject: string
  readonly eventKey: string
  /** `2026-11-20T12:34`, UTC. */
  readonly at: string
}

/** How somebody came: campaign tags and the host that sent them (personal.ts), '' where there is none. */
export interface Way {
  readonly source: string
  readonly medium: string
  readonly campaign: string
  readonly creative: string
  readonly tag: string
  readonly referrer: string
}

export interface Touch extends Base, Way {}

/** A host as the channels know it: itself, or the nearest known one above it. */
export type KnownAs = (host: string) => string | undefined

export interface Conversion extends Base {
  readonly order: string
  readonly currency: string
  /** Minor units, not negative. */
  readonly value: bigint
  readonly told: Delivered['told']
  readonly shop: string
}

const MAX_TEXT = 100
const MAX_HOST = 253
const MAX_ORDER = 200

/**
 * Reads a batch. An event that is of no use here (no tag, no referrer, an unreadable time) adds nothing and is no error:
 * it must not stop the events beside it. Hosts that `knownAs` does not know are kept as the domain that was registered.
 */
export function factsOf(batch: readonly Delivered[], knownAs: KnownAs = () => undefined): Facts {
  const facts: Facts = { touches: [], conversions: [] }
  for (const event of batch) {
    const at = minuteOf(event.at)
    if (at === undefined) continue
    const base = { subject: event.subject, eventKey: event.eventKey, at }
    const way = wayOf(objectIn(event.fields, 'context'), knownAs)
    if (way !== undefined) facts.touches.push({ ...base, ...way })
    if (event.name === 'Order Completed') {
      facts.conversions.push({ ...base, ...orderOf(event), told: event.told, shop: event.shop })
    }
  }
  return facts
}

function orderOf(event: Delivered): Pick<Conversion, 'order' | 'currency' | 'value'> {
  const properties = objectIn(event.fields, 'properties')
  const currency = currencyOf(properties.currency)
  const amount = [properties.revenue, properties.value, properties.total]
    .map(decimalOf)
    .find((one) => one !== undefined)
  const value = amount === undefined ? 0n : toMinor(amount, exponentOf(currency))
  return {
    // An order without an id is an order of its own.
    order: idOf(properties.order_id) ?? event.eventKey,
    currency,
    value: value < 0n || value > MAX_ORDER_VALUE ? 0n : value,
  }
}

/** Undefined where nobody sent the person: no tag, and no referrer but the shop's own pages. */
function wayOf(context: JsonObject, knownAs: KnownAs): Way | undefined {
  const campaign = objectIn(context, 'campaign')
  const host = outsideReferrer(objectIn(context, 'referrer').origin, objectIn(context, 'page').origin)
  const way: Way = {
    source: tagOf(campaign.source).toLowerCase(),
    medium: tagOf(campaign.medium).toLowerCase(),
    campaign: tagOf(campaign.name),
    creative: tagOf(campaign.content),
    tag: tagOf(campaign.term),
    referrer: host === '' ? '' : senderOf(host, knownAs),
  }
  return Object.values(way).every((value) => value === '') ? undefined : way
}

// What analytics tools write for "nothing": a way in that is none would take the credit of one.
const NOTHING = /^\((?:direct|none|not set|not provided|other)\)$|^(?:null|undefined|none)$/i

function tagOf(value: Json | undefined): string {
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value
  if (typeof text !== 'string') return ''
  const tag = text.trim()
  // Lower case may be longer: İ becomes two characters.
  if (tag.length > MAX_TEXT || tag.toLowerCase().length > MAX_TEXT) return ''
  return NOTHING.test(tag) || !tag.isWellFormed() || namesSomebody(tag) ? '' : tag
}

/**
 * The host of the referrer where it is none of the shop's own: not the page's, nor one below or above it. '' where the
 * page is not known (whose referrer it is cannot be told) and for what is no name, such as an address.
 */
function outsideReferrer(referrer: Json | undefined, page: Json | undefined): string {
  const from = hostOf(referrer)
  const here = hostOf(page)
  if (from === '' || here === '' || !isName(from)) return ''
  return from === here || from.endsWith(`.${here}`) || here.endsWith(`.${from}`) ? '' : from
}

function hostOf(origin: Json | undefined): string {
  if (typeof origin !== 'string' || !URL.canParse(origin)) return ''
  const host = new URL(origin).hostname.replace(/\.$/, '')
  return host.length > MAX_HOST ? '' : host
}

function isName(host: string): boolean {
  return /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?$/.test(host)
}

function idOf(value: Json | undefined): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > MAX_ORDER) return undefined
  return NO_NAME.test(value) || !value.isWellFormed() ? undefined : value
}

const TIME = /^((?!0000)\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::\d{2}(?:\.\d{1,9})?)?Z)?$/

/** The minute, whatever finer was said. */
function minuteOf(at: string): string | undefined {
  const [, day, time = '00:00'] = TIME.exec(at) ?? []
  if (day === undefined) return undefined
  const minute = `${day}T${time}`
  const ms = Date.parse(`${minute}Z`) // 30 February becomes a day in March: not the day that was written
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(minute) ? minute : undefined
}

function objectIn(fields: JsonObject, name: string): JsonObject {
  const value = fields[name]
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}
