import type { IncomingMessage } from 'node:http'
import { AppError } from '../errors.ts'

/**
 * Throws AppError 403 `origin-foreign` for a request that a browser says comes from a page of another origin, also of
 * the same site (Fetch Metadata; Fetch §3.1 Origin). Programs send neither header.
 */
export function refuseForeignPage({ headers }: IncomingMessage, publicUrl: string): void {
  const site = headers['sec-fetch-site']
  const foreign = site !== undefined && site !== 'same-origin' && site !== 'none'
  if (!foreign && (headers.origin === undefined || headers.origin === new URL(publicUrl).origin)) return
  throw new AppError('forbidden', `This works from pages of ${new URL(publicUrl).origin} only (WEIR_PUBLIC_URL).`, {
    code: 'origin-foreign',
  })
}
