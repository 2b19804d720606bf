import type { KeyObject } from 'node:crypto'
import type { Pseudonym, SubjectId, Token } from '../event/ids.ts'
import type { Purpose } from '../event/purpose.ts'
import { expandKey } from './expand.ts'
import { hmacSha256 } from './hmac.ts'
import { lpConcat, TENANT, u32, uuidBytes } from './layouts.ts'

export type TokenKind = 'event' | 'order' | 'visit' | 'cart'

/** From and to, both in milliseconds since 1970, both included. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** What one destination, under one purpose, knows subjects and ids by. Two of them share no value. */
export interface Pseudonymiser {
  /** 128 bits over the subject's random UUID; where pseudonyms roll, that of the period of `at` (milliseconds since 1970). */
  pseudonym(subject: SubjectId, at: number): Pseudonym
  /** Every pseudonym that the subject has within the span, by period. One where they do not roll. */
  pseudonyms(subject: SubjectId, span: Span): Pseudonym[]
  /** 128 bits over an id of the person's; kinds do not mix. A string counts as its UTF-8. Rolls with the pseudonyms. */
  token(kind: TokenKind, value: string | Uint8Array, at: number): Token
}

/** One whose values last as long as the root does. */
export interface LinkablePseudonymiser extends Pseudonymiser {
  /** `p1.<kid>.<22 characters>` */
  pseudonym(subject: SubjectId): Pseudonym
  pseudonyms(subject: SubjectId): Pseudonym[]
  /** `t1.<kid>.<22 characters>` */
  token(kind: TokenKind, value: string | Uint8Array): Token
}

const MAX_KID = 0xffffff
const DAY_MS = 86_400_000
const MAX_HELD = 256 // periods whose keys are held: 60 at a time are in use

/**
 * Derives the keys of (purpose, destination) once from the pseudonym root. `kid`, 0…16,777,215, is the root's number
 * and stands in every value as four base64url characters, so that a change of the root is visible.
 */
export function makePseudonymiser(
  root: KeyObject,
  kid: number,
  purpose: Purpose,
  destination: string,
): LinkablePseudonymiser {
  const kidText = encodeKid(kid)
  const subjectKey = expandKey(root, lpConcat('gw/psn/v1', TENANT, purpose, destination))
  const tokenKey = expandKey(root, lpConcat('gw/tok/v1', TENANT, purpose, destination))
  const pseudonym = (subject: SubjectId): Pseudonym =>
    `p1.${kidText}.${tag(subjectKey, 'subject', uuidBytes(subject))}` as Pseudonym
  return {
    pseudonym,
    pseudonyms: (subject) => [pseudonym(subject)],
    token: (kind, value) => `t1.${kidText}.${tag(tokenKey, kind, value)}` as Token,
  }
}

/**
 * One whose values are other ones in each period of `days` days: `p2.<kid>.<period>.<22 characters>`, `t2.…`. The period
 * is the number of the UTC day divided by `days`, in decimal, so that the break is visible; each period has keys of its
 * own, and so has each length of periods.
 */
export function makeRollingPseudonymiser(
  root: KeyObject,
  named: { readonly kid: number; readonly days: number },
  purpose: Purpose,
  destination: string,
): Pseudonymiser {
  const kidText = encodeKid(named.kid)
  const held = new Map<number, { readonly subject: KeyObject; readonly token: KeyObject }>()
  const keysOf = (period: number): { readonly subject: KeyObject; readonly token: KeyObject } => {
    const known = held.get(period)
    if (known !== undefined) return known
    if (held.size >= MAX_HELD) held.clear()
    const place = [TENANT, purpose, destination, u32(named.days), u32(period)] as const
    const keys = {
      subject: expandKey(root, lpConcat('gw/psn/v2', ...place)),
      token: expandKey(root, lpConcat('gw/tok/v2', ...place)),
    }
    held.set(period, keys)
    return keys
  }
  const inPeriod = (subject: SubjectId, period: number): Pseudonym =>
    `p2.${kidText}.${period}.${tag(keysOf(period).subject, 'subject', uuidBytes(subject))}` as Pseudonym
  return {
    pseudonym: (subject, at) => inPeriod(subject, periodOf(at, named.days)),
    pseudonyms(subject, { from, to }) {
      const first = periodOf(from, named.days)
      const count = Math.max(0, periodOf(to, named.days) - first + 1)
      return Array.from({ length: count }, (_, i) => inPeriod(subject, first + i))
    },
    token(kind, value, at) {
      const period = periodOf(at, named.days)
      return `t2.${kidText}.${period}.${tag(keysOf(period).token, kind, value)}` as Token
    },
  }
}

/** Number of the period that a time is in; none is before 1970. */
export function periodOf(at: number, days: number): number {
  return Math.max(0, Math.floor(at / DAY_MS / days))
}

/** When a period begins, in milliseconds since 1970. */
export function startOfPeriod(period: number, days: number): number {
  return period * days * DAY_MS
}

function encodeKid(kid: number): string {
  if (!Number.isInteger(kid) || kid < 0 || kid > MAX_KID) throw new RangeError('a kid is a whole number of 24 bits')
  return Buffer.of(kid >>> 16, kid >>> 8, kid).toString('base64url')
}

function tag(key: KeyObject, kind: string, value: string | Uint8Array): string {
  // 22 characters carry 132 bits: cutting the text would keep 4 bits too many, so the bytes are cut.
  return hmacSha256(key, lpConcat(kind, value)).toString('base64url', 0, 16)
}
