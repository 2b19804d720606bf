import type { HelmetOptions } from 'helmet'

/**
 * Who reads an answer decides its headers. `ingest`: SDKs on any page of a pinned origin; `api`: programs with a
 * token; `pages`: a person's browser, which may load nothing but what the page itself carries.
 */
export type Surface = 'ingest' | 'api' | 'pages'

const closed = { useDefaults: false, directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] } }

/** What helmet is told per surface; Cache-Control is ours, helmet does not set it. */
export const helmetOptions: Readonly<Record<Surface, HelmetOptions>> = {
  ingest: { contentSecurityPolicy: closed, crossOriginResourcePolicy: { policy: 'cross-origin' } },
  api: { contentSecurityPolicy: closed, xFrameOptions: { action: 'deny' } },
  pages: { contentSecurityPolicy: false, xFrameOptions: { action: 'deny' } }, // each page states its own
}

/** What the ingest routes send: they are answered before Express, so helmet never sees them. Names and values in turn. */
export const ingestHeaders: readonly string[] = Object.entries({
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'cross-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
}).flat()
