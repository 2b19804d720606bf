import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Json, JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import { lpConcat } from '../protect/layouts.ts'
import { ProtectError } from '../protect/protect-error.ts'
import { openRecord, sealRecord } from '../protect/seal.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import { canonicalJson } from './jcs.ts'

/** Context of sealed audit details: see docs/architecture.md, the registry of contexts. */
const CONTEXT_ID = 20
const TABLE = 'audit_detail'
const GROUP = 'audit'
const KEY_BYTES = 32

/** What an entry says of a person, and by what its leaf is bound to it. */
export interface SealedDetail {
  readonly subject: SubjectId
  /** HMAC-SHA-256(random key, canonical JSON of the details): tells nothing to who has not the details. */
  readonly commitment: Buffer
  readonly sealed: Buffer
}

/** Seals details under the subject's key with the random key of their commitment: erased with the subject, both are gone. */
export function sealDetail(subject: SubjectId, keys: SubjectKeys, details: JsonObject): SealedDetail {
  const key = randomBytes(KEY_BYTES)
  const text = canonicalJson({ ...details, subject })
  const commitment = commitmentOf(key, text)
  const plaintext = Buffer.concat([key, Buffer.from(text, 'utf8')])
  const header = { keyVersion: keys.keyVersion, contextId: CONTEXT_ID }
  return {
    subject,
    commitment,
    sealed: sealRecord(keys.group(TABLE, GROUP), placeOf(subject, commitment), header, plaintext),
  }
}

/** The details, proved to be those that the leaf commits to. Throws ProtectError. */
export function openDetail(keys: SubjectKeys, { subject, commitment, sealed }: SealedDetail): JsonObject {
  const plaintext = openRecord(keys.group(TABLE, GROUP), placeOf(subject, commitment), sealed)
  const text = plaintext.subarray(KEY_BYTES).toString('utf8')
  if (!timingSafeEqual(commitmentOf(plaintext.subarray(0, KEY_BYTES), text), commitment)) {
    throw new ProtectError('commitment', 'audit detail')
  }
  return JSON.parse(text) as JsonObject // sealed by us
}

/** The same under a newer key of the subject; the commitment stays. */
export function resealDetail(before: SubjectKeys, after: SubjectKeys, detail: SealedDetail): SealedDetail {
  const place = placeOf(detail.subject, detail.commitment)
  const plaintext = openRecord(before.group(TABLE, GROUP), place, detail.sealed)
  const header = { keyVersion: after.keyVersion, contextId: CONTEXT_ID }
  return { ...detail, sealed: sealRecord(after.group(TABLE, GROUP), place, header, plaintext) }
}

/**
 * What stands for a subject in the entries of one month (YYYY-MM): from a key of the subject's own, so that whoever lacks
 * it finds neither the person nor the other months, and nobody does once the subject is erased.
 */
export function subjectTag(keys: SubjectKeys, month: string): string {
  const mac = createHmac('sha256', keys.group(TABLE, 'tag')).update(lpConcat('gw/v1/audit-tag', month)).digest()
  return mac.subarray(0, 16).toString('base64url')
}

function commitmentOf(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function placeOf(subject: SubjectId, commitment: Buffer): Parameters<typeof sealRecord>[1] {
  return { subject, table: TABLE, group: GROUP, record: commitment }
}

export type Details = { readonly [key: string]: Json }
