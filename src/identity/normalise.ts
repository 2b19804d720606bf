import { normaliseEmail } from './normalise-email.ts'
import { normalisePhone } from './normalise-phone.ts'
import { characters, type Normalised } from './normalised.ts'

export { hasEntropy } from './entropy.ts'
export type { Normalised, Refusal } from './normalised.ts'

export const IDENTIFIER_TYPES = ['user_id', 'anonymous_id', 'email', 'phone'] as const
export type IdentifierType = (typeof IDENTIFIER_TYPES)[number]

export interface NormaliseOptions {
  /** ISO 3166-1 alpha-2 of where a phone number without a + is dialled. Without it such numbers are refused. */
  readonly region?: string
  /**
   * Gmail delivers `a.b+shop@googlemail.com` to `ab@gmail.com`: with this the two are one identifier. Off unless the
   * shop wants it: some people give each shop an address of its own so as not to be recognised.
   */
  readonly foldGmail?: boolean
}

/**
 * Version of the rules of each type. It goes into the blind index: new rules never silently split or join people.
 * What a rule accepts, and what it makes of it, changes only together with its number.
 */
export const NORMALISATION_VERSION: Readonly<Record<IdentifierType, number>> = {
  user_id: 1,
  anonymous_id: 1,
  email: 1,
  phone: 1,
}
const FOLDED = 0x100 // added to the version of e-mail rules that fold Gmail's addresses

/** A version of the rules for one type. */
export interface Rule {
  readonly version: number
  readonly normalise: (value: unknown) => Normalised
}

/** The rules under which identifiers are found: of each type one, or several while one replaces another. */
export type Rules = Readonly<Record<IdentifierType, readonly Rule[]>>

/** The rules of this release under an installation's options. */
export function rulesWith(options: NormaliseOptions): Rules {
  const email = NORMALISATION_VERSION.email + (options.foldGmail === true ? FOLDED : 0)
  const rule = (type: IdentifierType, version: number): Rule => ({
    version,
    normalise: (value) => normalise(type, value, options),
  })
  return {
    user_id: [rule('user_id', NORMALISATION_VERSION.user_id)],
    anonymous_id: [rule('anonymous_id', NORMALISATION_VERSION.anonymous_id)],
    email: [rule('email', email)],
    phone: [rule('phone', NORMALISATION_VERSION.phone)],
  }
}

export const DEFAULT_RULES: Rules = rulesWith({})

const MAX_LENGTH = 255

/**
 * The form under which an identifier is indexed, and the form that is kept sealed. Never throws, and a refusal never
 * holds the value.
 *
 * Ids of a shop are exact: no trimming, no case folding, since "A1" and "a1" may be two customers. Refused: empty,
 * over 255 UTF-16 units, NUL (Postgres cannot hold it) and lone surrogates (UTF-8 would replace them, and two people
 * become one). E-mail addresses and phone numbers: see docs/identifiers.md.
 */
export function normalise(type: IdentifierType, value: unknown, options: NormaliseOptions = {}): Normalised {
  if (type === 'email') return normaliseEmail(value, { foldGmail: options.foldGmail === true })
  if (type === 'phone') return normalisePhone(value, options.region)
  const refused = characters(value, MAX_LENGTH)
  if (refused !== undefined) return { ok: false, reason: refused }
  return { ok: true, value: value as string, kept: value as string }
}
