import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { JsonObject } from '../../src/event/event.ts'

/** A shop that signs who is signed in. */
export interface Shop {
  /** The public key that the source is added with. */
  readonly jwk: JsonObject
  sign(userId: string, claims?: TokenClaims): Promise<string>
}

export interface TokenClaims {
  readonly audience?: string
  /** Seconds from now; the defaults are now, and ten minutes on. */
  readonly issued?: number
  readonly expires?: number
}

export async function makeShop(algorithm: 'EdDSA' | 'ES256' = 'EdDSA'): Promise<Shop> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  return {
    jwk: { ...(await exportJWK(publicKey)), alg: algorithm } as JsonObject,
    sign(userId, { audience = 'weir', issued = 0, expires = 600 } = {}) {
      const now = Math.floor(Date.now() / 1000)
      return new SignJWT({})
        .setProtectedHeader({ alg: algorithm })
        .setSubject(userId)
        .setAudience(audience)
        .setIssuedAt(now + issued)
        .setExpirationTime(now + expires)
        .sign(privateKey)
    },
  }
}
