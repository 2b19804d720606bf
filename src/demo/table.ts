export type Align = 'left' | 'right'

// East Asian Wide and Fullwidth (Unicode UAX #11), as far as names and sentences need them: two columns on a terminal.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const NONE = /[\p{Mn}\p{Me}\p{Cf}]/u

/** Whether a character takes two columns on a terminal. */
export function isWide(character: string): boolean {
  return WIDE.test(character)
}

/** Columns that the text takes on a terminal: two for a CJK character, none for a combining one. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) width += NONE.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return width
}

/** Filled with spaces to that many columns; longer text stays as it is. */
export function pad(text: string, width: number, align: Align = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)))
  return align === 'left' ? text + space : space + text
}

/** The text as far as it goes into that many columns, with an ellipsis where something is cut off. */
export function clip(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let kept = ''
  for (const character of text) {
    if (displayWidth(kept + character) >= width) break
    kept += character
  }
  return `${kept}…`
}

export interface Column {
  readonly head: string
  readonly align?: Align
  /** Stands once above the heads of neighbouring columns that share it. */
  readonly group?: string
  /** Left out, its group with it, where the table would be wider than asked; the last such column goes first. */
  readonly optional?: boolean
}

const GAP = 2

/**
 * Rows under their heads and a line, each column as wide as its widest cell, indented by two. Where that is more than
 * `width` columns, those that are optional are left out, as many as it needs.
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width = Infinity): string {
  const widths = widthsOf(columns, rows)
  const least = groupsOf(columns).findLast(({ from }) => columns[from]!.optional === true)
  if (least !== undefined && GAP + spanOf(widths) > width) {
    const kept = <T>(cells: readonly T[]): T[] => cells.toSpliced(least.from, least.to - least.from)
    return table(kept(columns), rows.map(kept), width)
  }
  const cells = [columns.map(({ head }) => head), ...rows]
  const lines = cells.map((row) => columns.map(({ align }, i) => pad(row[i] ?? '', widths[i]!, align)).join('  '))
  const [heads = '', ...body] = lines
  const groups = columns.some(({ group }) => group !== undefined) ? [groupLine(columns, widths)] : []
  const rule = widths.map((each) => '─'.repeat(each)).join('  ')
  return [...groups, heads, rule, ...body].map((line) => `  ${line}`.trimEnd()).join('\n')
}

function widthsOf(columns: readonly Column[], rows: readonly (readonly string[])[]): number[] {
  const widths = columns.map(({ head }, i) => Math.max(...[head, ...rows.map((row) => row[i] ?? '')].map(displayWidth)))
  for (const { group, from, to } of groupsOf(columns)) {
    const missing = displayWidth(group ?? '') - spanOf(widths.slice(from, to))
    if (missing > 0) widths[from] = widths[from]! + missing
  }
  return widths
}

/** Neighbours of the same group as one, each other column as one of its own. */
function groupsOf(columns: readonly Column[]): { group: string | undefined; from: number; to: number }[] {
  const groups: { group: string | undefined; from: number; to: number }[] = []
  for (const [i, { group }] of columns.entries()) {
    const last = groups.at(-1)
    if (group !== undefined && last?.group === group) last.to = i + 1
    else groups.push({ group, from: i, to: i + 1 })
  }
  return groups
}

function groupLine(columns: readonly Column[], widths: readonly number[]): string {
  return groupsOf(columns)
    .map(({ group, from, to }) => pad(group ?? '', spanOf(widths.slice(from, to)), columns[from]!.align))
    .join('  ')
}

function spanOf(widths: readonly number[]): number {
  return widths.reduce((sum, each) => sum + each + GAP, -GAP)
}

/** A bar of `width` columns for a share from 0 to 1. */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return '█'.repeat(full) + '░'.repeat(width - full)
}
