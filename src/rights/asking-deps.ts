import type { Audit } from '../audit/log.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import type { Logger } from '../log.ts'
import type { MatchDeps } from './verify/match.ts'

/** What people's own acts on their requests are done with. */
export interface AskingDeps extends MatchDeps {
  readonly audit: Audit
  readonly active: () => ActivePolicy
  readonly publicUrl: string
  readonly log: Logger
  /** A request is due: look at it now rather than in a moment. */
  readonly due: () => void
  /** Said after a commit that hands something over again. */
  readonly committed: () => void
}
