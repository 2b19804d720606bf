const MINUTE_MS = 60_000
/** How far ahead a clock may be before we stop believing it. */
export const FUTURE_MS = 5 * MINUTE_MS
export const EARLIEST = Date.UTC(2000, 0, 1) // before any shop's events; year 1 and 1970 are clocks that were never set

export interface MessageTimes {
  /** When the client says it happened: Segment's `timestamp`, RudderStack's `originalTimestamp`. */
  readonly created: unknown
  /** When the client says it sent the request, by the same clock. */
  readonly sent: unknown
  /** Our clock. */
  readonly received: number
}

/**
 * When it happened by our clock, in milliseconds: received − (sent − created), where the client says both and created
 * them in this order; else what it says, else when we received it. The past stays as it is (retention decides);
 * the future, the unreadable and dates outside 2000 to now become the time of receipt.
 */
export function occurredAt({ created, sent, received }: MessageTimes): number {
  const createdAt = readTime(created)
  if (createdAt === undefined) return received
  const sentAt = readTime(sent)
  if (sentAt !== undefined && sentAt < createdAt) return received // a clock that runs backwards says nothing
  const derived = sentAt === undefined ? createdAt : received - (sentAt - createdAt)
  if (derived > received + FUTURE_MS || derived < EARLIEST) return received
  return derived
}

const isoTime = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/i

/** Date.parse takes 30 February for 2 March. */
function isDay(iso: string): boolean {
  const day = Number(iso.slice(8, 10))
  if (day <= 28) return true
  return day <= new Date(Date.UTC(Number(iso.slice(0, 4)), Number(iso.slice(5, 7)), 0)).getUTCDate()
}

/** Milliseconds of an ISO 8601 text (UTC where it names no zone) or of a number of milliseconds; else undefined. */
export function readTime(value: unknown): number | undefined {
  if (typeof value === 'number') return value >= EARLIEST && value < 253_402_300_800_000 ? Math.floor(value) : undefined
  if (typeof value !== 'string') return undefined
  const match = isoTime.exec(value)
  if (match === null || !isDay(value)) return undefined
  // Without a zone Date.parse would take the server's.
  const ms = Date.parse(match[1] === undefined && value.length > 10 ? `${value}Z` : value)
  return Number.isNaN(ms) ? undefined : ms
}
