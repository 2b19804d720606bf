import { createHash } from 'node:crypto'
import type { MessageContent, MessageKind } from './outbox.ts'
import { CallRefused, type SafeAnswer } from './safe-call.ts'

/** A message as a client sends it. Times in milliseconds since 1970. */
export interface ToTell {
  /** Random UUID: the recipient knows by it that it was told already. */
  readonly id: string
  readonly kind: MessageKind
  readonly content: MessageContent
  readonly madeAt: number
  readonly dueAt: number
  /** Law of the request, where there is one. */
  readonly regime: string | undefined
  /** Where the recipient says how far it is. */
  readonly callbackUrl: string
}

/** What became of a try. `failure` is a code of docs/recipients.md. */
export type Told =
  | { readonly outcome: 'acknowledged'; readonly sha256: Buffer }
  /** It went out; whether it was taken is not known. */
  | { readonly outcome: 'sent'; readonly failure: string }
  | { readonly outcome: 'unsent'; readonly failure: string }
  /** No further try will do better. */
  | { readonly outcome: 'impossible'; readonly failure: string }

export function acknowledged({ body }: SafeAnswer): Told {
  return { outcome: 'acknowledged', sha256: createHash('sha256').update(body).digest() }
}

/** An answer that says no, or that something broke there: it was not taken, as far as one can know. */
export function answeredWith(status: number): Told {
  return { outcome: status >= 500 ? 'sent' : 'unsent', failure: `http-${status}` }
}

/** Passes on what is no refusal of the client's. */
export function refusedBy(error: unknown): Told {
  if (!(error instanceof CallRefused)) throw error
  return { outcome: error.sent ? 'sent' : 'unsent', failure: error.code }
}
