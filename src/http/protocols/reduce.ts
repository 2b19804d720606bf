import type { EventContext, EventType } from '../../event/event.ts'
import { addressPrefix } from '../address.ts'
import { type Fields, idAt, objectAt, textAt } from './message.ts'
import { cut, isPhone, isToken, parseHttp, type ReducedUrl, reducePath, reduceUrl, reduceUrlText } from './url.ts'
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
  return defined({
    ipPrefix: (ip === undefined ? undefined : addressPrefix(ip)) ?? callerPrefix,
    userAgent: agent === undefined ? undefined : reduceUserAgent(agent),
    locale: matching(textAt(context, 'locale', 'context.locale'), /^[A-Za-z0-9_-]{2,35}$/),
    timezone: matching(textAt(context, 'timezone', 'context.timezone'), /^[A-Za-z0-9_+/-]{1,50}$/),
    page: reducePage(page, url),
    referrer: referrer === undefined ? undefined : someOf(reduceUrl(referrer)),
    campaign: reduceCampaign(objectAt(context, 'campaign', 'context.campaign'), url, page),
    visitId: visitOf(message, context),
  })
}

const pageKeys = ['url', 'path', 'referrer', 'search', 'title']

function pageOf(properties: Fields): Fields {
  return Object.fromEntries(pageKeys.filter((key) => key in properties).map((key) => [key, properties[key]]))
}

function reducePage(page: Fields, url: string | undefined): EventContext['page'] {
  const reduced: ReducedUrl = url === undefined ? {} : reduceUrl(url)
  const path = textAt(page, 'path', 'context.page.path')
  const title = textAt(page, 'title', 'context.page.title')
  return someOf(
    defined({
      origin: reduced.origin,
      path: reduced.path ?? (path === undefined ? undefined : reducePath(path)),
      title: title === undefined ? undefined : cut(title, MAX_TITLE),
    }),
  )
}

const tags = ['source', 'medium', 'name', 'term', 'content'] as const

/** Campaign tags that the client read itself, else those of the URL, taken before its query is dropped. */
function reduceCampaign(campaign: Fields, url: string | undefined, page: Fields): EventContext['campaign'] {
  const found: Record<string, string> = {}
  const query = queryOf(url, textAt(page, 'search', 'context.page.search'))
  for (const tag of tags) {
    const sent = idAt(campaign, tag, Number.POSITIVE_INFINITY, `context.campaign.${tag}`)
    const value = sent ?? query?.get(tag === 'name' ? 'utm_campaign' : `utm_${tag}`)
    if (value && isTag(value)) found[tag] = cut(value, MAX_TAG)
  }
  return someOf(found)
}

function queryOf(url: string | undefined, search: string | undefined): URLSearchParams | undefined {
  if (url?.includes('utm_')) return parseHttp(url)?.searchParams
  return search?.includes('utm_') ? new URLSearchParams(cut(search, 4_096)) : undefined
}

/** Mailing tools put the reader's address or key into tags: such a value names a person, not a campaign. */
function isTag(value: string): boolean {
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

function matching(text: string | undefined, pattern: RegExp): string | undefined {
  return text !== undefined && pattern.test(text) ? text : undefined
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Without the keys whose value is undefined. */
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>
}

function someOf<T extends object>(value: T): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value
}
