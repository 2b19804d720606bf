import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { z } from 'zod'
import type { Source } from '../../event/event.ts'
import type { Actor, Role } from '../../officers/roles.ts'
import type { Session } from '../../officers/sessions.ts'
import type { HttpDeps } from '../deps.ts'
import type { Surface } from '../headers.ts'

/** What every handler may ask of its request beside its parsed input. */
export interface Caller {
  readonly request: IncomingMessage
  /** Already truncated. */
  readonly addressPrefix: string
}

/** Input as the route's schemas give it. */
export interface Input {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
}

export interface Answer {
  readonly status?: number
  readonly json?: object
  readonly text?: string
  /** Sent as it is made; ends the connection where it breaks. */
  readonly stream?: Readable
  /** Content type of `text` or `stream`. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Who may call, and how its handler learns who did. The table of roles is generated from this. */
export type Access =
  | { readonly who: 'anyone'; handle(input: Input & Caller): Answer | Promise<Answer> }
  | {
      readonly who: 'source'
      /** Where a key may also stand because the clients of the field put it there. */
      readonly keyIn?: 'path' | 'query'
      handle(input: Input & Caller & { source: Source }): Answer | Promise<Answer>
    }
  /** A shop with its key, or a person without one. */
  | { readonly who: 'asker'; handle(input: Input & Caller & { source: Source | undefined }): Promise<Answer> }
  | {
      readonly who: 'role'
      readonly roles: readonly Role[]
      /** What the audit log calls it, also where it is refused. */
      readonly action: string
      /** Officers only, who showed a second factor within so many milliseconds: no token will do. */
      readonly stepUp?: number
      handle(input: Input & { actor: Actor; session: Session | undefined }): Promise<Answer>
    }
  /** Any officer who is signed in, for what is their own. */
  | {
      readonly who: 'officer'
      readonly action: string
      readonly stepUp?: number
      handle(input: Input & Caller & { actor: Actor; session: Session }): Promise<Answer>
    }
  /** The wire protocol: answered before Express; listed so that the docs and 405 know it. */
  | { readonly who: 'ingest' }

export interface RouteDocs {
  readonly method: 'get' | 'post' | 'put' | 'delete'
  /** Express pattern, `:name` for a parameter. */
  readonly path: string
  readonly surface: Surface
  readonly summary: string
  readonly description?: string
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: { readonly schema: z.ZodType; readonly limit?: number }
  /** Names of request headers that carry input. */
  readonly headers?: Readonly<Record<string, string>>
  readonly answers: Readonly<Record<number, { readonly description: string; readonly schema?: z.ZodType }>>
}

export type Route = RouteDocs & { readonly access: Access }

export type RouteOf = (deps: HttpDeps) => Route
