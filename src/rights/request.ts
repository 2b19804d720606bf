/** What a person may ask for. */
export const RIGHTS = ['access', 'portability', 'correction', 'erasure', 'restriction', 'objection'] as const
export type Right = (typeof RIGHTS)[number]

/** By which way a request came in; all of them become the same request. */
export const DOORS = ['api', 'privacy', 'opendsr', 'shopify', 'officer', 'cli'] as const
export type Door = (typeof DOORS)[number]

/** How it was proved who asks, weakest first; `processor`: another system vouches, which was authenticated itself. */
export const PROOFS = [
  'device-secret',
  'sms-code',
  'mail-code',
  'mail-link',
  'session-token',
  'server-key',
  'processor',
  'officer',
  'operator',
] as const
export type Proof = (typeof PROOFS)[number]

export type Language = 'zh-CN' | 'en'

/** Where a request is; state.ts says what may follow what. */
export const STATES = [
  'received',
  'identity_pending',
  'verified',
  'cooling_off',
  'executing',
  'awaiting_destinations',
  'scanning',
  'failed',
  'completed',
  'completed_partial',
  'denied',
  'cancelled',
  'expired',
] as const
export type State = (typeof STATES)[number]

/** A request as weir.request has it. Times in milliseconds since 1970. */
export interface Request {
  readonly id: string
  readonly number: bigint
  readonly right: Right
  readonly door: Door
  readonly regime: string
  readonly language: Language
  readonly state: State
  readonly stateAt: number
  readonly receivedAt: number
  readonly targetAt: number
  readonly legalDueAt: number | undefined
  readonly acknowledgeBy: number | undefined
  readonly acknowledgedAt: number | undefined
  readonly extendedUntil: number | undefined
  readonly alarmed: 0 | 50 | 80 | 100
  readonly verifiedBy: Proof | undefined
  readonly needsOfficer: boolean
  readonly officerDecision: 'accepted' | 'refused' | undefined
  readonly reason: string | undefined
  readonly secretHash: Buffer
  readonly coolingUntil: number | undefined
  readonly step: string | undefined
  readonly attempts: number
  readonly nextAt: number
  readonly receipt: string | undefined
  readonly caseId: string | undefined
  readonly closedAt: number | undefined
}

/** An identifier that somebody gave, as it came; `verified`: proved to be theirs. Only those ever widen what is reached. */
export interface GivenIdentifier {
  readonly type: 'user_id' | 'anonymous_id' | 'email' | 'phone'
  readonly value: string
  readonly verified: boolean
}

/** What a request says, kind by kind: sealed under a key of its own (content.ts). */
export interface RequestContent {
  readonly identifiers: readonly GivenIdentifier[]
  /** Where the person is written to: on file before the request came. */
  readonly contact: { readonly mail?: string; readonly phone?: string }
  /** How it was asked, as far as matching goes by it. */
  readonly asking: Asking
  /** What is to be corrected. */
  readonly changes: readonly Change[]
  /** Purposes that are objected to; all that allow it where empty. */
  readonly purposes: readonly string[]
  /** What the scan looks for, until it has. */
  readonly needles: Needles
  /** Base64url of 32 random bytes: SHA-256(salt ‖ id) in the receipt; told to the person alone. */
  readonly salt: string
  /** The officer's words to the person, in the person's language. */
  readonly words: string
  /** What stays, by which law, until when. */
  readonly manifest: readonly Retained[]
  /** Rows taken out, by store: for the receipt. */
  readonly removed: readonly Removed[]
  /** Of an erasure under way: whom it erases, should it be interrupted. */
  readonly subjects: readonly string[]
  /** Sealed bytes from before an erasure, base64: nothing may open them afterwards. */
  readonly sample: readonly SampleOf[]
}

/** What came with a request beside its identifiers. Nothing of it proves anybody by itself. */
export interface Asking {
  /** How the person wants to prove an address. */
  readonly verifyBy?: 'mail-link' | 'mail-code' | 'sms-code'
  /** Base64url of the keyed hash of the device's secret, as it was shown. */
  readonly device?: string
  /** Base64url of the keyed hash of the browser's nonce: a link then works in no other browser. */
  readonly browser?: string
  /** Whose mandate it came with: the name of a source. */
  readonly agent?: string
  /** A session token of the shop holds, and does not say that the person signed in just now. */
  readonly stale?: true
}

/** One value for another, in every event of that name that has the path, or only where it was `from`. */
export interface Change {
  /** `identify`, or the name of a track event. */
  readonly event: string
  /** As the policy writes it: `traits.firstName`, `properties.total`. */
  readonly path: string
  readonly from?: string | number | boolean
  readonly to: string | number | boolean
}

export interface Needles {
  /** Never anywhere: raw identifiers and their normal forms. */
  readonly raw: readonly string[]
  /** Gone once it is erased: index values, subject ids, pseudonyms of all generations and modules, as text. */
  readonly keyed: readonly string[]
}

export interface Retained {
  readonly class: string
  /** The law as the policy names it, or the authority of a hold. */
  readonly ground: string
  /** Day, YYYY-MM-DD. */
  readonly until: string
  readonly records: number
}

/** A sealed row, as it stood. */
export interface SampleOf {
  readonly subject: string
  /** `sealed` or `identifier`. */
  readonly table: string
  /** Field class, or `identity`. */
  readonly group: string
  /** Base64: the event key or the index key. */
  readonly record: string
  readonly sealed: string
}

export interface Removed {
  /** `weir.sealed`, `module:recommendation`… */
  readonly store: string
  readonly rows: number
  readonly action: 'deleted' | 'shredded' | 'restricted' | 'anonymised'
}
