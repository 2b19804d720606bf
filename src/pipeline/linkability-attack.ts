/** What a destination knows of people without an identifier: by name there, traits (a day, a day with a product) with how often. */
export type Traits = ReadonlyMap<string, ReadonlyMap<string, number>>

export interface Side {
  readonly traits: Traits
  /** The person behind a name: known to the gateway alone. */
  readonly truth: ReadonlyMap<string, string>
}

/** How the best guess is found: by the very same traits, by most in common, by all of the one among those of the other. */
export const ATTACKS = ['same', 'alike', 'contained'] as const
export type AttackKind = (typeof ATTACKS)[number]

export interface Found {
  /** People of the side that was looked for, however many names they have. */
  readonly people: number
  /** Of those, looked for: all, or an even sample. */
  readonly looked: number
  /** Of those, found again uniquely and rightly, by one of their names at least. */
  readonly linked: number
}

/** More are not looked for: an even sample tells the share as well. */
export const MOST_LOOKED_FOR = 5_000

/**
 * Looks for each person of one side on the other, by traits alone, as somebody would who has both data sets and nothing
 * else; then asks the truth. A guess counts where there is one best candidate and it is the right one. Pure.
 */
export function attack(kind: AttackKind, looked: Side, among: Side): Found {
  const people = Map.groupBy([...looked.traits.keys()].sort(), (name) => looked.truth.get(name) ?? name)
  const sampled = sample([...people.keys()], MOST_LOOKED_FOR)
  const index = kind === 'same' ? indexOfKeys(among.traits) : indexOfTraits(among.traits)
  const isFound = (name: string, person: string): boolean => {
    const traits = looked.traits.get(name)!
    const guess = kind === 'same' ? only(index.get(keyOf(traits)) ?? []) : best(kind, traits, among.traits, index)
    return guess !== undefined && among.truth.get(guess) === person
  }
  const linked = sampled.filter((person) => people.get(person)!.some((name) => isFound(name, person)))
  return { people: people.size, looked: sampled.length, linked: linked.length }
}

type Index = ReadonlyMap<string, readonly string[]>

function keyOf(traits: ReadonlyMap<string, number>): string {
  return [...traits]
    .map(([trait, n]) => `${trait} ${n}`)
    .sort()
    .join('\n')
}

function indexOfKeys(all: Traits): Index {
  return Map.groupBy(all.keys(), (name) => keyOf(all.get(name)!))
}

function indexOfTraits(all: Traits): Index {
  const index = new Map<string, string[]>()
  for (const [name, traits] of all) {
    for (const trait of traits.keys()) {
      const names = index.get(trait)
      if (names === undefined) index.set(trait, [name])
      else names.push(name)
    }
  }
  return index
}

/** Rare traits weigh more: a day on which few came says more of who came. */
function best(kind: AttackKind, traits: ReadonlyMap<string, number>, all: Traits, index: Index): string | undefined {
  const weightOf = (trait: string): number => 1 / Math.log2(2 + (index.get(trait)?.length ?? 0))
  const common = new Map<string, number>()
  for (const [trait, n] of traits) {
    for (const name of index.get(trait) ?? []) {
      const both = Math.min(n, all.get(name)!.get(trait)!)
      common.set(name, (common.get(name) ?? 0) + both * weightOf(trait))
    }
  }
  const weigh = (of: ReadonlyMap<string, number>): number => {
    let sum = 0
    for (const [trait, n] of of) sum += n * weightOf(trait)
    return sum
  }
  const own = weigh(traits)
  return top(common, (name, shared) =>
    kind === 'contained' ? shared / own : shared / (own + weigh(all.get(name)!) - shared),
  )
}

/** The one with the highest score; undefined where two have it. */
function top(
  common: ReadonlyMap<string, number>,
  scoreOf: (name: string, shared: number) => number,
): string | undefined {
  let found: string | undefined
  let highest = 0
  for (const [name, shared] of common) {
    const score = scoreOf(name, shared)
    if (Math.abs(score - highest) < 1e-9) found = undefined
    else if (score > highest) {
      highest = score
      found = name
    }
  }
  return found
}

function only(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined
}

function sample(names: readonly string[], most: number): readonly string[] {
  if (names.length <= most) return names
  return Array.from({ length: most }, (_, i) => names[Math.floor((i * names.length) / most)]!)
}
