import { hash } from 'node:crypto'
import { decodeProtectedHeader, importJWK, type JWK, type JWTPayload, jwtVerify } from 'jose'
import type { OfficerDeps } from './deps.ts'
import type { Actor, Role } from './roles.ts'
import { findServiceKey } from './service-keys.ts'

/** `typ` of the header (RFC 8725 §3.11): no other token of anybody's is taken for one of these. */
export const ASSERTION_TYPE = 'weir-service+jwt'
const LONGEST_S = 300
const TOLERANCE_S = 5

/**
 * The machine that signed an assertion for itself: EdDSA by the key that `kid` names here, `iss` = `sub` = that key's
 * id, `aud` = the public URL, `iat` and `exp` at most five minutes apart, `jti` used once. Keys that the token brings or
 * points to (jwk, jku, x5c, x5u) are never looked at (RFC 8725 §3.1, §3.10). Undefined for anything that does not hold.
 */
export async function verifyServiceAssertion(
  deps: Pick<OfficerDeps, 'db' | 'publicUrl' | 'now'>,
  token: string,
): Promise<(Actor & { role: Role }) | undefined> {
  const id = keyIdOf(token)
  const known = id === undefined ? undefined : await findServiceKey(deps.db, id)
  if (id === undefined || known === undefined) return undefined
  const payload = await verified(deps, token, id, known.jwk as JWK)
  if (payload === undefined || !isShort(payload, deps.now())) return undefined
  if (!(await isFirstUse(deps, id, payload))) return undefined
  return { kind: 'service', id, role: known.role }
}

function keyIdOf(token: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(token)
    return typeof kid === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(kid) ? kid : undefined
  } catch {
    return undefined
  }
}

async function verified(
  { publicUrl, now }: Pick<OfficerDeps, 'publicUrl' | 'now'>,
  token: string,
  id: string,
  jwk: JWK,
): Promise<JWTPayload | undefined> {
  try {
    const key = await importJWK(jwk, 'EdDSA')
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['EdDSA', 'Ed25519'], // RFC 8037, and its name since RFC 9864
      typ: ASSERTION_TYPE,
      issuer: id,
      subject: id,
      audience: publicUrl,
      requiredClaims: ['iat', 'exp', 'jti'],
      maxTokenAge: LONGEST_S,
      clockTolerance: TOLERANCE_S,
      currentDate: new Date(now()),
    })
    return Array.isArray(payload.aud) ? undefined : payload // meant for us and nobody else
  } catch {
    return undefined
  }
}

function isShort({ iat = 0, exp = Number.POSITIVE_INFINITY, jti }: JWTPayload, now: number): boolean {
  const soon = exp <= now / 1000 + LONGEST_S + TOLERANCE_S
  return soon && exp - iat <= LONGEST_S && typeof jti === 'string' && jti.length >= 16 && jti.length <= 128
}

/** False where the same assertion came before, also at the same time through another node. */
async function isFirstUse(
  { db, now }: Pick<OfficerDeps, 'db' | 'now'>,
  id: string,
  payload: JWTPayload,
): Promise<boolean> {
  await db.$client.query(
    `delete from weir.service_assertion where jti_hash in (
       select jti_hash from weir.service_assertion where expires_at < $1 order by expires_at limit 20)`,
    [new Date(now() - 60_000)],
  )
  const { rowCount } = await db.$client.query(
    'insert into weir.service_assertion (jti_hash, expires_at) values ($1, $2) on conflict do nothing',
    [hash('sha256', `${id} ${payload.jti}`, 'buffer'), new Date((payload.exp! + TOLERANCE_S) * 1000)],
  )
  return rowCount === 1
}
