/** How far two samples differ: in where they lie, and in their shape. */
export interface Difference {
  /** Mann-Whitney's U as a standard score: beyond ±5 the chance is below one in a million where they are alike. */
  readonly z: number
  /** Welch's t of the means, of what lies under the 95th percentile: a pause of the machine is nobody's secret. */
  readonly t: number
  /** Kolmogorov-Smirnov: the largest distance between the two distributions, 0 to 1. */
  readonly d: number
}

export function difference(one: readonly number[], other: readonly number[]): Difference {
  return { z: mannWhitney(one, other), t: welch(trimmed(one), trimmed(other)), d: kolmogorovSmirnov(one, other) }
}

function mannWhitney(one: readonly number[], other: readonly number[]): number {
  const all = [...one.map((x) => ({ x, own: true })), ...other.map((x) => ({ x, own: false }))].sort(
    (a, b) => a.x - b.x,
  )
  let ranks = 0
  for (let from = 0; from < all.length; ) {
    let to = from
    while (to < all.length && all[to]!.x === all[from]!.x) to++
    const rank = (from + 1 + to) / 2
    for (const { own } of all.slice(from, to)) if (own) ranks += rank
    from = to
  }
  const [n, m] = [one.length, other.length]
  const u = ranks - (n * (n + 1)) / 2
  return (u - (n * m) / 2) / Math.sqrt((n * m * (n + m + 1)) / 12)
}

function welch(one: readonly number[], other: readonly number[]): number {
  const [a, b] = [moments(one), moments(other)]
  return (a.mean - b.mean) / Math.sqrt(a.variance / one.length + b.variance / other.length)
}

function moments(sample: readonly number[]): { mean: number; variance: number } {
  const mean = sample.reduce((sum, x) => sum + x, 0) / sample.length
  const variance = sample.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (sample.length - 1)
  return { mean, variance }
}

function trimmed(sample: readonly number[]): number[] {
  const sorted = sample.toSorted((a, b) => a - b)
  return sorted.slice(0, Math.ceil(sorted.length * 0.95))
}

function kolmogorovSmirnov(one: readonly number[], other: readonly number[]): number {
  const below = (sample: readonly number[], x: number): number => sample.filter((y) => y <= x).length / sample.length
  return Math.max(...[...one, ...other].map((x) => Math.abs(below(one, x) - below(other, x))))
}

/** A list in an order that only the seed knows (mulberry32). */
export function shuffled<T>(list: readonly T[], seed: number): T[] {
  let state = seed >>> 0
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const out = [...list]
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[out[i], out[j]] = [out[j]!, out[i]!]
  }
  return out
}
