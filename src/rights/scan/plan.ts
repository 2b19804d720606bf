import type { Needles } from '../request.ts'

/** Needles sorted by how they can be looked for. */
export interface SearchPlan {
  /** Parts of any text. */
  readonly texts: readonly string[]
  /** Too short for that: they count where no letter or digit stands beside them. */
  readonly words: readonly string[]
  /** Parts of bytea, and of files. */
  readonly bytes: readonly Buffer[]
  readonly ids: readonly string[]
  /** Numbers that are somebody's: compared with whole numbers. */
  readonly numbers: readonly string[]
  /** So short that they would be found everywhere: whole values of columns in which an identifier could stand. */
  readonly coarse: readonly string[]
}

const MIN_BYTES = 6 // by chance in 1 of 2.8e14 places
const MIN_TEXT = 12
const MIN_COUNTED = 9 // digits: numbers that count something are seldom longer
const MIN_NUMBER = 10
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const HEX = /^([0-9a-f]{2})+$/

/** Sorts needles; a short one is not dropped, but looked for only where it would mean something (`coarse`). */
export function searchPlan({ raw, keyed }: Needles): SearchPlan {
  const every = [...new Set([...raw, ...keyed])].filter((one) => one !== '')
  const [coarse, others] = [every.filter(isCoarse), every.filter((one) => !isCoarse(one))]
  const bytes = every
    .flatMap((one) => [Buffer.from(one, 'utf8'), ...binaryOf(one)])
    .filter((one) => one.length >= MIN_BYTES)
  return {
    texts: others.filter((one) => Array.from(one).length >= MIN_TEXT || !isAscii(one)),
    words: others.filter((one) => Array.from(one).length < MIN_TEXT && isAscii(one)),
    bytes: [...new Map(bytes.map((one) => [one.toString('latin1'), one])).values()],
    ids: keyed.filter((one) => UUID.test(one)),
    numbers: raw.filter((one) => /^[1-9]\d+$/.test(one) && one.length >= MIN_NUMBER),
    coarse,
  }
}

/** Fewer than six characters, or a number as small as those that count things. */
function isCoarse(text: string): boolean {
  return Buffer.byteLength(text) < MIN_BYTES || (/^\d+$/.test(text) && text.length < MIN_COUNTED)
}

/** Hashes, index values and ids also stand as bytes. */
function binaryOf(text: string): Buffer[] {
  const hex = UUID.test(text) ? text.replaceAll('-', '') : text
  return HEX.test(hex) && hex.length >= 32 ? [Buffer.from(hex, 'hex')] : []
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length
}
