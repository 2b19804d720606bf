import { isUtf8 } from 'node:buffer'
import { parseCanonical } from './jcs.ts'

/** An entry may be this much older than a cosignature over a tree without it: it waited to be sequenced. In ms. */
export const MAX_WAIT = 3_600_000

export type BodyFault = 'not-canonical' | 'back-dated'

/** What is wrong with a body that hashes to its leaf; `witnessed` is when a witness saw the log without it, in ms. */
export function faultOf(body: Uint8Array, witnessed: number | undefined): BodyFault | undefined {
  const at = timeIn(body)
  if (at === undefined) return 'not-canonical'
  return witnessed !== undefined && at < witnessed - MAX_WAIT ? 'back-dated' : undefined
}

const OPENING = Buffer.from('{"action":"audit.open"') // members are sorted, so this comes first

/** What the shard of this entry was opened after: the text of the checkpoint before it. Undefined for any other entry. */
export function openedAfter(body: Uint8Array): string | undefined {
  if (!OPENING.equals(body.subarray(0, OPENING.length))) return undefined
  const entry = parseCanonical(Buffer.from(body).toString('utf8'))
  const previous: unknown = typeof entry === 'object' && entry !== null ? Reflect.get(entry, 'previous') : undefined
  return typeof previous === 'string' ? previous : undefined
}

/** The time in a body, in ms since 1970; undefined where the body is not the canonical JSON of an object that has one. */
function timeIn(body: Uint8Array): number | undefined {
  if (!isUtf8(body)) return undefined // as text it would not be the body any more
  const entry = parseCanonical(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return undefined
  const at: unknown = Reflect.get(entry, 'at')
  const time = typeof at === 'string' && ISO_TIME.test(at) ? Date.parse(at) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/
