import { displayWidth, isWide } from './table.ts'

/** What a page is set to where nobody can tell how wide it is shown. */
const USUAL = 80
/** Longer lines are hard to read. */
const WIDEST = 120
const NARROWEST = 40

/** Columns to write for, of a terminal with so many; undefined or 0 where there is none. */
export function widthFor(columns: number | undefined): number {
  return Math.max(NARROWEST, Math.min(WIDEST, columns || USUAL))
}

export interface WrapOptions {
  readonly width: number
  /** Stands before the first line. */
  readonly first?: string
  /** Stands before each further line. */
  readonly next?: string
}

/**
 * The text in lines of at most `width` columns, broken at spaces and between CJK characters, but never before a mark
 * that closes or after one that opens. What cannot be broken, such as a path, may stand out.
 */
export function wrap(text: string, { width, first = '', next = first }: WrapOptions): string {
  const lines: string[] = []
  let line = first
  let begun = false
  for (const piece of piecesOf(text)) {
    if (begun && displayWidth(line + piece.trimEnd()) > width) {
      lines.push(line.trimEnd())
      line = next
    }
    line += piece
    begun = true
  }
  return [...lines, line.trimEnd()].join('\n')
}

const OPENS = /[（「『《〈【“‘]$/u
const CLOSES = /^[，。、：；！？）」』》〉】”’…]/u

/** What stays together: a word with the spaces behind it, or a CJK character with the marks that belong to it. */
function piecesOf(text: string): string[] {
  const pieces: string[] = []
  for (const character of text) {
    const last = pieces.at(-1)
    if (last !== undefined && staysWith(last, character)) pieces[pieces.length - 1] = last + character
    else pieces.push(character)
  }
  return pieces
}

function staysWith(piece: string, character: string): boolean {
  if (character === ' ' || CLOSES.test(character) || OPENS.test(piece)) return true
  const end = Array.from(piece).at(-1)!
  return end !== ' ' && !isWide(end) && !isWide(character)
}
