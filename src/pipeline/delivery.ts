import { AppError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { type BatchDeps, type BatchResult, deliverBatch } from './deliver-batch.ts'
import { type PurgeDeps, purgeContent } from './purge-content.ts'

export interface DeliveryDeps {
  /** Asked for each batch, so that a policy activated meanwhile counts. */
  readonly destinations: () => readonly BatchDeps[]
  readonly purge: PurgeDeps
  readonly metrics: Metrics
  readonly log: Logger
  readonly now: () => number
}

/** The second half of an event's way, as a daemon: start and stop it, or drive it by hand in tests. */
export interface Delivery {
  start(): void
  /** Something was committed: look now rather than at the next poll. */
  nudge(): void
  /** Delivers and erases until nothing is left to do. */
  processAll(): Promise<void>
  /** Ends after the batches under way. */
  stop(): Promise<void>
}

const MAX_BATCH = 500
const MIN_BATCH = 100 // fewer cost nearly as much: most of a small batch is what every batch costs
const BATCH_MS = 20 // a withdrawal waits for at most one batch
const POLL_MS = 200
const AFTER_ERROR_MS = 1000

export function createDelivery(deps: DeliveryDeps): Delivery {
  const loops = new Map<string, Loop>()
  let running = false

  async function deliver(name: string, pace: Pace): Promise<boolean> {
    const destination = deps.destinations().find((d) => d.destination === name)
    if (destination === undefined) throw new AppError('not-found', 'no such destination')
    const limit = pace.limit
    const started = performance.now()
    try {
      const result = await deliverBatch(destination, limit)
      pace.limit = nextLimit(limit, result.rows, performance.now() - started)
      pace.wentWellAt = deps.now()
      report(name, result, limit)
      return result.rows === limit || result.erased > 0 || result.retried > 0 || result.more
    } catch (error) {
      // Stuck: what came since the last batch that went well may all be waiting.
      deps.metrics.deliveryLag(name, Math.max(0, deps.now() - pace.wentWellAt) / 1000)
      throw error
    }
  }

  function report(name: string, result: BatchResult, limit: number): void {
    deps.metrics.delivered(name, result.delivered)
    deps.metrics.withheld(name, result.withheld)
    if (result.failed > 0) deps.log.warn({ destination: name, events: result.failed }, 'events became dead letters')
    for (let i = 0; i < result.failed; i++) deps.metrics.deadLetter(name)
    const behind = result.rows === limit ? result.last?.receivedAt : undefined
    const since = behind ?? (result.more ? result.rebuilding : undefined)
    deps.metrics.deliveryLag(name, since === undefined ? 0 : Math.max(0, deps.now() - since.getTime()) / 1000)
  }

  function loopsNow(): Loop[] {
    for (const { destination } of deps.destinations()) {
      if (loops.has(destination)) continue
      const pace = { limit: 200, wentWellAt: deps.now() }
      loops.set(
        destination,
        createLoop(() => deliver(destination, pace), deps.log, destination),
      )
    }
    if (!loops.has('stored content')) {
      loops.set(
        'stored content',
        createLoop(() => purgeContent(deps.purge), deps.log, 'stored content'),
      )
    }
    return [...loops.values()]
  }

  return {
    start() {
      running = true
      for (const loop of loopsNow()) loop.start()
    },
    nudge() {
      if (running) for (const loop of loops.values()) loop.nudge()
    },
    async processAll() {
      for (const loop of loopsNow()) while (await loop.once()) {}
    },
    async stop() {
      running = false
      await Promise.all([...loops.values()].map((loop) => loop.stop()))
    },
  }
}

interface Pace {
  limit: number
  /** Milliseconds since 1970. */
  wentWellAt: number
}

/** So many events as fit into 20 ms at the pace of the last batch. */
function nextLimit(limit: number, rows: number, elapsed: number): number {
  if (rows < limit / 2) return limit
  const fit = Math.floor((limit * BATCH_MS) / Math.max(elapsed, 1))
  return Math.max(MIN_BATCH, Math.min(MAX_BATCH, Math.floor((limit + fit) / 2)))
}

interface Loop {
  start(): void
  nudge(): void
  once(): Promise<boolean>
  stop(): Promise<void>
}

/** Calls `step` again at once while it says that there is more, else after a nudge or a poll. Errors are logged, then tried again. */
function createLoop(step: () => Promise<boolean>, log: Logger, name: string): Loop {
  let running: Promise<void> | undefined
  let stopping = false
  let nudged = false
  let wake: (() => void) | undefined

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms)
      timer.unref()
      function done(): void {
        clearTimeout(timer)
        wake = undefined
        resolve()
      }
      wake = done
      if (stopping || (nudged && ms === POLL_MS)) done()
    })
  }

  async function run(): Promise<void> {
    while (!stopping) {
      nudged = false
      let wait = POLL_MS
      try {
        if (await step()) continue
      } catch (error) {
        log.error({ err: error, destination: name }, 'delivery failed; it tries again')
        wait = AFTER_ERROR_MS
      }
      await pause(wait)
    }
  }

  return {
    start() {
      stopping = false
      running ??= run()
    },
    nudge() {
      nudged = true
      wake?.()
    },
    once: step,
    async stop() {
      stopping = true
      wake?.()
      await running
      running = undefined
    },
  }
}
