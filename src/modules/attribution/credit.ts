/** How the credit for a conversion is shared among the touches before it (reference: attribution §1). */
export const MODELS = ['first', 'last', 'linear', 'position'] as const
export type Model = (typeof MODELS)[number]

/** Conversions are counted in millionths, so that shares of them add up exactly. */
export const MICRO = 1_000_000n

/** What somebody or something is credited with. */
export interface Credit {
  /** Millionths of conversions. */
  readonly micro: bigint
  /** Of those, of conversions that are a customer's first. */
  readonly newMicro: bigint
  /** Minor units. */
  readonly value: bigint
}

/** A conversion to be shared. */
export interface Converted {
  readonly value: bigint
  readonly isNew: boolean
}

export const NO_CREDIT: Credit = { micro: 0n, newMicro: 0n, value: 0n }

export function plus(a: Credit, b: Credit): Credit {
  return { micro: a.micro + b.micro, newMicro: a.newMicro + b.newMicro, value: a.value + b.value }
}

/**
 * The credit of each touch of a path of `length` (at least 1), in order. Its sum is exactly one conversion and its
 * value, whatever the model and the length.
 */
export function creditsOf(model: Model, length: number, { value, isNew }: Converted): Credit[] {
  const weights = weightsOf(model, length)
  const micro = shareOut(MICRO, weights)
  const values = shareOut(value, weights)
  return micro.map((share, i) => ({ micro: share, newMicro: isNew ? share : 0n, value: values[i]! }))
}

/** Whole numbers in proportion to each touch's part. Position is 40 / 20 / 40: of two touches each has a half. */
export function weightsOf(model: Model, length: number): bigint[] {
  const last = length - 1
  return Array.from({ length }, (_, i): bigint => {
    if (model === 'first') return i === 0 ? 1n : 0n
    if (model === 'last') return i === last ? 1n : 0n
    if (model === 'linear' || length < 3) return 1n
    if (model === 'position') return i === 0 || i === last ? 2n * BigInt(length - 2) : 1n
    return model satisfies never
  })
}

/**
 * Shares out a whole number in proportion to the weights, in whole numbers that add up to it: each is the difference
 * of two rounded running sums, so none is off by more than one.
 */
export function shareOut(total: bigint, weights: readonly bigint[]): bigint[] {
  const all = weights.reduce((sum, weight) => sum + weight, 0n)
  let weight = 0n
  let given = 0n
  return weights.map((each) => {
    weight += each
    const upTo = (2n * total * weight + all) / (2n * all)
    const share = upTo - given
    given = upTo
    return share
  })
}
