import type { IncomingMessage } from 'node:http'

/**
 * RFC 6265bis §4.1.3.2: a browser takes a `__Host-` cookie only with Secure, Path=/ and no Domain, so that no page of
 * another host can set it.
 */
const NAME = '__Host-weir'
const FLAGS = 'Path=/; Secure; HttpOnly; SameSite=Strict'
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** The session token that a request brings; undefined where there is none, or several that differ. */
export function sessionTokenOf({ headers }: IncomingMessage): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim())
  const values = new Set(pairs.filter((pair) => pair.startsWith(`${NAME}=`)).map((pair) => pair.slice(NAME.length + 1)))
  const [value] = values
  return values.size === 1 && value !== undefined && TOKEN.test(value) ? value : undefined
}

/** Set-Cookie for a new session. It has no end of its own: the browser's closing ends it, the server sooner. */
export function sessionCookie(token: string): Record<string, string> {
  return { 'Set-Cookie': `${NAME}=${token}; ${FLAGS}` }
}

export function noSessionCookie(): Record<string, string> {
  return { 'Set-Cookie': `${NAME}=; ${FLAGS}; Max-Age=0` }
}
