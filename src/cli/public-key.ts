import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import { isForTokens } from '../identity/subject-token.ts'

/** What subject tokens are verified with: Ed25519 or P-256. A private key is refused, it has no business here. */
export async function readPublicKey(file: string): Promise<JsonObject> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('invalid', '--subject-key must name a file that can be read', { cause })
  })
  const jwk = parsePublicKey(text)
  if (jwk === undefined) {
    throw new AppError('invalid', '--subject-key must hold one public JWK: OKP Ed25519, or EC P-256')
  }
  if ('d' in jwk) {
    throw new AppError('invalid', '--subject-key holds a private key: keep it at the shop, give Weir the public one')
  }
  if (!isForTokens(jwk, jwk.kty === 'OKP' ? 'EdDSA' : 'ES256')) {
    throw new AppError(
      'invalid',
      '--subject-key says by its use, key_ops or alg that it is for something else than EdDSA or ES256 signatures: name a key for signing',
    )
  }
  return jwk
}

function parsePublicKey(text: string): JsonObject | undefined {
  try {
    const jwk = JSON.parse(text) as JsonWebKey & JsonObject
    createPublicKey({ key: jwk, format: 'jwk' }) // throws for anything that is no key
    return jwk.crv === 'Ed25519' || jwk.crv === 'P-256' ? jwk : undefined
  } catch {
    return undefined
  }
}
