const DAY_MS = 86_400_000

/**
 * The same hour of the day in that zone, so many calendar days later. An hour that the clocks skip then, or that comes
 * twice, is taken at its earliest: a due time is never late.
 */
export function daysLater(from: number, days: number, zone: string): number {
  const wall = from + offsetAt(from, zone) + days * DAY_MS
  const candidates = [wall - offsetAt(wall - DAY_MS, zone), wall - offsetAt(wall + DAY_MS, zone)]
  const meant = candidates.filter((at) => at + offsetAt(at, zone) === wall)
  return Math.min(...(meant.length > 0 ? meant : candidates))
}

/** `2026-03-29T03:00:00+02:00`: the time as it is read there. */
export function localTime(at: number, zone: string): string {
  const offset = offsetAt(at, zone)
  const minutes = Math.abs(offset) / 60_000
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0')
  const sign = offset < 0 ? '-' : '+'
  return `${new Date(at + offset).toISOString().slice(0, 19)}${sign}${two(minutes / 60)}:${two(minutes % 60)}`
}

/** Milliseconds that the zone's clocks are ahead of UTC. */
function offsetAt(at: number, zone: string): number {
  const parts = formatOf(zone).formatToParts(at)
  const of = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.find((part) => part.type === type)!.value)
  const wall = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'))
  return wall - Math.floor(at / 1000) * 1000
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  formats.set(zone, made)
  return made
}
