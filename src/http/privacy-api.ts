import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { Source } from '../event/event.ts'

/** What somebody's browser asks of the privacy centre. */
export interface PageAsk {
  readonly method: string
  /** Path and query below /privacy: `/choices`. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly addressPrefix: string
  /** The body, at most so many bytes. Throws AppError. */
  read(limit: number): Promise<Buffer>
  /** The source of a write key, for a page of this origin. Throws AppError unauthenticated, forbidden. */
  sourceOf(writeKey: string, origin: string): Promise<Source>
}

export interface PageAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Readable
}

export interface PrivacyApi {
  /** Never throws for what was asked: problems are pages too. */
  answer(ask: PageAsk): Promise<PageAnswer>
}
