import type { Json, JsonObject } from '../../event/event.ts'

/** Why a value is kept and not shown. */
export type Withheld = 'somebody-elses' | 'credential' | 'payment-card' | 'government-id'

/**
 * Names under which the policy's events carry somebody else's data: the address that something was shared with. What a
 * shop adds of that kind is listed here too; an export that shows one person's data to another is a breach.
 */
const OTHERS =
  /^(?:recipients?|invitees?|friends?|referred|referrals?|giftee|gift_?recipient|share_?with|shared_?with|to_?email|to_?phone)(?:_.*)?$/i

const CREDENTIAL =
  /^(?:.*_)?(?:password|passwd|pwd|passcode|passphrase|secret|token|api_?key|access_?key|private_?key|otp|pin_?code|authorization|cookie|session_?id|cvv2?|cvc2?)$/i

/** Replaced by this text, so that a reader of the table sees that something is there. */
const SHOWN: Readonly<Record<Withheld, string>> = {
  'somebody-elses': '[somebody else’s: withheld]',
  credential: '[credential: withheld]',
  'payment-card': '[payment card: withheld]',
  'government-id': '[government id: withheld]',
}

export interface Redacted {
  readonly fields: JsonObject
  /** `path: reason`, lists as `[]`, each once. */
  readonly withheld: readonly string[]
}

/**
 * What of an event may be shown to whom it is about: nothing of another person's, no credential, no full number of a card
 * or of a government's document (EDPB 01/2022; CCPA regulations §7024(d)): whoever stole the export could use those.
 * Pure.
 */
export function redact(fields: JsonObject): Redacted {
  const withheld = new Set<string>()
  const walk = (value: Json, path: string, name: string): Json => {
    const why = reasonOf(value, name)
    if (why !== undefined) {
      withheld.add(`${path}: ${why}`)
      return SHOWN[why]
    }
    if (Array.isArray(value)) return value.map((item: Json) => walk(item, `${path}[]`, name))
    if (value === null || typeof value !== 'object') return value
    const entries = Object.entries(value as JsonObject)
    return Object.fromEntries(
      entries.map(([key, item]) => [key, walk(item!, path === '' ? key : `${path}.${key}`, key)]),
    )
  }
  return { fields: walk(fields, '', '') as JsonObject, withheld: [...withheld] }
}

function reasonOf(value: Json, name: string): Withheld | undefined {
  if (value === null || value === '') return undefined
  const kind = kindOf(name)
  if (kind === 'somebody-elses') return kind
  if (kind === 'credential' && typeof value !== 'boolean') return kind
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const text = String(value)
  if (text.length < 13 || !/\d{3}/.test(text)) return undefined // nothing that is looked for is as short
  if (holdsResidentId(text)) return 'government-id'
  // A tenth of all numbers pass the check: the number of an order or of goods is what it says it is.
  return kind !== 'numbered' && holdsCard(text) ? 'payment-card' : undefined
}

const NUMBERED = /(?:^|_)(?:id|ids|sku|ean|upc|gtin|barcode|isbn|tracking|tracking_number|order_number)$/

type Kind = 'somebody-elses' | 'credential' | 'numbered' | 'plain'

const kinds = new Map<string, Kind>()
const MOST_NAMES = 2_000 // events of a shop have some hundred; somebody may send any

/** What a field is by its name, looked at once. */
function kindOf(name: string): Kind {
  const known = kinds.get(name)
  if (known !== undefined) return known
  if (kinds.size >= MOST_NAMES) kinds.clear()
  const plain = snake(name)
  const kind = OTHERS.test(plain)
    ? 'somebody-elses'
    : CREDENTIAL.test(plain)
      ? 'credential'
      : NUMBERED.test(plain)
        ? 'numbered'
        : 'plain'
  kinds.set(name, kind)
  return kind
}

/** `shareRecipient` → `share_recipient`, `CVV` → `cvv`. */
function snake(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/[\s.-]+/g, '_')
    .toLowerCase()
}

/** 15 to 19 digits, or 13 of the oldest kind, perhaps in groups, that pass Luhn's check and begin as cards do (ISO/IEC 7812-1). */
function holdsCard(text: string): boolean {
  for (const [found] of text.matchAll(/(?<![\d.])[2-6](?:[ -]?\d){12,18}(?![\d.])/g)) {
    const digits = found.replace(/\D/g, '')
    if (isTime(digits) || (digits.length < 15 && !/^4\d{12}$/.test(digits))) continue
    let sum = 0
    for (let i = 0; i < digits.length; i++) {
      const digit = Number(digits[digits.length - 1 - i]) * (i % 2 === 0 ? 1 : 2)
      sum += digit > 9 ? digit - 9 : digit
    }
    if (sum % 10 === 0) return true
  }
  return false
}

/** 20261123031741…: a number made of a time is no card, however its digits fall. */
function isTime(digits: string): boolean {
  return /^20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])/.test(digits)
}

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]

/** A resident identity number of 18 characters with its check character (GB 11643-1999, ISO 7064 MOD 11-2). */
function holdsResidentId(text: string): boolean {
  for (const [id] of text.matchAll(
    /(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)/g,
  )) {
    const sum = WEIGHTS.reduce((total, weight, i) => total + weight * Number(id[i]), 0)
    if ('10X98765432'[sum % 11] === id[17]!.toUpperCase()) return true
  }
  return false
}
