import { parsePhoneNumberFromString } from 'libphonenumber-js/max'
import type { Law } from '../policy/compiled.ts'

/** Where a person is, as far as it decides which law tells whom. `elsewhere`: known, and under none of these. */
export const PLACES = ['CN', 'EEA', 'US', 'elsewhere'] as const
export type Place = (typeof PLACES)[number]

/** Members of the Union, and Iceland, Liechtenstein and Norway (EEA Agreement, annex XI). */
const EEA = new Set(
  'AT BE BG HR CY CZ DE DK EE ES FI FR GR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO'.split(' '),
)

/**
 * What a country (ISO 3166-1) is to the laws. A number of the United States does not tell its state: everybody there is
 * taken for a Californian. Åland and the French overseas departments have codes of their own and are in the Union.
 */
export function placeOf(country: string): Place {
  if (country === 'CN' || country === 'US') return country
  return EEA.has(country) || OUTERMOST.has(country) ? 'EEA' : 'elsewhere'
}

const OUTERMOST = new Set(['AX', 'GF', 'GP', 'MQ', 'RE', 'YT', 'MF'])

/** The place of a phone number in E.164; undefined where it gives none: +800, ships, satellites. */
export function placeOfPhone(e164: string): Place | undefined {
  const country = parsePhoneNumberFromString(e164)?.country
  return country === undefined ? undefined : placeOf(country)
}

const LAW_OF: Readonly<Record<Place, Law | undefined>> = {
  CN: 'PIPL',
  EEA: 'GDPR',
  US: 'CCPA',
  elsewhere: undefined,
}

/** The law of a place; undefined where the policy's laws say nothing of it: counsel has to. */
export function lawOf(place: Place): Law | undefined {
  return LAW_OF[place]
}

/** The place of a law, as the reader of a list knows it. */
export const JURISDICTION: Readonly<Record<Law, string>> = { PIPL: 'CN', GDPR: 'EEA', CCPA: 'US-CA' }
