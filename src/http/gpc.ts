import type { IncomingMessage } from 'node:http'

/** Sec-GPC as sent; as a list where it came more than once (one `1` among them counts, W3C GPC §3.3). */
export function gpcHeader(request: IncomingMessage): string | string[] | undefined {
  const joined = request.headers['sec-gpc']
  return joined === undefined || joined === '1' ? joined : request.headersDistinct['sec-gpc']
}

/** True where the caller's browser says Sec-GPC: 1; any other value says nothing. */
export function saysGpc(request: IncomingMessage): boolean {
  const value = gpcHeader(request)
  return Array.isArray(value) ? value.some((one) => one.trim() === '1') : value === '1'
}
