import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { characters, type Normalised } from './normalised.ts'

const MAX_PRESENTED = 64 // UTF-16 units
/** Digits of any script and what stands between them. No letters: 1-800-FLOWERS and tel: are for people and links. */
const DIALLED = /^\+?[\p{Nd}\p{Pd}\s()./]+$/u
const WITH_EXTENSION = /(?:;\s*ext|ext\.?|x|#|~|,)/iu

/**
 * Version 1: E.164 by libphonenumber's numbering plans of all countries (metadata `max`), as pinned in package.json.
 * A number without a + needs the region that it is dialled in. An extension is a person behind a shared line: refused,
 * since without it two people would be one. What is kept is E.164: the region is in it, so later rules need no other.
 */
export function normalisePhone(value: unknown, region: string | undefined): Normalised {
  const refused = characters(value, MAX_PRESENTED)
  if (refused !== undefined) return { ok: false, reason: refused }
  const text = (value as string)
    .normalize('NFKC')
    .trim()
    .replace(/^\((\+\p{Nd}+)\)/u, '$1 ')
  if (text === '') return { ok: false, reason: 'empty' }
  if (WITH_EXTENSION.test(text)) return { ok: false, reason: 'has-extension' }
  if (!DIALLED.test(text)) return { ok: false, reason: 'unsafe-characters' }
  const country = region !== undefined && isSupportedCountry(region) ? region : undefined
  if (country === undefined && !text.startsWith('+')) return { ok: false, reason: 'no-region' }
  const number = parsePhoneNumberFromString(text, {
    ...(country === undefined ? {} : { defaultCountry: country }),
    extract: false,
  })
  if (number === undefined || !number.isPossible()) return { ok: false, reason: 'impossible-number' }
  if (number.ext !== undefined) return { ok: false, reason: 'has-extension' }
  if (!number.isValid()) return { ok: false, reason: 'invalid-number' }
  return { ok: true, value: number.number, kept: number.number }
}
