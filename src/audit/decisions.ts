import { randomFillSync } from 'node:crypto'
import { lpAfter } from '../protect/layouts.ts'
import { canonicalJson } from './jcs.ts'
import { HASH_SIZE, leafHash, sha256, treeHash } from './tree.ts'

/** What was decided for one event, as its log row holds it. Whom it belongs to is no part of it. */
export interface DecisionFields {
  readonly policyVersion: number
  readonly sourceId: number
  readonly eventKey: Uint8Array
  readonly eventType: number
  readonly routes: number
  readonly granted: number
  readonly refused: number
  readonly narrowed: number
  readonly consentEpoch: number
  readonly userEpoch: number
  readonly consentRef: Uint8Array | null | undefined
  /** u16BE each. */
  readonly removed: Uint8Array
  readonly unclassified: number
}

/** The decisions of one group, each under a salt of its own: a small tree whose root is in one entry of the log. */
export interface DecidedGroup {
  /** 16 random bytes a decision, in the order given. They go with the log rows. */
  readonly salts: readonly Buffer[]
  /** Leaves of the group's tree, 32 bytes each. They stay: what is left of an erased decision, and says nothing of it. */
  readonly hashes: Buffer
  /** Members of the entry: how many, and the root in base64. Canonical JSON. */
  readonly more: string
}

export const SALT_SIZE = 16
const RECORD_SIZE = 37
const NOTHING = new Uint8Array(0)

/**
 * The record of a decision, v1:
 *
 *     0 version 0x01 · 1 policy version u32BE · 5 source i32 · 9 event type i16 · 11 routes i32 · 15 granted i32
 *     19 refused i32 · 23 narrowed i32 · 27 consent epoch i32 · 31 user epoch i32 · 35 unclassified i16
 *     37 LP(event key) ‖ LP(consent reference, or nothing) ‖ LP(removed fields)
 */
export function decisionRecord(fields: DecisionFields): Uint8Array {
  const head = Buffer.allocUnsafe(RECORD_SIZE)
  head[0] = 0x01
  head.writeUInt32BE(fields.policyVersion, 1)
  head.writeInt32BE(fields.sourceId, 5)
  head.writeInt16BE(fields.eventType, 9)
  head.writeInt32BE(fields.routes, 11)
  head.writeInt32BE(fields.granted, 15)
  head.writeInt32BE(fields.refused, 19)
  head.writeInt32BE(fields.narrowed, 23)
  head.writeInt32BE(fields.consentEpoch, 27)
  head.writeInt32BE(fields.userEpoch, 31)
  head.writeInt16BE(fields.unclassified, 35)
  return lpAfter(head, [fields.eventKey, fields.consentRef ?? NOTHING, fields.removed])
}

/** SHA-256(salt ‖ record): without the salt nobody can try out what it stands for. */
export function decisionHash(salt: Uint8Array, record: Uint8Array): Buffer {
  return sha256(Buffer.concat([salt, record]))
}

/** Salts and hashes the decisions of a group. */
export function decideGroup(decisions: readonly DecisionFields[]): DecidedGroup {
  const random = randomFillSync(Buffer.allocUnsafe(SALT_SIZE * decisions.length))
  const salts = decisions.map((_, i) => random.subarray(i * SALT_SIZE, (i + 1) * SALT_SIZE))
  const hashes = decisions.map((fields, i) => decisionHash(salts[i]!, decisionRecord(fields)))
  const root = groupRoot(hashes).toString('base64')
  return { salts, hashes: Buffer.concat(hashes), more: canonicalJson({ decisions: decisions.length, root }) }
}

/** Root of a group's tree, whose leaves are the decisions' hashes (RFC 6962 §2.1). */
export function groupRoot(hashes: readonly Uint8Array[]): Buffer {
  return treeHash(hashes.map(leafHash))
}

/** The hashes of a group as they are stored, apart again. */
export function splitHashes(stored: Buffer): Buffer[] {
  return Array.from({ length: stored.length / HASH_SIZE }, (_, i) =>
    stored.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE),
  )
}
