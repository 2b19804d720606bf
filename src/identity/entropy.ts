const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i
const MIN_LENGTH = 22
const MIN_BITS = 122 // what a UUID v4 carries

/**
 * Whether an anonymous id can have come from 122 random bits: a UUID v4, or 22 and more characters of base64url or
 * of a smaller alphabet with length × bits per character ≥ 122, that are neither few distinct characters nor
 * repeated nor sequential.
 *
 * It is a check of plausibility: nothing can tell a random string from a chosen one. It keeps guessable ids
 * (counters, e-mails, fixed test values, UUIDs made of time) from standing for a device; the secret of the device
 * is what proves that somebody is it. A random UUID v4 is refused with a chance below 1 in 10^8; 22 random characters of
 * base64url with 2 in 10^5, when they happen to lack one case and look like a smaller alphabet.
 */
export function hasEntropy(anonymousId: string): boolean {
  if (UUID.test(anonymousId)) return UUID_V4.test(anonymousId) && varied(anonymousId.replaceAll('-', ''), 16)
  if (anonymousId.length < MIN_LENGTH || anonymousId.length > 255 || !/^[\w-]+$/.test(anonymousId)) return false
  const size = alphabetSize(anonymousId)
  // In a mixed-case string - and _ are digits of base64url; elsewhere they are separators and carry nothing.
  const digits = size === 64 ? anonymousId : anonymousId.replaceAll(/[-_]/g, '')
  return digits.length * Math.log2(size) >= MIN_BITS && varied(digits, size)
}

function alphabetSize(text: string): number {
  const letters = text.replaceAll(/[-_]/g, '')
  if (/^\d+$/.test(letters)) return 10
  if (/^[\da-f]+$/.test(letters) || /^[\dA-F]+$/.test(letters)) return 16
  if (/^[\da-z]+$/.test(letters) || /^[\dA-Z]+$/.test(letters)) return 36
  return 64
}

function varied(digits: string, alphabet: number): boolean {
  const enoughDistinct = new Set(digits.toLowerCase()).size >= (alphabet <= 16 ? 6 : 9)
  return enoughDistinct && !isRepeated(digits) && !isSequential(digits)
}

/** A block of at most half the length, over and over. */
function isRepeated(digits: string): boolean {
  for (let period = 1; period <= digits.length / 2; period++) {
    if (digits.startsWith(digits.slice(period))) return true
  }
  return false
}

/** Three quarters of the neighbours are equal or next to each other in the alphabet. */
function isSequential(digits: string): boolean {
  let steps = 0
  for (let i = 1; i < digits.length; i++) {
    if (Math.abs(digits.charCodeAt(i) - digits.charCodeAt(i - 1)) <= 1) steps++
  }
  return steps >= (digits.length - 1) * 0.75
}
