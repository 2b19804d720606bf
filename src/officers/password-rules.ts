import { AppError } from '../errors.ts'
import { COMMON_WORDS } from './common-passwords.ts'

export const PASSWORD_MIN = 15
export const PASSWORD_MAX = 128

/** Why a password cannot be taken. */
export type Weakness = 'too-short' | 'too-long' | 'holds-address' | 'repeats' | 'sequence' | 'common'

const words: Readonly<Record<Weakness, string>> = {
  'too-short': `write at least ${PASSWORD_MIN} characters`,
  'too-long': `write at most ${PASSWORD_MAX} characters`,
  'holds-address': 'leave your e-mail address out of it',
  repeats: 'do not repeat the same few characters',
  sequence: 'do not take characters in their order, on the keyboard or in the alphabet',
  common: 'it is made of the words that are tried first',
}

/** Throws AppError 400 `password-weak` that says what to do instead. */
export function refuseWeakPassword(password: string, email: string | undefined): void {
  const weakness = weaknessOf(password, email)
  if (weakness === undefined) return
  throw new AppError('invalid', `Choose another password: ${words[weakness]}.`, { code: 'password-weak' })
}

/**
 * What is wrong with a password; undefined where nothing is. Any character will do and no mixture is asked for
 * (NIST SP 800-63B §3.1.1.2): length, and not being guessed first, are what counts.
 */
export function weaknessOf(password: string, email: string | undefined): Weakness | undefined {
  const characters = Array.from(password.normalize('NFKC'))
  if (characters.length < PASSWORD_MIN) return 'too-short'
  if (characters.length > PASSWORD_MAX) return 'too-long'
  const folded = characters.join('').toLowerCase()
  if (holdsAddress(folded, email)) return 'holds-address'
  if (repeats(folded)) return 'repeats'
  if (isSequence(folded)) return 'sequence'
  return isCommon(folded) ? 'common' : undefined
}

function holdsAddress(folded: string, email: string | undefined): boolean {
  const local = email?.slice(0, email.lastIndexOf('@')).toLowerCase() ?? ''
  return local.length >= 3 && folded.includes(local)
}

/** Fewer than five different characters, or a part of at most eight over and over. */
function repeats(folded: string): boolean {
  const all = Array.from(folded)
  if (new Set(all).size < 5) return true
  for (let length = 1; length <= 8; length++) {
    if (all.every((character, i) => character === all[i % length])) return true
  }
  return false
}

const ROWS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qazwsxedcrfvtgbyhnujmikolp',
]
const LINES = [...ROWS, ...ROWS.map((row) => Array.from(row).reverse().join(''))]

/** Nearly all of it follows its neighbour on one of the lines. */
function isSequence(folded: string): boolean {
  const all = Array.from(folded)
  const steps = all.slice(1).filter((character, i) => LINES.some((line) => line.includes(`${all[i]}${character}`)))
  return steps.length >= (all.length - 1) * 0.75
}

const LEET: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}

/** Once the words, digits and signs that everybody takes are out, fewer than six letters are left. */
function isCommon(folded: string): boolean {
  const plain = Array.from(folded, (character) => LEET[character] ?? character).join('')
  return [folded, plain].some((text) => Array.from(withoutWords(text)).length < 6)
}

function withoutWords(text: string): string {
  let left = text
  for (const word of COMMON_WORDS) left = left.replaceAll(word, ' ')
  return left.replace(/[\p{N}\p{P}\p{Z}\p{Sc}\p{Sk}\p{Sm}]/gu, '')
}
