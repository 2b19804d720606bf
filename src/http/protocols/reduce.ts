import type { EventContext, EventType } from '../../event/event.ts'
import { addressPrefix } from '../address.ts'
import { type Fields, idAt, objectAt, textAt } from './message.ts'
import { cut, isPhone, isPlain, isToken, readUrl, reducePath, reduceUrl, reduceUrlText } from './url.ts'
import { reduceUserAgent } from './user-agent.ts'

const MAX_TITLE = 200
const MAX_TAG = 100
const MAX_VISIT = 100

export interface ReduceInput {
  readonly message: Fields
  readonly type: EventType
  readonly context: Fields
  /** The caller's network, where the caller is the person's own browser. */
  readonly callerPrefix: string | undefined
}

/**
 * The whole of what is kept of a message's context; everything else (device ids, network, location, traits, query
 * strings) exists for no later stage. Segment's clients repeat the page in the properties of a page call, some only there.
 */
export function reduceContext({ message, type, context, callerPrefix }: ReduceInput): EventContext {
  const ownPage = objectAt(context, 'page', 'context.page')
  const page = type === 'page' ? { ...pageOf(objectAt(message, 'properties')), ...ownPage } : ownPage
  const url = textAt(page, 'url', 'context.page.url')
  const referrer = textAt(page, 'referrer', 'context.page.referrer')
  const ip = textAt(context, 'ip', 'context.ip')
  const agent = textAt(context, 'userAgent', 'context.userAgent')
  const kept: Writable<EventContext> = {}
  const ipPrefix = (ip === undefined ? undefined : addressPrefix(ip)) ?? callerPrefix
  if (ipPrefix !== undefined) kept.ipPrefix = ipPrefix
  if (agent !== undefined) kept.userAgent = reduceUserAgent(agent)
  const locale = textAt(context, 'locale', 'context.locale')
  if (locale !== undefined && isLocale.test(locale)) kept.locale = locale
  const timezone = textAt(context, 'timezone', 'context.timezone')
  if (timezone !== undefined && isTimezone.test(timezone)) kept.timezone = timezone
  const where = reducePage(page, url)
  if (where !== undefined) kept.page = where
  const from = referrer === undefined ? undefined : reduceUrl(referrer)
  if (from?.path !== undefined) kept.referrer = from
  const campaign = reduceCampaign(objectAt(context, 'campaign', 'context.campaign'), url, page)
  if (campaign !== undefined) kept.campaign = campaign
  const visitId = visitOf(message, context)
  if (visitId !== undefined) kept.visitId = visitId
  return kept
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

const isLocale = /^[A-Za-z0-9_-]{2,35}$/
const isTimezone = /^[A-Za-z0-9_+/-]{1,50}$/

const pageKeys = ['url', 'path', 'referrer', 'search', 'title']

function pageOf(properties: Fields): Fields {
  return Object.fromEntries(pageKeys.filter((key) => key in properties).map((key) => [key, properties[key]]))
}

function reducePage(page: Fields, url: string | undefined): EventContext['page'] {
  const path = textAt(page, 'path', 'context.page.path')
  const title = textAt(page, 'title', 'context.page.title')
  const kept: Writable<NonNullable<EventContext['page']>> = url === undefined ? {} : reduceUrl(url)
  if (kept.path === undefined && path !== undefined) kept.path = reducePath(path)
  if (title !== undefined) kept.title = cut(title, MAX_TITLE)
  return kept.path === undefined && kept.title === undefined ? undefined : kept
}

const tags = ['source', 'medium', 'name', 'term', 'content'] as const

/** Campaign tags that the client read itself, else those of the URL, taken before its query is dropped. */
function reduceCampaign(campaign: Fields, url: string | undefined, page: Fields): EventContext['campaign'] {
  const found: { -readonly [K in (typeof tags)[number]]?: string } = {}
  let any = false
  const query = queryOf(url, textAt(page, 'search', 'context.page.search'))
  for (const tag of tags) {
    const sent = idAt(campaign, tag, Number.POSITIVE_INFINITY, `context.campaign.${tag}`)
    const value = sent ?? query?.get(tag === 'name' ? 'utm_campaign' : `utm_${tag}`)
    if (!value || !isTag(value)) continue
    found[tag] = cut(value, MAX_TAG)
    any = true
  }
  return any ? found : undefined
}

function queryOf(url: string | undefined, search: string | undefined): URLSearchParams | undefined {
  if (url?.includes('utm_')) {
    const read = readUrl(url)
    return read && new URLSearchParams(read.query)
  }
  return search?.includes('utm_') ? new URLSearchParams(cut(search, 4_096)) : undefined
}

/** Mailing tools put the reader's address or key into tags: such a value names a person, not a campaign. */
function isTag(value: string): boolean {
  if (isPlain(value)) return true
  return !/[@\p{Cc}]|%40|\d{10}/u.test(value) && !isPhone(value) && !isToken(value, 24)
}

/** RudderStack's `context.sessionId` (a number), or the session that Segment's Amplitude plug-in adds. */
function visitOf(message: Fields, context: Fields): string | undefined {
  const own = idAt(context, 'sessionId', MAX_VISIT, 'context.sessionId')
  if (own !== undefined) return own
  const integrations = message.integrations
  if (typeof integrations !== 'object' || integrations === null) return undefined
  const amplitude: unknown = (integrations as Fields)['Actions Amplitude']
  if (typeof amplitude !== 'object' || amplitude === null) return undefined
  return idAt(amplitude as Fields, 'session_id', MAX_VISIT, 'integrations.session_id')
}

const urlKeys = new Set(['url', 'href', 'referrer', 'referring_url', 'image_url', 'link'])

/**
 * Reduces every address inside properties in place (they come fresh from JSON.parse and are nobody else's): URLs to
 * origin and path, `search` dropped, `path` redacted.
 */
export function reduceProperties(properties: Fields): void {
  if ('search' in properties) Reflect.deleteProperty(properties, 'search')
  const { path } = properties
  if (typeof path === 'string') Reflect.set(properties, 'path', reducePath(path))
  reduceUrlsIn(properties)
}

function reduceUrlsIn(value: object): void {
  for (const key of Object.keys(value)) {
    const item: unknown = Reflect.get(value, key)
    if (typeof item === 'object' && item !== null) reduceUrlsIn(item)
    else if (typeof item === 'string' && (urlKeys.has(key) || /^https?:/i.test(item))) {
      const reduced = reduceUrlText(item)
      if (reduced === undefined) Reflect.deleteProperty(value, key)
      else Reflect.set(value, key, reduced)
    }
  }
}
