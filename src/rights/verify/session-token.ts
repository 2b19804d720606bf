import { hash } from 'node:crypto'
import { importJWK, type JWK, type JWTPayload, jwtVerify } from 'jose'
import type { Db } from '../../db/pool.ts'
import { AppError } from '../../errors.ts'
import type { JsonObject } from '../../event/event.ts'
import { isForTokens } from '../../identity/subject-token.ts'
import type { Right } from '../request.ts'

/** What a session token of the shop proves. */
export interface Session {
  /** The user id, as the shop writes it. */
  readonly user: string
  /** SHA-256 of what may be shown once. */
  readonly once: Buffer
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  /** It does not say that the person signed in within the last ten minutes. */
  readonly stale: boolean
}

const MAX_AGE_S = 300
const MAX_SIGNED_IN_S = 600
const TOLERANCE_S = 5
const TYPES: ReadonlySet<unknown> = new Set([undefined, 'JWT', 'dsr-session+jwt'])

interface Checking {
  /** `session`: the person signs in at the privacy centre, for all of them; a token for one right is none for that. */
  readonly right: Right | 'session'
  readonly publicUrl: string
  /** Milliseconds since 1970. */
  readonly now: number
  /** Public JWKs of shops: each names its algorithm, a token cannot choose (RFC 8725 §3.1). */
  readonly keys: readonly JsonObject[]
}

/**
 * Checks what a shop signed about who is signed in: a JWT (RFC 7519) with EdDSA or ES256, of `typ` `dsr-session+jwt` or
 * a plain subject token. `sub` is the user, `aud` this gateway, `iat` at most five minutes ago, `exp` required; `right`
 * must be the one that is asked for, where it is said. To erase, a `dsr-session+jwt` must say `auth_time` within ten
 * minutes. Throws AppError unauthenticated `bad-session-token`; never echoes the token.
 */
export async function checkSession(token: string, checking: Checking): Promise<Session> {
  for (const jwk of checking.keys) {
    const verified = await verifyWith(token, jwk as JWK, checking)
    if (verified !== undefined) return sessionOf(token, verified, checking)
  }
  throw badToken()
}

interface Verified {
  readonly payload: JWTPayload
  readonly typ: string | undefined
}

async function verifyWith(token: string, jwk: JWK, { publicUrl, now }: Checking): Promise<Verified | undefined> {
  const algorithm = jwk.kty === 'OKP' ? 'EdDSA' : 'ES256'
  try {
    if (!isForTokens(jwk, algorithm)) return undefined
    const { payload, protectedHeader } = await jwtVerify(token, await importJWK(jwk, algorithm), {
      algorithms: [algorithm],
      audience: [publicUrl, 'weir'],
      maxTokenAge: MAX_AGE_S,
      requiredClaims: ['sub', 'iat', 'exp', 'aud'],
      clockTolerance: TOLERANCE_S,
      currentDate: new Date(now),
    })
    return TYPES.has(protectedHeader.typ) ? { payload, typ: protectedHeader.typ } : undefined
  } catch {
    return undefined
  }
}

function sessionOf(token: string, { payload, typ }: Verified, { right, now }: Checking): Session {
  const { sub, jti, exp, iss, auth_time: signedIn, right: forRight } = payload
  if (typeof sub !== 'string' || sub === '') throw badToken()
  if (forRight !== undefined && forRight !== right) throw badToken()
  const age = typeof signedIn === 'number' ? now / 1000 - signedIn : undefined
  const fresh = age !== undefined && age <= MAX_SIGNED_IN_S + TOLERANCE_S && age >= -TOLERANCE_S
  if (age !== undefined && !fresh && right === 'erasure') throw signInAgain()
  if (age === undefined && right === 'erasure' && typ === 'dsr-session+jwt') throw signInAgain()
  // Without a number of its own it is what was signed: a signature can be written in two ways (ECDSA), that cannot.
  const one = typeof jti === 'string' ? `jti ${iss ?? ''} ${sub} ${jti}` : token.slice(0, token.lastIndexOf('.'))
  return { user: sub, once: hash('sha256', one, 'buffer'), expiresAt: (exp ?? 0) * 1000, stale: !fresh }
}

/** Public JWKs of every shop: who asks without a write key names no source. */
export async function keysOfShops(db: Db): Promise<JsonObject[]> {
  const { rows } = await db.$client.query<{ jwk: JsonObject }>(
    `select distinct on (subject_jwk::text) subject_jwk as jwk from weir.source
     where subject_jwk is not null and revoked_at is null and not test order by subject_jwk::text limit 50`,
  )
  return rows.map(({ jwk }) => jwk)
}

function badToken(): AppError {
  const message =
    'The session token does not hold: sign sub, aud, iat (at most five minutes ago) and exp with the registered key, for this right.'
  return new AppError('unauthenticated', message, { code: 'bad-session-token' })
}

function signInAgain(): AppError {
  const message =
    'To erase, the session token must say (auth_time) that the person signed in within the last ten minutes.'
  return new AppError('unauthenticated', message, { code: 'sign-in-again' })
}
