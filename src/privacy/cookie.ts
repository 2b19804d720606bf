/** RFC 6265bis §4.1.3.2: no page of another host can set it. SameSite=Strict: no page of another site has it sent. */
const NAME = '__Host-weir-privacy'
const VALUE = /^[A-Za-z0-9_-]{40,4000}$/

/** Undefined where there is none, and where there are several that differ. */
export function visitCookieOf(header: string | undefined): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim())
  const values = new Set(pairs.filter((pair) => pair.startsWith(`${NAME}=`)).map((pair) => pair.slice(NAME.length + 1)))
  const [value] = values
  return values.size === 1 && value !== undefined && VALUE.test(value) ? value : undefined
}

/** It has no end of its own: the browser's closing ends it, 30 idle minutes sooner. */
export function visitCookie(value: string): string {
  return `${NAME}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict`
}
