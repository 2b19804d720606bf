import { domainToASCII, domainToUnicode } from 'node:url'
import { characters, type Normalised, type Refusal } from './normalised.ts'

const MAX_PRESENTED = 320 // UTF-16 units, before anything else looks at it
const MAX_LOCAL = 64 // octets, RFC 5321 §4.5.3.1.1
const MAX_ADDRESS = 254 // octets, RFC 5321 §4.5.3.1.3: a path of 256 with its angle brackets

/**
 * What is drawn as nothing, or is no character yet: soft hyphen, zero-width and direction marks, fillers, variation
 * selectors, private and unassigned code points. A mail server tells addresses with and without them apart and people
 * cannot, so that to drop them could join two people and to keep them would split one: refused. Unassigned ones also
 * because only assigned ones have a mapping that no later Unicode changes.
 */
const INVISIBLE = /[\p{C}\p{Default_Ignorable_Code_Point}]/u
/** RFC 5322 atext and dots (also where the RFC wants none: such mailboxes exist), and letters of RFC 6531. */
const LOCAL = /^(?:[a-z0-9!#$%&'*+/=?^_`{|}~.-]|(?![\0-\x7f])[^\p{Z}])+$/u
/** What may go to domainToASCII: it would decode %41, cut at a slash and read 127.1 as an address of four numbers. */
const DOMAIN = /^[^\0-,/:-@[-`{-\x7f]+$/
/** Labels of letters, digits and inner hyphens, at least two, the last not a number. */
const ASCII_DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const GMAIL = /^(?:gmail|googlemail)\.com$/

/**
 * Version 1: NFKC, trimmed, split at the last @; the local part lower-cased code point by code point (no locale, no
 * context), the domain by UTS 46 without transitional mapping, one trailing dot dropped. What is kept is the address
 * as it was given: it is what mail goes to, and later rules may fold less.
 */
export function normaliseEmail(value: unknown, options: { readonly foldGmail: boolean }): Normalised {
  const refused = characters(value, MAX_PRESENTED)
  if (refused !== undefined) return { ok: false, reason: refused }
  const address = addressOf((value as string).normalize('NFKC').trim())
  if (typeof address === 'string') return { ok: false, reason: address }
  const { local, domain } = options.foldGmail ? folded(address) : address
  if (local === '') return { ok: false, reason: 'bad-local-part' }
  return { ok: true, value: `${local}@${domain}`, kept: value as string }
}

interface Address {
  readonly local: string
  readonly domain: string
}

function addressOf(text: string): Address | Refusal {
  if (text === '') return 'empty'
  if (INVISIBLE.test(text)) return 'invisible-characters'
  const at = text.lastIndexOf('@')
  if (at < 0) return 'no-at-sign'
  const local = lower(text.slice(0, at))
  if (!LOCAL.test(local) || Buffer.byteLength(local) > MAX_LOCAL) return 'bad-local-part'
  const domain = domainOf(text.slice(at + 1))
  if (domain === undefined) return 'bad-domain'
  return Buffer.byteLength(local) + 1 + domain.length <= MAX_ADDRESS ? { local, domain } : 'too-long'
}

/**
 * Without a look at the neighbours (a final sigma stays a sigma) and composed again, until nothing changes: what is
 * normalised normalises to itself.
 */
function lower(text: string): string {
  let before = text
  for (;;) {
    const after = Array.from(before, (character) => character.toLowerCase())
      .join('')
      .normalize('NFKC')
    if (after === before) return after
    before = after
  }
}

function domainOf(text: string): string | undefined {
  if (!DOMAIN.test(text)) return undefined
  const ascii = domainToASCII(text).replace(/\.$/, '')
  if (ascii.length > 253 || !ASCII_DOMAIN.test(ascii)) return undefined
  // What only looks like punycode passes as it stands: it decodes to nothing, or to what is encoded otherwise.
  const unicode = domainToUnicode(ascii)
  return /(?:^|\.)xn--/.test(unicode) || domainToASCII(unicode) !== ascii ? undefined : ascii
}

function folded(address: Address): Address {
  if (!GMAIL.test(address.domain)) return address
  return { local: address.local.replace(/\+.*$/s, '').replaceAll('.', ''), domain: 'gmail.com' }
}
