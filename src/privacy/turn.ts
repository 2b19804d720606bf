import type { Readable } from 'node:stream'
import type { PageAsk } from '../http/privacy-api.ts'
import type { Language } from '../rights/request.ts'
import type { Person } from './data/person.ts'
import type { PrivacyDeps } from './deps.ts'
import type { Form } from './form.ts'
import type { Locale } from './format.ts'
import type { Html } from './html.ts'
import type { Visit } from './visit.ts'

/** What was wrong with a field, by the code of the error. */
export interface Wrong {
  readonly field: string
  readonly code: string
}

/** One request of a person's browser, read and checked. */
export interface Turn {
  readonly deps: PrivacyDeps
  readonly ask: PageAsk
  /** What stands in the path where the pattern has a name. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Empty for a GET. */
  readonly form: Form
  readonly visit: Visit
  readonly locale: Locale
  /** What stands in every form. */
  readonly csrf: Html
  /** Milliseconds since 1970. */
  readonly now: number
  /** Where a form is shown again: what was wrong with it. */
  readonly wrong?: Wrong
}

/** A turn of somebody who is signed in. `person` is undefined where nothing is held of them. */
export interface OwnTurn extends Turn {
  readonly person: Person | undefined
}

/** A page in its frame. */
export interface PageReply {
  /** Without anything personal: it stands in the browser's history. */
  readonly title: string
  readonly body: Html
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Markup for the head. */
  readonly head?: Html
  /** In place of the visit that came. */
  readonly visit?: Visit
}

/** Elsewhere, after what was sent was done. */
export interface GoReply {
  /** A path below /privacy. */
  readonly go: string
  readonly visit?: Visit
}

export interface FileReply {
  readonly file: string | Readable
  readonly type: string
  /** What it is saved as; absent: shown. */
  readonly name?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Reply = PageReply | GoReply | FileReply

/** Words in both languages. */
export type Told<T> = Readonly<Record<Language, T>>

export interface PageRoute {
  readonly method: 'GET' | 'POST'
  /** `:name` for one step of the path. */
  readonly path: string
  /** For who is signed in. */
  readonly own?: (turn: OwnTurn) => Promise<Reply>
  readonly open?: (turn: Turn) => Reply | Promise<Reply>
  /** From the shop's page, which cannot have our csrf token: its own proof is in the form. */
  readonly foreign?: true
}
