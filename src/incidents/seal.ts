import type { KeyObject } from 'node:crypto'
import { expandKey } from '../protect/expand.ts'
import { lpConcat, u32 } from '../protect/layouts.ts'
import { openRecord, type SealPlace, sealRecord } from '../protect/seal.ts'

/** Sealing context of docs/architecture.md. */
const CONTEXT = 33
const KEY_VERSION = 1

const known = new WeakMap<KeyObject, KeyObject>()

/** HKDF-Expand(token key, LP("gw/v1/incident") ‖ LP("note")); made once for a token key. */
function noteKey(tokenKey: KeyObject): KeyObject {
  const found = known.get(tokenKey)
  if (found !== undefined) return found
  const made = expandKey(tokenKey, lpConcat('gw/v1/incident', 'note'))
  known.set(tokenKey, made)
  return made
}

/** What somebody wrote into a file: it may name people, so that it stands nowhere in clear. */
export function sealNote(tokenKey: KeyObject, incident: string, seq: number, note: string): Buffer {
  const header = { keyVersion: KEY_VERSION, contextId: CONTEXT }
  return sealRecord(noteKey(tokenKey), place(incident, seq), header, Buffer.from(note, 'utf8'))
}

/** Throws ProtectError where it was sealed for another line, or under another key. */
export function openNote(tokenKey: KeyObject, incident: string, seq: number, sealed: Uint8Array): string {
  return openRecord(noteKey(tokenKey), place(incident, seq), sealed).toString('utf8')
}

function place(incident: string, seq: number): SealPlace {
  return { subject: incident, table: 'incident_event', group: 'note', record: u32(seq) }
}
