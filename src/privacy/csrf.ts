import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { AppError } from '../errors.ts'
import { expandKey } from '../protect/expand.ts'
import { lpConcat } from '../protect/layouts.ts'
import type { Visit } from './visit.ts'

export interface Csrf {
  /** What stands in every form of a visit. */
  of(visit: Pick<Visit, 'id'>): string
  /** Throws AppError forbidden `form-foreign` where a form was not made for this visit, or comes from elsewhere. */
  check(visit: Pick<Visit, 'id'>, given: string | undefined, headers: IncomingHttpHeaders): void
}

/** HMAC-SHA-256 of the visit's id under a key of its own, expanded from the token key. */
export function createCsrf(tokenKey: KeyObject, publicUrl: string): Csrf {
  const key = expandKey(tokenKey, lpConcat('gw/v1/privacy', 'csrf'))
  const origin = new URL(publicUrl).origin
  const of: Csrf['of'] = ({ id }) => createHmac('sha256', key).update(id).digest('base64url')
  return {
    of,
    check(visit, given, headers) {
      const own = Buffer.from(of(visit))
      const shown = Buffer.from(given ?? '')
      if (own.length !== shown.length || !timingSafeEqual(own, shown) || isForeign(headers, origin)) throw foreign()
    },
  }
}

/** Our own pages say no-referrer, so that a browser writes `null` as the origin of their forms (Fetch §3.1). */
function isForeign(headers: IncomingHttpHeaders, own: string): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  return headers.origin !== undefined && headers.origin !== 'null' && headers.origin !== own
}

function foreign(): AppError {
  return new AppError('forbidden', 'The form is not of this visit: open the page anew, and send it from there.', {
    code: 'form-foreign',
  })
}
