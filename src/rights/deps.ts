import type { Audit } from '../audit/log.ts'
import type { Sequencer } from '../audit/sequencer.ts'
import type { Db } from '../db/pool.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { Logger } from '../log.ts'
import type { Holder } from '../pipeline/erase-subject.ts'
import type { PolicyShelf } from '../pipeline/policy-shelf.ts'
import type { Pseudonymisers } from '../pipeline/pseudonymisers.ts'
import type { ErasureLedger } from './erasure/ledger-file.ts'

/** What requests of people are carried out with. */
export interface RightsDeps {
  /** The gateway's own role, or the owner in a command. */
  readonly db: Db
  readonly keyring: Keyring
  readonly audit: Audit
  readonly sequencer: Pick<Sequencer, 'sequenced'>
  readonly active: () => ActivePolicy
  readonly policies: PolicyShelf
  readonly pseudonymisers: Pseudonymisers
  /** The hosted modules, and the flow probe: ascending by destination. */
  readonly holders: () => readonly Holder[]
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
  readonly publicUrl: string
  /** What was erased, kept outside of the database. */
  readonly ledger: ErasureLedger
  /** How long a person may take an erasure back, in milliseconds. */
  readonly coolingMs: number
  /** From when on no copy of the database opens for who is erased now; ISO 8601. */
  readonly horizon: () => Promise<string>
  /** Said after a commit that restricts, or hands something over again. */
  readonly committed: () => void
}
