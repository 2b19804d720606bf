import { type KeyObject, sign, verify, type X509Certificate } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** The headers of OpenDSR 2.0 §8.3, and those of its earlier name, which must be honoured (§10.1). */
const NAMES = ['opendsr', 'opengdpr'] as const

/** Headers over a body as it goes out. `domain`: for which the certificate is issued. RSA signs by PKCS #1 v1.5, EC in DER. */
export function signatureHeaders(
  key: KeyObject,
  { domain, body }: { readonly domain: string; readonly body: Uint8Array },
): Record<string, string> {
  const signature = sign('sha256', body, key).toString('base64')
  return Object.fromEntries(
    NAMES.flatMap((name) => [
      [`x-${name}-processor-domain`, domain],
      [`x-${name}-signature`, signature],
    ]),
  )
}

/**
 * Whether a body is signed by the certificate's key, over the raw bytes, before anything of it is read (§8.8), and the
 * certificate is in force. `now` in milliseconds since 1970.
 */
export function isSignedBy(
  certificate: X509Certificate,
  { headers, body, now }: { readonly headers: IncomingHttpHeaders; readonly body: Uint8Array; readonly now: number },
): boolean {
  const given = NAMES.map((name) => headers[`x-${name}-signature`]).find((value) => typeof value === 'string')
  if (typeof given !== 'string' || !isInForce(certificate, now)) return false
  const { asymmetricKeyType } = certificate.publicKey
  if (asymmetricKeyType !== 'rsa' && asymmetricKeyType !== 'ec') return false // §4.2: FIPS 186-4
  return verify('sha256', body, certificate.publicKey, Buffer.from(given, 'base64'))
}

export function isInForce(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now < Date.parse(certificate.validTo)
}
