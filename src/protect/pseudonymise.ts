import { createHmac, type KeyObject } from 'node:crypto'
import type { Pseudonym, SubjectId, Token } from '../event/ids.ts'
import type { Purpose } from '../event/purpose.ts'
import { expandKey } from './expand.ts'
import { lpConcat, TENANT, uuidBytes } from './layouts.ts'

export type TokenKind = 'event' | 'order' | 'visit' | 'cart'

/** What one destination, under one purpose, knows subjects and ids by. Two of them share no value. */
export interface Pseudonymiser {
  /** `p1.<kid>.<22 characters>`: 128 bits over the subject's random UUID. */
  pseudonym(subject: SubjectId): Pseudonym
  /** `t1.<kid>.<22 characters>`: 128 bits over an id of the person's; kinds do not mix. A string counts as its UTF-8. */
  token(kind: TokenKind, value: string | Uint8Array): Token
}

const MAX_KID = 0xffffff

/**
 * Derives the keys of (purpose, destination) once from the pseudonym root. `kid`, 0…16,777,215, is the root's number
 * and stands in every value as four base64url characters, so that a change of the root is visible.
 */
export function makePseudonymiser(root: KeyObject, kid: number, purpose: Purpose, destination: string): Pseudonymiser {
  const kidText = encodeKid(kid)
  const subjectKey = expandKey(root, lpConcat('gw/psn/v1', TENANT, purpose, destination))
  const tokenKey = expandKey(root, lpConcat('gw/tok/v1', TENANT, purpose, destination))
  return {
    pseudonym(subject) {
      return `p1.${kidText}.${tag(subjectKey, 'subject', uuidBytes(subject))}` as Pseudonym
    },
    token(kind, value) {
      return `t1.${kidText}.${tag(tokenKey, kind, value)}` as Token
    },
  }
}

function encodeKid(kid: number): string {
  if (!Number.isInteger(kid) || kid < 0 || kid > MAX_KID) throw new RangeError('a kid is a whole number of 24 bits')
  return Buffer.of(kid >>> 16, kid >>> 8, kid).toString('base64url')
}

function tag(key: KeyObject, kind: string, value: string | Uint8Array): string {
  // 22 characters carry 132 bits: cutting the text would keep 4 bits too many, so the bytes are cut.
  return createHmac('sha256', key).update(lpConcat(kind, value)).digest().toString('base64url', 0, 16)
}
