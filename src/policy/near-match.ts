/**
 * Of the names those that were probably meant: the same but for case, spaces and marks, or a few letters away. At most
 * three, the nearest first. Pure.
 */
export function nearMatches(written: string, names: Iterable<string>): string[] {
  const plain = plainOf(written)
  const allowed = Math.max(1, Math.floor(plain.length / 5))
  return [...new Set(names)]
    .map((name) => ({ name, away: distance(plain, plainOf(name), allowed) }))
    .filter(({ away }) => away <= allowed)
    .sort((a, b) => a.away - b.away || (a.name < b.name ? -1 : 1))
    .slice(0, MOST)
    .map(({ name }) => name)
}

const MOST = 3
const LONGEST = 200

/** `order_completed`, `Order completed` and `OrderCompleted` are one. */
function plainOf(name: string): string {
  return name
    .slice(0, LONGEST)
    .toLowerCase()
    .replace(/[\s_.-]/g, '')
}

/** Levenshtein's: letters to add, drop or replace; more than `most` may be any number above it. */
function distance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same))
    }
    row = next
  }
  return row[b.length]!
}
