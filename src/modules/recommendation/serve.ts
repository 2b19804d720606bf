import type { Tx } from '../../db/pool.ts'
import type { Pseudonym } from '../../event/ids.ts'
import { alsoBought } from './also-bought.ts'
import { itemsOrdered, personal } from './personal.ts'
import { popular } from './popular.ts'
import { boughtTogether, type Recommended } from './why.ts'

export const PLACEMENTS = ['also_bought', 'popular', 'for_you'] as const
export type Placement = (typeof PLACEMENTS)[number]

/** A question about nobody: there is no place in it for an identifier, so two people who ask it get the same bytes. */
export interface ContextAsk {
  readonly placement: Placement
  readonly productId?: string
  readonly n: number
}

/** A question for a person: every pseudonym of theirs that the caller may use, and no other. */
export interface PersonalAsk extends ContextAsk {
  readonly subjects: readonly Pseudonym[]
  /** Items that the person struck out: nothing follows from them, and they are not shown. */
  readonly ignoring?: readonly string[]
}

export interface Answer {
  readonly mode: 'context' | 'personal'
  readonly placement: Placement
  readonly items: readonly Recommended[]
  /** Names the state that was served: it changes with every change of it, an erasure included. */
  readonly snapshot: string
}

const MAX_ITEMS = 100

/**
 * Answers without a person: what is bought with the product, filled up with what most people buy. An unknown product
 * gets the popular items, and each item says so. Reads as the gateway's role, which may write nothing here.
 */
export async function forContext(tx: Tx, ask: ContextAsk): Promise<Answer> {
  const snapshot = await snapshotOf(tx)
  const items = await fillUp(tx, await nearProduct(tx, ask, []), ask, [])
  return { mode: 'context', placement: ask.placement, items, snapshot }
}

/**
 * Answers for a person: what is bought with the product (also_bought), then what goes with the person's recent items
 * (also_bought and for_you), then what most people buy; never what they have ordered before or struck out.
 */
export async function forPerson(tx: Tx, ask: PersonalAsk): Promise<Answer> {
  const snapshot = await snapshotOf(tx)
  const without = [...(await itemsOrdered(tx, ask.subjects)), ...(ask.ignoring ?? [])]
  const near = await nearProduct(tx, ask, without)
  const items = [...near, ...(await nearPerson(tx, near, ask, without))]
  return { mode: 'personal', placement: ask.placement, items: await fillUp(tx, items, ask, without), snapshot }
}

async function nearProduct(tx: Tx, ask: ContextAsk, without: readonly string[]): Promise<Recommended[]> {
  if (ask.placement !== 'also_bought' || ask.productId === undefined) return []
  const neighbours = await alsoBought(tx, { productId: ask.productId, n: bounded(ask.n), without })
  return neighbours.map(({ item, score, together, of }) => ({
    product_id: item,
    score,
    stage: 'also_bought',
    why: boughtTogether(together, of),
  }))
}

async function nearPerson(
  tx: Tx,
  found: readonly Recommended[],
  ask: PersonalAsk,
  without: readonly string[],
): Promise<Recommended[]> {
  const n = bounded(ask.n) - found.length
  if (ask.placement === 'popular' || n <= 0) return []
  const { subjects, ignoring = [] } = ask
  return personal(tx, { subjects, n, without: [...without, ...inAnswer(found, ask)], ignoring })
}

async function fillUp(
  tx: Tx,
  found: readonly Recommended[],
  ask: ContextAsk,
  without: readonly string[],
): Promise<Recommended[]> {
  const n = bounded(ask.n) - found.length
  if (n <= 0) return [...found]
  return [...found, ...(await popular(tx, { n, without: [...without, ...inAnswer(found, ask)] }))]
}

function inAnswer(found: readonly Recommended[], ask: ContextAsk): string[] {
  return [...found.map((item) => item.product_id), ...(ask.productId === undefined ? [] : [ask.productId])]
}

function bounded(n: number): number {
  return Math.min(Math.max(Math.trunc(n), 0), MAX_ITEMS)
}

async function snapshotOf(tx: Tx): Promise<string> {
  const result = await tx.$client.query<{ version: bigint }>('select version from recommendation.state')
  return `recommendation-${result.rows[0]!.version}`
}
