import type { IncomingHttpHeaders } from 'node:http'

/** An answer whose very bytes are signed. */
export interface SignedAnswer {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
}

/** A call of an OpenDSR controller; the body is read only once it is known who calls. */
export interface OpenDsrCall {
  readonly authorization: string | undefined
  /** The id in the path; absent where there is none. */
  readonly id?: string
  readonly read?: () => Promise<Buffer>
}

export interface HookCall {
  readonly headers: IncomingHttpHeaders
  /** The body as it came: what was signed. */
  readonly raw: Buffer
}

/** What the HTTP edge asks of the doors for other systems. */
export interface DoorsApi {
  /** RFC 7517: what checks receipts. */
  jwks(): object
  readonly opendsr: {
    /** PEM; undefined where this door is closed. */
    certificate(): Promise<string | undefined>
    discovery(): Promise<SignedAnswer>
    submit(call: OpenDsrCall): Promise<SignedAnswer>
    status(call: OpenDsrCall): Promise<SignedAnswer>
    cancel(call: OpenDsrCall): Promise<SignedAnswer>
  }
  /** Resolves after commit. Throws AppError 401 `hmac-invalid`, 400 `request-invalid`. */
  shopify(topic: 'customers/data_request' | 'customers/redact' | 'shop/redact', call: HookCall): Promise<void>
  /** A recipient says how far it is. Throws AppError 401 `signature-invalid`, 400 `request-invalid`, 404 `message-unknown`, 409 `message-state`. */
  recipientCallback(name: string, call: HookCall): Promise<void>
}
