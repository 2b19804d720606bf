import 'reflect-metadata' // before @peculiar/x509, whose container reads it
import { createPublicKey, type KeyObject, randomBytes, webcrypto } from 'node:crypto'
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const YEAR_MS = 365 * 86_400_000

/**
 * A certificate in PEM that a P-256 key signs for itself: for development and for tests alone, since OpenDSR wants one of
 * an authority (§4.1). `host`: a DNS name or an address. Loaded only where it is needed.
 */
export async function selfSignedCertificate(
  privateKey: KeyObject,
  { host, now }: { readonly host: string; readonly now: number },
): Promise<string> {
  const keys = {
    privateKey: await imported(privateKey, 'pkcs8', ['sign']),
    publicKey: await imported(createPublicKey(privateKey), 'spki', ['verify']),
  }
  const type = /^[\d.]+$|:/.test(host) ? 'ip' : 'dns'
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: `01${randomBytes(15).toString('hex')}`, // positive, 128 bits (RFC 5280 §4.1.2.2)
      name: [{ CN: [host] }],
      notBefore: new Date(now - 60_000),
      notAfter: new Date(now + YEAR_MS),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [new BasicConstraintsExtension(false), new SubjectAlternativeNameExtension([{ type, value: host }])],
    },
    webcrypto,
  )
  return `${certificate.toString('pem')}\n`
}

function imported(key: KeyObject, format: 'pkcs8' | 'spki', uses: webcrypto.KeyUsage[]): Promise<webcrypto.CryptoKey> {
  const der =
    format === 'pkcs8' ? key.export({ format: 'der', type: 'pkcs8' }) : key.export({ format: 'der', type: 'spki' })
  return webcrypto.subtle.importKey(format, new Uint8Array(der), ALGORITHM, true, uses)
}
