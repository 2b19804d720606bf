/** Something that is looked for every few seconds and done, one look at a time, beside everything else. */
export interface Worker {
  start(): void
  /** Something may be due: look now rather than in a few seconds. */
  nudge(): void
  /** Does everything that is due; what fails, or waits for somebody, waits for its next try. */
  processAll(): Promise<void>
  /** Ends after what is under way. */
  stop(): Promise<void>
}

export interface WorkLoop {
  readonly everyMs: number
  /** Does what is due; begins nothing more once it is aborted. */
  readonly work: (signal: AbortSignal) => Promise<void>
  /** A look failed as a whole: it is looked again in its time. */
  readonly failed: (error: unknown) => void
}

/** A worker out of what one look does. A look that comes while one is under way follows it, and others wait with it. */
export function createWorker({ everyMs, work, failed }: WorkLoop): Worker {
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()
  let waits = false
  let enough = new AbortController()

  const processAll = (): Promise<void> => work(enough.signal)

  function look(): void {
    if (waits) return
    waits = true
    working = working
      .then(() => {
        waits = false
        return processAll()
      })
      .catch(failed)
  }

  return {
    start() {
      look()
      timer ??= setInterval(look, everyMs).unref()
    },
    nudge() {
      if (timer !== undefined) look()
    },
    processAll,
    async stop() {
      enough.abort()
      clearInterval(timer)
      timer = undefined
      await working
      enough = new AbortController()
    },
  }
}
