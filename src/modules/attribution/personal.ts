/**
 * What of a tag or a referrer's host could name one person. Texts are looked at as somebody would read them in the end:
 * without percent-encoding, in compatible characters. What is found is dropped, for it would lie in clear. A plain name
 * cannot be told from a word.
 */

const MAX_DECODINGS = 4
/** One character can stand for 18: nobody's word, and much to look at. */
const MAX_READABLE = 300
const WORD = /^[A-Za-z]{1,17}$/

/** Whether a tag holds an address, a phone number, somebody's number, or a key that was made for one reader. */
export function namesSomebody(tag: string): boolean {
  if (WORD.test(tag)) return false
  const text = readable(tag)
  return text === undefined || NO_NAME.test(text) || isAddress(text) || isNumber(text) || isToken(text)
}

/** What holds an at sign or a control character could be somebody's address. */
export const NO_NAME = /[@\p{Cc}]/u

/** Undefined where it is encoded so often, or becomes so long, that nobody could have meant a word. */
function readable(tag: string): string | undefined {
  let text = tag
  for (let i = 0; i < MAX_DECODINGS; i++) {
    const next = decoded(text)
      .normalize('NFKC')
      .replace(/\p{Cf}/gu, '')
    if (next === text) return text
    if (next.length > MAX_READABLE) return undefined
    text = next
  }
  return undefined
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // `50% off` is no encoding; what is one beside it is read all the same.
    return text.replace(/%([2-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
}

const AT_IN_WORDS = /[([{<]\s*at\s*[)\]}>]|[a-z0-9][\s_]at[\s_][a-z0-9-]+(?:\.|[\s_]dot[\s_])[a-z]{2,}/i
// A house number and a few words before `street`; the words of the Chinese, German, French and Japanese for it.
const STREETS = [
  /(?<!\p{L})\d{1,5}[a-z]?[\s,_+-]+(?:[\p{L}'’]+[\s,_+-]+){1,3}(?:street|st|road|rd|avenue|ave|lane|ln|boulevard|blvd|drive|dr|terrace|crescent|court)(?!\p{L})/iu,
  /(?:路|街|道|巷|弄|胡同)\s*\d+\s*(?:号|號|弄)|\d+\s*(?:号楼|號樓|栋|幢|单元|室|丁目|番地)/u,
  /\p{L}{2,}(?:stra(?:ß|ss)e|str\.|gasse|platz|allee)[\s_+-]*\d/iu,
  /\d{1,5}[\s,_+-]+(?:bis[\s,_+-]+|ter[\s,_+-]+)?(?:rue|chemin|impasse|calle)[\s_+-]/i,
]

function isAddress(text: string): boolean {
  return AT_IN_WORDS.test(text) || STREETS.some((street) => street.test(text))
}

// Days of campaigns: 20261111, 2026-11-11, two of them as a range. Not those that people were born on.
const DAYS = /(?<!\d)(?:20[2-4]\d([-_./]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])){1,2}(?!\d)/g
const YEARS = /(?<!\d)20[2-4]\d(?!\d)/g
const OF_SOMEBODY =
  /(?:user|uid|member|customer|client|会员|會員|用户|用戶)(?:[\s_.-]?(?:id|no|nr))?[\s_.:=#-]*\p{Nd}{5}/iu

/** Seven digits in a row, or more with the separators of phone numbers, that are no days: a phone, an account, an order. */
function isNumber(text: string): boolean {
  const rest = text.replace(DAYS, 'D').replace(YEARS, 'Y')
  if (/\p{Nd}{7}|(?:\p{Nd}[\s().+_/-]{0,2}){9}/u.test(rest) || OF_SOMEBODY.test(rest)) return true
  return /^[+\p{Nd}\s()._/-]+$/u.test(rest) && rest.replace(/\P{Nd}/gu, '').length >= 7
}

/** From a letter to a digit or back. */
const SWITCH = /(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)/g
/** The same, and from one case to the other where no word begins or ends (`springSale`, `KolXHS`). */
const TURN = /(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)|(?<=[a-z])(?=[A-Z](?![a-z]{2}))|(?<=[A-Z])(?=[a-z](?![a-z]))/g
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}/i

/** A click id or a reader's key names one person. Words with a year or two numbers in them (`xhs618kol2026`) do not. */
function isToken(text: string): boolean {
  const runs = text.match(/[A-Za-z0-9]{10,}/g) ?? []
  if (UUID.test(text) || runs.some((run) => run.length >= 32 || count(run, SWITCH) >= 4)) return true
  return (text.match(/[A-Za-z0-9_~-]{18,}/g) ?? []).some(isKey)
}

/** Keys that hold `_` and `-` (a WeChat openid): parts that nobody would write, in one case as well. */
function isKey(run: string): boolean {
  const parts = run.replace(YEARS, 'Y').split(/[_~-]/)
  const turns = parts.map((part) => count(part, TURN)).filter((turned) => turned >= 2)
  if (turns.reduce((sum, turned) => sum + turned, 0) >= 4) return true
  const mixed = parts.filter((part) => count(part, SWITCH) > 0)
  return mixed.length >= 2 && mixed.some((part) => /[bcdfghj-np-tv-z]{5}/i.test(part))
}

function count(text: string, pattern: RegExp): number {
  return (text.match(pattern) ?? []).length
}

// Names are registered below these: com.cn, co.uk, ne.jp.
const SECOND = new Set(['com', 'co', 'net', 'org', 'gov', 'edu', 'ac', 'or', 'ne', 'go'])

/**
 * The part of a host that says who sent, without what may say which of their people: a host that the channels know
 * (`tieba.baidu.com`), else the domain that was registered. '' where that itself could be somebody's number.
 */
export function senderOf(host: string, knownAs: (host: string) => string | undefined): string {
  const labels = host.split('.')
  const isThree = labels.at(-1)!.length === 2 && SECOND.has(labels.at(-2) ?? '')
  const kept = knownAs(host)?.split('.') ?? labels.slice(isThree ? -3 : -2)
  return kept.some(namesSomebody) ? '' : kept.join('.')
}
