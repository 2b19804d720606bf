import { bar, clip, displayWidth } from './table.ts'
import { wrap } from './wrap.ts'

/** Says what goes on, a line a step with the time it took. */
export interface Screen {
  /** Runs a step under its name; `work` may tell how far it is and say more at the end. */
  step<T>(name: string, work: (tell: Tell) => Promise<T>): Promise<T>
  /** Seconds since the screen was made. */
  seconds(): number
}

export interface Tell {
  readonly progress: (done: number, total: number) => void
  /** Stands behind the name when the step is done. */
  readonly detail: (text: string) => void
}

export interface ScreenOptions {
  readonly terminal: boolean
  readonly colon: string
  /** Columns of the terminal now; undefined or 0 where nobody knows. */
  readonly columns: () => number | undefined
}

const INDENT = ' '.repeat(9)
const BAR = 24
const SHORTEST_BAR = 6

/**
 * On a terminal a step's line is written over as it goes on, with a bar where it tells its progress; elsewhere it is
 * written when it is done, and progress is a plain line for every tenth. A line that is written over fits into
 * `columns`: of one that wraps, only the last part would be. What a step tells after it was given up is not shown.
 */
export function openScreen(write: (text: string) => void, { terminal, colon, columns }: ScreenOptions): Screen {
  const begun = performance.now()
  return {
    seconds: () => secondsSince(begun),
    async step(name, work) {
      const startedAt = performance.now()
      // The last column stays free: some terminals go on to the next line when it is filled.
      const room = (): number => (columns() || 80) - 1
      let more = ''
      let tenths = 0
      let over = false
      if (terminal) write(clip(`${INDENT}${name} …`, room()))
      const result = await work({
        progress(done, total) {
          if (over) return
          const share = total === 0 ? 1 : done / total
          if (terminal) write(`\r\u001b[K${progressLine(name, share, room())}`)
          else if (Math.floor(share * 10) > tenths) {
            tenths = Math.floor(share * 10)
            write(`${INDENT}${name}${colon}${tenths * 10} %\n`)
          }
        },
        detail(text) {
          more = text
        },
      })
        .catch((error: unknown) => {
          if (terminal) write('\n')
          throw error
        })
        .finally(() => {
          over = true
        })
      const took = `${secondsSince(startedAt).toFixed(1)} s`.padStart(7)
      const said = `${name}${more === '' ? '' : colon + more}`
      const width = terminal ? room() : Infinity
      write(`${terminal ? '\r\u001b[K' : ''}${wrap(said, { width, first: `${took}  `, next: INDENT })}\n`)
      return result
    },
  }
}

function progressLine(name: string, share: number, room: number): string {
  const percent = `${Math.floor(share * 100)} %`
  const left = room - displayWidth(`${INDENT}${name}   100 %`)
  if (left >= SHORTEST_BAR) return `${INDENT}${name}  ${bar(share, Math.min(BAR, left))} ${percent}`
  return `${clip(`${INDENT}${name}`, room - '  100 %'.length)}  ${percent}`
}

function secondsSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 100) / 10
}
