export type Align = 'left' | 'right'

// East Asian Wide and Fullwidth (Unicode UAX #11), as far as names and sentences need them: two columns on a terminal.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const NONE = /[\p{Mn}\p{Me}\p{Cf}]/u

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

export interface Column {
  readonly head: string
  readonly align?: Align
}

/** Rows under their heads and a line, each column as wide as its widest cell, indented by two. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = [columns.map(({ head }) => head), ...rows]
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => displayWidth(row[i] ?? ''))))
  const lines = cells.map((row) => columns.map(({ align }, i) => pad(row[i] ?? '', widths[i]!, align)).join('  '))
  const [heads = '', ...body] = lines
  const rule = widths.map((width) => '─'.repeat(width)).join('  ')
  return [heads, rule, ...body].map((line) => `  ${line}`.trimEnd()).join('\n')
}

/** A bar of `width` columns for a share from 0 to 1. */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return '█'.repeat(full) + '░'.repeat(width - full)
}
