import type { ConsentClaim } from '../../event/event.ts'
import type { Purpose } from '../../event/purpose.ts'
import { type Evidence, mapCategories } from './categories.ts'
import { isGpc } from './gpc.ts'
import { rudderstackEvidence } from './rudderstack.ts'
import { segmentEvidence } from './segment.ts'

/** A claim with how many of its category names the policy does not know: a number for metrics. */
export interface ReadClaim {
  readonly claim: ConsentClaim
  readonly unknownCategories: number
}

/**
 * What a message's context and its Sec-GPC header say about consent. Evidence only: a grant counts for nothing at the
 * gate, a refusal narrows. The most restrictive of several wins. Which purposes Sec-GPC refuses is the policy's to
 * say (`gpc`), so that `refused` does not hold them: narrowedBy() of decide.ts puts all of it together. Never throws.
 * @param context the message's `context` as it came
 */
export function claimOf(
  categories: ReadonlyMap<string, Purpose>,
  context: unknown,
  gpcHeader: string | readonly string[] | undefined,
): ConsentClaim {
  return readClaim(categories, context, gpcHeader).claim
}

/** As claimOf, with the count of unknown category names. */
export function readClaim(
  categories: ReadonlyMap<string, Purpose>,
  context: unknown,
  gpcHeader: string | readonly string[] | undefined,
): ReadClaim {
  const gpc = isGpc(gpcHeader)
  const named = isRecord(context)
    ? ([
        ['segment', segmentEvidence(context)],
        ['rudderstack', rudderstackEvidence(context)],
      ] as const)
    : []
  const stated = named.filter(([, evidence]) => evidence !== 'absent')
  if (stated.length === 0) return { claim: gpc ? GPC_ONLY : NOTHING, unknownCategories: 0 }
  const mapped = stated.map(([, evidence]) => mapEvidence(categories, evidence))
  const refused = mapped.reduce((all, one) => all | one.refused, 0)
  return {
    claim: {
      refused,
      granted: mapped.reduce((all, one) => all | one.granted, 0) & ~refused,
      evidence: [...stated.map(([name]) => name), ...(gpc ? (['gpc'] as const) : [])],
      unreadable: mapped.some((one) => one.unreadable),
    },
    unknownCategories: mapped.reduce((all, one) => all + one.unknown, 0),
  }
}

const NOTHING: ConsentClaim = Object.freeze({ refused: 0, granted: 0, evidence: [], unreadable: false })
const GPC_ONLY: ConsentClaim = Object.freeze({ refused: 0, granted: 0, evidence: ['gpc' as const], unreadable: false })
const UNREADABLE = Object.freeze({ granted: 0, refused: 0, unknown: 0, unreadable: true })

function mapEvidence(categories: ReadonlyMap<string, Purpose>, evidence: Evidence): ReturnType<typeof mapCategories> {
  return typeof evidence === 'string' ? UNREADABLE : mapCategories(categories, evidence)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
