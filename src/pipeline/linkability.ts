import { appendEntries } from '../audit/log.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { ATTACKS, type AttackKind, attack, type Found, type Traits } from './linkability-attack.ts'
import { type Hosted, type Sight, sightsOf, traitsOf, truthOf } from './linkability-sides.ts'

/** How many people of two destinations can be linked by what both know of them. */
export interface PairLinkability {
  readonly a: string
  readonly b: string
  /** People of the smaller of the two, however many names they have; an even sample of 5,000 is looked for where there are more. */
  readonly people: number
  readonly linked: number
  readonly share: number
  /** Of the policy; 0 where it states none. */
  readonly limit: number
  readonly ok: boolean
  /** The strongest attack: by which tables, and how. Null where nobody was linked. */
  readonly by: {
    readonly a: string
    readonly b: string
    readonly columns: readonly string[]
    readonly how: AttackKind
  } | null
}

export interface LinkabilityDeps {
  readonly db: Db
  readonly hosted: readonly Hosted[]
  /** Share of people; undefined where the policy states none. */
  readonly limit: number | undefined
}

/**
 * Attacks every pair of hosted destinations with all that they hold, and counts: names and traits stay in memory, only
 * counts are returned. The audit log has it first.
 */
export async function measureLinkability({ db, hosted, limit = 0 }: LinkabilityDeps): Promise<PairLinkability[]> {
  const entry = { actor: 'cli', action: 'linkability.measure', resource: 'destinations', purpose: 'administration' }
  await appendEntries(db, [entry])
  const pairs = hosted.flatMap((a, i) => hosted.slice(i + 1).map((b) => [a, b] as const))
  return transaction(db, async (tx) => {
    const truths = new Map<Hosted, ReadonlyMap<string, string>>()
    for (const one of hosted) truths.set(one, await truthOf(tx, one))
    const measured: PairLinkability[] = []
    for (const [a, b] of pairs) measured.push(await measurePair(tx, { a, b, truths, limit }))
    return measured
  })
}

interface Pair {
  readonly a: Hosted
  readonly b: Hosted
  readonly truths: ReadonlyMap<Hosted, ReadonlyMap<string, string>>
  readonly limit: number
}

async function measurePair(tx: Tx, pair: Pair): Promise<PairLinkability> {
  const { a, b, limit } = pair
  const [ofA, ofB] = [viewsOf(await sightsOf(tx, a)), viewsOf(await sightsOf(tx, b))]
  const people = [await countOf(tx, pair, a, ofA[0]), await countOf(tx, pair, b, ofB[0])] as const
  const smaller = Math.min(...people)
  let linked = 0
  let by: PairLinkability['by'] = null
  for (const left of ofA) {
    for (const right of ofB) {
      const columns = commonColumns(left, right)
      const seen = [await traitsOf(tx, a, left.sights, columns), await traitsOf(tx, b, right.sights, columns)] as const
      for (const how of ATTACKS) {
        const found = lookFor(how, pair, people[0] <= people[1] ? seen : [seen[1], seen[0]], people[0] <= people[1])
        if (found <= linked) continue
        linked = found
        by = { a: left.name, b: right.name, columns, how }
      }
    }
  }
  const share = smaller === 0 ? 0 : linked / smaller
  return { a: a.module.name, b: b.module.name, people: smaller, linked, share, limit, ok: share <= limit, by }
}

/** How many people of the smaller side are found again; where a sample was looked for, of all of them as of the sample. */
function lookFor(
  how: AttackKind,
  { a, b, truths }: Pair,
  [looked, among]: readonly [Traits, Traits],
  aIsSmaller: boolean,
): number {
  const [first, second] = aIsSmaller ? [a, b] : [b, a]
  const found: Found = attack(
    how,
    { traits: looked, truth: truths.get(first)! },
    { traits: among, truth: truths.get(second)! },
  )
  return found.looked === 0 ? 0 : Math.round((found.linked * found.people) / found.looked)
}

/** What an attacker may look at: everything together, or one table. */
interface View {
  readonly name: string
  readonly sights: readonly Sight[]
}

function viewsOf(sights: readonly Sight[]): View[] {
  const each = sights.map((sight) => ({ name: sight.table, sights: [sight] }))
  return sights.length > 1 ? [{ name: 'all', sights }, ...each] : each
}

/** Columns that say something beside the day, of the same name in every table of both. */
function commonColumns(left: View, right: View): string[] {
  const [first, ...others] = [...left.sights, ...right.sights]
  return (first?.says ?? []).filter((column) => others.every(({ says }) => says.includes(column)))
}

async function countOf(tx: Tx, { truths }: Pair, side: Hosted, view: View | undefined): Promise<number> {
  if (view === undefined) return 0
  const truth = truths.get(side)!
  return new Set([...(await traitsOf(tx, side, view.sights, [])).keys()].map((name) => truth.get(name) ?? name)).size
}
