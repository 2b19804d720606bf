import { importJWK, type JWK, jwtVerify } from 'jose'
import { AppError } from '../errors.ts'
import type { Source } from '../event/event.ts'

export type VerifySubjectToken = (source: Source, token: string) => Promise<string>

const MAX_AGE_SECONDS = 600

/**
 * Verifies a subject token: a JWT (RFC 7519) that the shop's server signed with the key registered for the source, to
 * say which of its users is signed in. EdDSA or ES256; `sub` is the user id, `aud` this gateway (its public URL, or
 * `weir`), `iat` at most ten minutes ago, `exp` required. Throws AppError unauthenticated; never echoes the token.
 */
export function createSubjectTokens(options: {
  readonly publicUrl: string
  readonly now: () => number
}): VerifySubjectToken {
  return async function verify(source, token) {
    if (source.subjectKey === undefined) {
      throw new AppError(
        'unauthenticated',
        'this source has no key for subject tokens: weir source set NAME --subject-key FILE',
        {
          code: 'no-subject-key',
        },
      )
    }
    const jwk = source.subjectKey as JWK
    const algorithm = jwk.kty === 'OKP' ? 'EdDSA' : 'ES256'
    try {
      if (!isForTokens(jwk, algorithm)) throw new TypeError('the registered key says that it is for something else')
      const key = await importJWK(jwk, algorithm)
      const { payload } = await jwtVerify(token, key, {
        algorithms: [algorithm], // the key says which: a token cannot choose (RFC 8725 §3.1)
        audience: [options.publicUrl, 'weir'],
        maxTokenAge: MAX_AGE_SECONDS,
        requiredClaims: ['sub', 'iat', 'exp', 'aud'],
        clockTolerance: 5,
        currentDate: new Date(options.now()),
      })
      if (typeof payload.sub !== 'string' || payload.sub === '') throw new TypeError('sub is empty')
      return payload.sub
    } catch (cause) {
      throw new AppError(
        'unauthenticated',
        'the subject token does not hold: sign sub, aud, iat and exp with the registered key',
        {
          code: 'bad-subject-token',
          cause,
        },
      )
    }
  }
}

/** RFC 7517 §4.2 to §4.4: what a key says of its own use binds, where it says it. RFC 9864 names EdDSA by its curve. */
export function isForTokens(
  { use, key_ops, alg }: Pick<JWK, 'use' | 'key_ops' | 'alg'>,
  algorithm: 'EdDSA' | 'ES256',
): boolean {
  const algorithms = algorithm === 'EdDSA' ? ['EdDSA', 'Ed25519'] : ['ES256']
  return (
    (use ?? 'sig') === 'sig' && (key_ops?.includes('verify') ?? true) && (alg === undefined || algorithms.includes(alg))
  )
}
