import { unpackRemoved } from '../../eventlog/append.ts'
import { closedByOf, type Explained, withClosing } from '../../pipeline/closed-by.ts'
import type { CompiledPolicy } from '../../policy/compiled.ts'
import { type Explanation, explain } from '../../policy/explain.ts'
import type { AccessEvent } from './schema.ts'

/** What a log row says of its decision. */
export interface DecidedRow {
  readonly policyVersion: number
  readonly eventType: number
  readonly routes: number
  readonly closed: number
  readonly granted: number
  readonly refused: number
  readonly narrowed: number
  readonly consentEpoch: number
  readonly removed: Buffer
  readonly unclassified: number
}

type Decision = NonNullable<AccessEvent['decision']>

const MOST_HELD = 2_000

/**
 * Words decisions as explain-decision does. Events of one kind that came under one choice are worded once: a person has
 * thousands of them.
 */
export function createDecisionWords(): (policy: CompiledPolicy, row: DecidedRow) => Decision {
  const held = new Map<string, Decision>()
  return (policy, row) => {
    const { policyVersion, eventType, routes, closed, granted, refused, narrowed, consentEpoch, unclassified } = row
    const numbers = [policyVersion, eventType, routes, closed, granted, refused, narrowed, consentEpoch, unclassified]
    const key = `${numbers.join()} ${row.removed.toString('base64')}`
    const known = held.get(key)
    if (known !== undefined) return known
    if (held.size >= MOST_HELD) held.clear()
    const made = wordsOf(policy, row)
    held.set(key, made)
    return made
  }
}

function wordsOf(policy: CompiledPolicy, row: DecidedRow): Decision {
  const explanation = explain(policy, {
    event: row.eventType === -1 ? 'unknown' : row.eventType,
    granted: row.granted,
    refused: row.refused,
    narrowed: row.narrowed,
    permitted: row.routes,
    removed: unpackRemoved(row.removed),
    unclassified: row.unclassified,
  })
  const told = withClosing(explanation as unknown as Explained, closedByOf(row.narrowed)) as unknown as Explanation
  const bits = new Map((policy.eventList[row.eventType]?.routes ?? []).map((one) => [one.destination.name, one.bit]))
  return {
    outcome: told.outcome,
    reason: told.reason ?? null,
    policyVersion: row.policyVersion,
    consentEpoch: row.consentEpoch === 0 ? null : row.consentEpoch,
    routes: told.destinations.map(({ destination, purpose, basis, permitted, clauses, fields }) => ({
      destination,
      purpose,
      basis,
      permitted,
      erasedSince: (row.closed & (bits.get(destination) ?? 0)) !== 0,
      clauses: clauses.map(({ clause, says }) => ({ clause, says })),
      fields: [...fields],
    })),
    removed: [...told.fields.removed],
    unclassified: told.fields.unclassified,
  }
}
