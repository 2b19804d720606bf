import { createHash, createHmac } from 'node:crypto'
import type { Tx } from '../../db/pool.ts'
import type { Json } from '../../event/event.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { SubjectKeys } from '../../protect/subject-key.ts'
import { makeOwnKey, openOwn, ownKey, sealOwn } from '../own-key.ts'
import type { Language, RequestContent } from '../request.ts'
import { addRecords, asStatutory, putRemainder, type Remainder, recordsOf } from './rows.ts'
import type { StoredRecord } from './stored-content.ts'

const TABLE = 'statutory'
const NOTICE = { table: TABLE, group: 'notice', contextId: 46 } as const
const RECORD = { table: TABLE, group: 'record', contextId: 45 } as const

/** A record that is to stay, and the day it goes, YYYY-MM-DD. */
export interface Kept {
  readonly stored: StoredRecord
  readonly due: string
}

/** What a record says once it is opened: the event, and nothing of who did it beyond what the event itself says. */
export interface KeptRecord {
  /** Keyed hash of the event, so that one that is kept twice is kept once: leads nowhere without the remainder's key. */
  readonly id: string
  /** As the policy names it: `track:Order Completed`. */
  readonly event: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly class: string
  readonly fields: Json
}

/** Whom to tell when it goes. */
export interface Notice {
  readonly request: string
  readonly contact: RequestContent['contact']
}

/** UUID (version 8) that is the same whenever it is asked for: done again, nothing is kept twice. */
export function remainderId(...of: readonly string[]): string {
  const bytes = createHash('sha256')
    .update(['weir/remainder', ...of].join('\0'))
    .digest()
    .subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/**
 * Seals records again, under the remainder's own key and without a reference to whose they are, beside those that it
 * has. Makes the remainder where there is none and there is something to keep.
 * @returns how many were added
 */
export async function keep(
  tx: Tx,
  keyring: Keyring,
  remainder: Remainder,
  what: { readonly kept: readonly Kept[]; readonly notice?: Notice | undefined; readonly language: Language },
): Promise<number> {
  const known = await ownKey(tx, keyring, remainder.id)
  if (known === undefined && what.kept.length === 0) return 0
  const keys = known ?? (await makeOwnKey(tx, keyring, remainder.id))
  const notice = what.notice && sealOwn(keys, { id: remainder.id, ...NOTICE }, what.notice as unknown as Json)
  await asStatutory(tx, () => putRemainder(tx, remainder, { language: what.language, notice }))
  const there = known === undefined ? new Set<string>() : await idsIn(tx, keys, remainder.id)
  const records = what.kept.flatMap(({ stored, due }) => {
    const record = recordOf(keys, stored)
    if (there.has(record.id)) return []
    const sealed = sealOwn(keys, { id: remainder.id, ...RECORD }, record as unknown as Json)
    return [{ class: record.class, due, sealed }]
  })
  if (records.length > 0) await asStatutory(tx, () => addRecords(tx, remainder.id, records))
  return records.length
}

function recordOf(keys: SubjectKeys, { row, rule, className, content }: StoredRecord): KeptRecord {
  const id = createHmac('sha256', keys.group(TABLE, 'event'))
    .update(row.eventKey)
    .update(className, 'utf8')
    .digest('base64url')
  return { id, event: rule.key, at: content.t, class: className, fields: content.f }
}

async function idsIn(tx: Tx, keys: SubjectKeys, id: string): Promise<Set<string>> {
  const records = await openRecords(tx, keys, id)
  return new Set(records.map((record) => record.id))
}

/** Every record of a remainder, opened. To be read under a legal ground alone: nothing of the gateway does. */
export async function openRecords(tx: Tx, keys: SubjectKeys, id: string): Promise<KeptRecord[]> {
  const rows = await asStatutory(tx, () => recordsOf(tx, id))
  return rows.map(({ sealed }) => openOwn(keys, { id, ...RECORD }, sealed) as unknown as KeptRecord)
}

export function openNotice(keys: SubjectKeys, id: string, sealed: Uint8Array): Notice {
  return openOwn(keys, { id, ...NOTICE }, sealed) as unknown as Notice
}
