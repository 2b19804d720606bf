import { hash } from 'node:crypto'
import { importJWK, type JWK, jwtVerify } from 'jose'
import { AppError } from '../../errors.ts'
import type { JsonObject } from '../../event/event.ts'
import { isForTokens } from '../../identity/subject-token.ts'
import type { Right } from '../request.ts'

/** That somebody may ask for somebody else, as far as the asker signed it. */
export interface Mandate {
  readonly agent: string
  /** SHA-256 of what may be used once. */
  readonly once: Buffer
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

export const MANDATE_TYPE = 'dsr-mandate+jwt'
const MAX_LIFE_S = 366 * 86_400

/** An agent confirms to nobody but itself: what corrects data is asked by the person. */
const RIGHTS_OF_AGENTS: ReadonlySet<Right> = new Set(['access', 'portability', 'erasure', 'restriction', 'objection'])

interface Checking {
  readonly right: Right
  /** The value that the request names: the mandate is for this person alone. */
  readonly person: string
  readonly source: { readonly name: string; readonly agentKey: JsonObject }
  readonly publicUrl: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * Checks a mandate: a JWS (EdDSA or ES256) of the agent's registered key, `typ` `dsr-mandate+jwt`, with `agent` (the
 * source's name), `right`, `sub` (the identifier's value), `jti`, `exp` (within a year) and `aud` `weir/requests` or this
 * gateway's URL with `/v1/requests`: an audience that no subject token has, so that neither passes for the other.
 * Throws AppError unauthenticated `bad-mandate`, forbidden `not-for-agents`.
 */
export async function checkMandate(token: string, checking: Checking): Promise<Mandate> {
  const { right, person, source, publicUrl, now } = checking
  if (!RIGHTS_OF_AGENTS.has(right)) {
    throw new AppError('forbidden', 'The person asks for this themselves: no mandate covers it.', {
      code: 'not-for-agents',
    })
  }
  const jwk = source.agentKey as JWK
  const algorithm = jwk.kty === 'OKP' ? 'EdDSA' : 'ES256'
  try {
    if (!isForTokens(jwk, algorithm)) throw new TypeError('the registered key says that it is for something else')
    const { payload } = await jwtVerify(token, await importJWK(jwk, algorithm), {
      algorithms: [algorithm],
      typ: MANDATE_TYPE,
      audience: [`${publicUrl}/v1/requests`, 'weir/requests'],
      requiredClaims: ['agent', 'right', 'sub', 'exp', 'jti', 'aud'],
      clockTolerance: 5,
      currentDate: new Date(now),
    })
    const { agent, jti, exp = 0 } = payload
    if (agent !== source.name || payload.right !== right || payload.sub !== person) throw new TypeError('not for this')
    if (typeof jti !== 'string' || jti === '' || exp * 1000 > now + MAX_LIFE_S * 1000) throw new TypeError('not once')
    return { agent: source.name, once: hash('sha256', `mandate ${agent} ${jti}`, 'buffer'), expiresAt: exp * 1000 }
  } catch (cause) {
    const message =
      'The mandate does not hold: sign agent, right, sub, aud, jti and exp for this request with the agent’s registered key.'
    throw new AppError('unauthenticated', message, { code: 'bad-mandate', cause })
  }
}
