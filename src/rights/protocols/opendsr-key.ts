import { createECDH, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { AppError } from '../../errors.ts'
import { readSecretFile } from '../../keys/secret-file.ts'
import { expandKey } from '../../protect/expand.ts'
import { lpConcat } from '../../protect/layouts.ts'
import { isInForce } from './opendsr-signature.ts'

/** What signs answers to OpenDSR controllers, and what they check it with. */
export interface OpenDsrKey {
  /** RSA or EC. */
  readonly privateKey: KeyObject
  /** PEM, with the certificates of its authority where the file has them. */
  readonly certificate: string
  /** For which the certificate is issued. */
  readonly domain: string
}

export interface OpenDsrKeyOptions {
  readonly keyFile: string | undefined
  readonly certFile: string | undefined
  readonly mode: 'development' | 'production'
  readonly publicUrl: string
  readonly tokenKey: KeyObject
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The key, made or read when it is first asked for; undefined where the door is closed. */
export type OpenDsrKeyOf = () => Promise<OpenDsrKey | undefined>

/**
 * The key and the certificate that the operator names, read at once. Without them development makes a certificate that
 * signs itself, which the protocol forbids elsewhere (§4.1), once it is asked for; production has no OpenDSR door then.
 * Throws AppError `config` with what to do where they do not fit.
 */
export async function openDsrKey(options: OpenDsrKeyOptions): Promise<OpenDsrKeyOf> {
  const { keyFile, certFile, mode } = options
  if (keyFile !== undefined && certFile !== undefined) {
    const key = await readBoth(options, { keyFile, certFile })
    return async () => key
  }
  if (keyFile !== undefined || certFile !== undefined) {
    throw refused('WEIR_OPENDSR_KEY_FILE and WEIR_OPENDSR_CERT_FILE must be set together')
  }
  if (mode === 'production') return async () => undefined
  let made: Promise<OpenDsrKey> | undefined
  return () => {
    made ??= madeForDevelopment(options)
    return made
  }
}

async function readBoth(
  options: OpenDsrKeyOptions,
  { keyFile, certFile }: { readonly keyFile: string; readonly certFile: string },
): Promise<OpenDsrKey> {
  const privateKey = await readKey(keyFile)
  const certificate = await readFile(certFile, 'utf8').catch((cause: unknown) => {
    throw refused('WEIR_OPENDSR_CERT_FILE must name a file that this user can read', cause)
  })
  const domain = new URL(options.publicUrl).hostname
  check(certificate, privateKey, { mode: options.mode, now: options.now(), domain })
  return { privateKey, certificate, domain }
}

async function readKey(file: string): Promise<KeyObject> {
  const pem = await readSecretFile(file, 'OpenDSR key')
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'ec') return key
    if (key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048) return key
  } catch (cause) {
    throw refused('WEIR_OPENDSR_KEY_FILE must hold one private key in PEM, without a passphrase', cause)
  }
  throw refused('WEIR_OPENDSR_KEY_FILE must hold an EC key, or an RSA key of 2048 bits or more')
}

function check(
  pem: string,
  key: KeyObject,
  { mode, domain, now }: { readonly mode: OpenDsrKeyOptions['mode']; readonly domain: string; readonly now: number },
): void {
  const certificate = readCertificate(pem)
  if (!certificate.checkPrivateKey(key)) {
    throw refused('WEIR_OPENDSR_CERT_FILE must begin with the certificate of the key in WEIR_OPENDSR_KEY_FILE')
  }
  if (!isInForce(certificate, now)) throw refused('WEIR_OPENDSR_CERT_FILE must hold a certificate that is in force')
  if (mode !== 'production') return
  if (certificate.checkHost(domain) === undefined) {
    throw refused('WEIR_OPENDSR_CERT_FILE must be issued for the host of WEIR_PUBLIC_URL')
  }
  if (certificate.checkIssued(certificate)) {
    throw refused('WEIR_OPENDSR_CERT_FILE must be issued by an authority in production, not by itself (OpenDSR 4.1)')
  }
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw refused('WEIR_OPENDSR_CERT_FILE must hold a certificate in PEM', cause)
  }
}

function refused(message: string, cause?: unknown): AppError {
  return new AppError('invalid', message, { code: 'config', cause })
}

/** The same key at every start, and on every worker; the certificate is made anew, and lives for a year. */
async function madeForDevelopment({ tokenKey, publicUrl, now }: OpenDsrKeyOptions): Promise<OpenDsrKey> {
  const { selfSignedCertificate } = await import('./self-signed.ts')
  const privateKey = p256From(expandKey(tokenKey, lpConcat('gw/v1/opendsr', 'development')))
  const domain = new URL(publicUrl).hostname.replace(/^\[|\]$/g, '')
  return { privateKey, domain, certificate: await selfSignedCertificate(privateKey, { host: domain, now: now() }) }
}

/** 32 random bytes as the scalar: of 2^32 of them one is beyond the curve's order, and is refused. */
function p256From(secret: KeyObject): KeyObject {
  const scalar = secret.export()
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(scalar)
  const point = ecdh.getPublicKey()
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
  return createPrivateKey({
    key: { kty: 'EC', crv: 'P-256', x: x!, y: y!, d: scalar.toString('base64url') },
    format: 'jwk',
  })
}
