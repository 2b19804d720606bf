import type { Regime } from '../regimes.ts'
import type { GivenIdentifier, Language, Right } from '../request.ts'

/** Systems that send requests in. Another door is another file beside these: parse to an Incoming, and answer from a state. */
export type DoorProtocol = 'opendsr' | 'shopify'

/** What a protocol could not say, or said and we cannot use: recorded with the request, so that nothing is lost in silence. */
export type Loss =
  | 'regime' // it does not say under which law
  | 'language' // nor in which language the person reads
  | 'identity-type' // a kind of identifier that is none here, such as an advertising id
  | 'identity-format' // a hash without a key: what is held here is found by a keyed one alone
  | 'identity-unreadable' // it cannot be one of its type
  | 'identity-hint' // known here, and not proved to be the same person's: an officer decides
  | 'extension' // members for us that we do not know
  | 'submitted-time-future' // it began before it was asked
  | 'results-by-officer' // an export is composed when it is downloaded: the protocol cannot carry it
  | 'whole-shop' // not a person: an officer sees to it

/** A request as a door reads it: what every protocol comes to. */
export interface Incoming {
  readonly protocol: DoorProtocol
  /** Who sent it: the name that the operator gave. */
  readonly controller: string
  /** By which the sender knows it: the same again is the same request. */
  readonly foreignId: string
  readonly right: Right
  readonly regime: Regime
  readonly language: Language
  /** When the person asked; milliseconds since 1970. */
  readonly receivedAt: number
  /** Verified ones are reached; others are hints for an officer. */
  readonly identifiers: readonly GivenIdentifier[]
  readonly losses: readonly Loss[]
  /** Where the sender wants to be told of each state. */
  readonly callbackUrls: readonly string[]
  /** It is no person's own, so that a human sees to it. */
  readonly byOfficer: boolean
}
