import { bar } from './table.ts'

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

/**
 * On a terminal a step's line is written over as it goes on, with a bar where it tells its progress; elsewhere it is
 * written when it is done, and progress is a plain line for every tenth.
 */
export function openScreen(
  write: (text: string) => void,
  { terminal, colon }: { readonly terminal: boolean; readonly colon: string },
): Screen {
  const begun = performance.now()
  return {
    seconds: () => secondsSince(begun),
    async step(name, work) {
      const startedAt = performance.now()
      let more = ''
      let tenths = 0
      if (terminal) write(`         ${name} …`)
      const result = await work({
        progress(done, total) {
          const share = total === 0 ? 1 : done / total
          if (terminal) write(`\r\u001b[K         ${name}  ${bar(share, 24)} ${Math.floor(share * 100)} %`)
          else if (Math.floor(share * 10) > tenths) {
            tenths = Math.floor(share * 10)
            write(`         ${name}${colon}${tenths * 10} %\n`)
          }
        },
        detail(text) {
          more = text
        },
      }).catch((error: unknown) => {
        if (terminal) write('\n')
        throw error
      })
      const took = `${secondsSince(startedAt).toFixed(1)} s`.padStart(7)
      write(`${terminal ? '\r\u001b[K' : ''}${took}  ${name}${more === '' ? '' : colon + more}\n`)
      return result
    },
  }
}

function secondsSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 100) / 10
}
