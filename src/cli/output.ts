import { createLog, type Logger, type LogLevel } from '../log.ts'

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean
}

/** The answer of a command: with --json the document as one line, else the text, on stdout, which holds nothing else. */
export function answer(options: CommonOptions, document: unknown, text: string): void {
  process.stdout.write(`${options.json === true ? JSON.stringify(document) : text}\n`)
}

/** The log of a command, on stderr; quiet unless WEIR_LOG_LEVEL asks for more than `info`. */
export function commandLog(level: LogLevel): Logger {
  return createLog({ level: level === 'info' ? 'warn' : level, to: 'stderr' })
}

/** The example at the end of a command's help. */
export function example(...lines: readonly string[]): string {
  return `\nExample:\n${lines.map((line) => `  ${line}`).join('\n')}`
}

/** Rows under their heads, as wide as they need to be. */
export function columns(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heads, ...rows]
  const widths = heads.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)))
  return all
    .map((row) =>
      widths
        .map((width, i) => (row[i] ?? '').padEnd(width))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A line on stderr that is written over as work goes on; nothing where stderr is no terminal. */
export function showProgress(label: string): (done: number, total: number) => void {
  if (!process.stderr.isTTY) return () => undefined
  let shown = -1
  return (done, total) => {
    const percent = total === 0 ? 100 : Math.min(100, Math.floor((done / total) * 100))
    if (percent === shown) return
    shown = percent
    process.stderr.write(`\r${label} ${percent} %${percent === 100 ? '\n' : ''}`)
  }
}
