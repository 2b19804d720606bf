import type { JsonObject, Outcome, Source } from '../event/event.ts'
import type { MessageResult } from './deps.ts'

/** One line of an answer, in the order of the messages. */
export interface WireResult {
  /** Null where the message had no id that could be read. */
  readonly messageId: string | null
  readonly outcome: Outcome
  readonly reason?: string
  readonly detail?: JsonObject
}

/**
 * What the sender may know. A browser key is public: whoever holds it could probe the state of others, so it sees
 * `refused` and `suppressed` as `accepted`. A test source stores nothing and is shown everything.
 */
export function showResult(result: MessageResult, source: Source): WireResult {
  const { messageId, outcome, reason, detail } = result
  if (source.test) {
    return {
      messageId,
      outcome,
      ...(reason === undefined ? {} : { reason }),
      ...(detail === undefined ? {} : { detail }),
    }
  }
  const revealing = outcome === 'refused' || outcome === 'suppressed'
  if (source.kind === 'browser' && revealing) return { messageId, outcome: 'accepted' }
  const shown = reason !== undefined && (source.kind === 'server' || outcome === 'invalid')
  return shown ? { messageId, outcome, reason } : { messageId, outcome }
}
