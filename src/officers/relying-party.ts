import { isIP } from 'node:net'
import { AppError } from '../errors.ts'

/** Whom authenticators make credentials for (WebAuthn §5.1.2): the host of the public URL, for pages of its origin. */
export interface RelyingParty {
  readonly id: string
  readonly origin: string
}

/** Throws AppError conflict `authenticators-need-a-name` where the gateway is reached by an address (WebAuthn §5.1.3). */
export function relyingParty(publicUrl: string): RelyingParty {
  const { hostname, origin } = new URL(publicUrl)
  if (isIP(hostname.replace(/^\[|\]$/g, '')) === 0) return { id: hostname, origin }
  throw new AppError(
    'conflict',
    'Authenticators are bound to a name: set WEIR_PUBLIC_URL to one, such as http://localhost:8080.',
    { code: 'authenticators-need-a-name' },
  )
}
