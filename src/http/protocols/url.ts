/** What is kept of an address: never the query, the fragment or credentials. */
export interface ReducedUrl {
  readonly origin?: string
  readonly path?: string
}

export const REDACTED = ':redacted'
const MAX_PATH = 300
const MAX_SEGMENT = 64

/** Origin and path of a URL, path segments that look personal redacted. Empty where it is no http(s) URL. */
export function reduceUrl(text: string): ReducedUrl {
  const url = readUrl(text)
  if (url === undefined) return text.startsWith('/') ? { path: reducePath(text) } : {}
  return { origin: url.origin, path: reducePath(url.path) }
}

/** The same as one text, for properties that hold a URL. Undefined where nothing can be kept. */
export function reduceUrlText(text: string): string | undefined {
  const { origin = '', path = '' } = reduceUrl(text)
  return origin + path || undefined
}

/** An http(s) URL, apart. */
export interface HttpUrl {
  readonly origin: string
  readonly path: string
  /** With its question mark; empty where there is none. */
  readonly query: string
}

// What nearly every URL is. Each part begins with a character that the one before it cannot hold: it never looks twice.
const plainUrl =
  /^(https?:\/\/[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*\.[a-z]{2,63})((?:\/[\w-]*)*)(\?[!-"$-~]*)?(?:#[!-~]*)?$/

/** Reads a URL as the WHATWG standard does; undefined where it is none of http(s), or longer than 8,192 characters. */
export function readUrl(text: string): HttpUrl | undefined {
  if (text.length > 8_192) return undefined
  const plain = plainUrl.exec(text)
  if (plain !== null) return { origin: plain[1]!, path: plain[2] || '/', query: plain[3] ?? '' }
  const url = URL.parse(text)
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return undefined
  return { origin: url.origin, path: url.pathname, query: url.search }
}

/** A path without query and fragment, its personal-looking segments replaced by `:redacted`. */
export function reducePath(path: string): string {
  if (path.length <= MAX_PATH && plainPath.test(path)) return path
  const bare = path.split(/[?#;]/, 1)[0] ?? ''
  const reduced = bare.split('/').map((segment) => (looksPersonal(segment) ? REDACTED : segment))
  return cut(reduced.join('/'), MAX_PATH)
}

/** Shortens without splitting a surrogate pair: half of one would fail a whole commit group. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text
  const code = text.charCodeAt(length - 1)
  return text.slice(0, code >= 0xd800 && code < 0xdc00 ? length - 1 : length)
}

// What nearly every segment and tag is: words, or up to four letters and digits. The rest is looked at closely.
const plain = /^(?:[A-Za-z-]{0,31}|\w{1,4})$/
const plainPath = /^(?:\/[A-Za-z-]{0,31})+$/

/** True for a word that can name nobody, at the price of one look. */
export function isPlain(text: string): boolean {
  return plain.test(text)
}

function looksPersonal(segment: string): boolean {
  if (isPlain(segment)) return false
  const text = decode(segment)
  if (text === undefined || text.length > MAX_SEGMENT) return true
  // An at sign (e-mail), five digits in a row (order, phone, account), or something that no one would type.
  return /[@\p{Cc}]|\d{5}/u.test(text) || isPhone(text) || isToken(text, 12)
}

function decode(segment: string): string | undefined {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

/** Digits with the separators of phone numbers, seven or more. */
export function isPhone(text: string): boolean {
  return /^[+\d][\d\s().-]*$/.test(text) && text.replace(/\D/g, '').length >= 7
}

/** A run of letters and digits mixed, as keys, sessions and UUIDs have them. Words joined by hyphens are none. */
export function isToken(text: string, length: number): boolean {
  if (/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}/i.test(text)) return true
  const runs = text.match(/[A-Za-z0-9_~=]+/g) ?? []
  return runs.some((run) => (run.length >= length && /\d/.test(run) && /[A-Za-z]/.test(run)) || run.length >= 32)
}
