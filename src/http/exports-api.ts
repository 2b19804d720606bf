import type { Readable } from 'node:stream'

/** Who follows a request, and what they show to be handed what is held of them. */
export interface DownloadInput {
  readonly id: string
  readonly secret: string | undefined
  /** Signed by the shop just now. */
  readonly subjectToken?: string
  /** That was sent to what is on file. */
  readonly code?: string
  /** Of a device that asked for itself. */
  readonly anonymousId?: string
  readonly anonymousSecret?: string
  /** Kept nowhere. */
  readonly passphrase: string
  readonly format: 'all' | 'json' | 'csv' | 'page'
  /** The network that asks, already truncated. */
  readonly addressPrefix: string
}

/** Copies of what is held of people, handed to them. */
export interface ExportsApi {
  /**
   * Sends a code to what is on file, if there is anything; answers the same either way.
   * Throws AppError not-found `request-unknown`, `request-state` (409), `sent-too-often` (429).
   */
  askCode(input: { readonly id: string; readonly secret: string | undefined }): Promise<void>
  /**
   * An archive under the passphrase, made while it is read. Entered in the audit log before anything is opened. Throws AppError
   * `request-unknown`, `request-state`, `passphrase-weak`, `prove-again` (403), `code-wrong` (403), `too-many-tries` (429),
   * `download-over` (409), `person-erased` (409), overloaded `exports-busy` (503).
   */
  download(input: DownloadInput): Promise<{ readonly name: string; readonly archive: Readable }>
}
