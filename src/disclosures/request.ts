import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { canonicalJson } from '../audit/jcs.ts'
import type { SubjectId } from '../event/ids.ts'
import type { Kind } from './state.ts'

/** What was asked for, as it was asked: nothing of it changes later, and its hash is what is approved. */
export interface Request {
  readonly id: string
  readonly kind: Kind
  readonly caseId: string
  readonly purpose: string
  /** Field classes and paths, or types of identifiers. */
  readonly wanted: readonly string[]
  readonly destination: string | undefined
  readonly toDestination: string | undefined
  readonly planHash: string | undefined
  readonly reads: number
  readonly minutes: number
  readonly emergency: boolean
  readonly askedBy: string
  /** Milliseconds since 1970. */
  readonly askedAt: number
  /** See commitTo. */
  readonly commitment: Buffer
}

/** Whom it is about, and why. Kept sealed; the request only commits to it. */
export interface Ground {
  /** Undefined where it is about nobody, or nobody was known. */
  readonly subject: SubjectId | undefined
  readonly reason: string
  /** 32 random bytes: without them nobody can try out whom or what a commitment stands for. */
  readonly salt: Buffer
}

/** HMAC-SHA-256(salt, canonical JSON of person and reason). */
export function commitTo({ subject, reason, salt }: Ground): Buffer {
  return createHmac('sha256', salt)
    .update(canonicalJson({ reason, subject: subject ?? null }))
    .digest()
}

/** Whether the request was asked about this person for this reason. In constant time. */
export function isGroundOf({ commitment }: Pick<Request, 'commitment'>, ground: Ground): boolean {
  return timingSafeEqual(commitTo(ground), commitment)
}

/** The canonical JSON (RFC 8785) of a request: what an approval is over. Holds nothing personal. */
export function requestText(request: Request): string {
  const { id, kind, caseId, purpose, wanted, destination, toDestination, planHash, reads, minutes } = request
  const { emergency, askedBy, askedAt, commitment } = request
  return canonicalJson({
    v: 1,
    id,
    kind,
    caseId,
    purpose,
    wanted: [...wanted],
    ...(destination === undefined ? {} : { destination }),
    ...(toDestination === undefined ? {} : { toDestination }),
    ...(planHash === undefined ? {} : { planHash }),
    reads,
    minutes,
    emergency,
    askedBy,
    askedAt: new Date(askedAt).toISOString(),
    commitment: commitment.toString('base64url'),
  })
}

/** SHA-256 of requestText, 32 bytes: the challenge that an authenticator signs. */
export function requestHash(request: Request): Buffer {
  return createHash('sha256').update(requestText(request)).digest()
}
