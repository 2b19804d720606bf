import type { JsonObject } from '../event/event.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { explain } from '../policy/explain.ts'
import { closedByBit, closedByOf, type Explained, withClosing } from './closed-by.ts'
import type { Judged } from './judge.ts'

/** What a test source is told about one message: its decision, the removed fields and the reasons. Nothing is stored. */
export function explainJudged(policy: CompiledPolicy, judged: Judged): JsonObject {
  const { decision, projection, resolved, reason } = judged
  const { event } = resolved.item
  const explanation = explain(policy, {
    event: decision.rule?.index ?? event.name,
    ...resolved.view,
    permitted: decision.permitted,
    removed: projection.removed,
    unclassified: projection.unclassified,
  })
  const kept = Object.fromEntries([...projection.byClass].map(([name, fields]) => [name, fields]))
  const closedBy = closedByOf(closedByBit(reason))
  return { ...withClosing(explanation as unknown as Explained, closedBy), kept, stored: false }
}
