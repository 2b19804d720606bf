import cluster, { type Worker } from 'node:cluster'
import { AggregatorRegistry, type Registry } from 'prom-client'
import type { Logger } from './log.ts'

/** Messages between the primary, which delivers, and the workers, which answer HTTP. */
type Message =
  | { readonly weir: 'committed' }
  | { readonly weir: 'metrics-wanted'; readonly id: number }
  | { readonly weir: 'metrics'; readonly id: number; readonly json: object[] }
  | { readonly weir: 'metrics-text'; readonly id: number; readonly text: string }
  | { readonly weir: 'ready' }
  | { readonly weir: 'stop' }

const METRICS_MS = 2000
const RESTART_MS = 1000

export interface Workers {
  /** Resolves when every worker listens. */
  readonly listening: Promise<void>
  /** Asks the workers to drain and resolves when they are gone. */
  stop(): Promise<void>
}

/** In the primary: forks workers, starts again those that die, sums up metrics and passes on commits. */
export function runWorkers(
  count: number,
  deps: { readonly log: Logger; readonly registry: Registry; committed(): void },
): Workers {
  let stopping = false
  const ready = new Set<number>()
  const { promise: listening, resolve } = Promise.withResolvers<void>()
  const collecting = createCollector(deps.registry)

  function fork(): void {
    const worker = cluster.fork()
    worker.on('message', (message: Message) => {
      if (message.weir === 'committed') deps.committed()
      if (message.weir === 'metrics') collecting.answered(message)
      if (message.weir === 'metrics-wanted')
        void collecting.collect().then((text) => send(worker, { weir: 'metrics-text', id: message.id, text }))
      if (message.weir === 'ready' && ready.add(worker.id).size >= count) resolve()
    })
    worker.on('exit', (code, signal) => {
      if (stopping) return
      deps.log.error({ worker: worker.process.pid, code, signal }, 'a worker died: starting another')
      setTimeout(() => {
        if (!stopping) fork()
      }, RESTART_MS)
    })
  }
  for (let i = 0; i < count; i++) fork()

  return {
    listening,
    async stop() {
      stopping = true
      const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
      await Promise.all(
        workers.map(async (worker) => {
          const gone = new Promise((done) => worker.once('exit', done))
          send(worker, { weir: 'stop' })
          await gone
        }),
      )
    },
  }
}

function send(worker: Worker, message: Message): void {
  if (worker.isConnected()) worker.send(message)
}

interface Collector {
  collect(): Promise<string>
  answered(message: { readonly id: number; readonly json: object[] }): void
}

function createCollector(own: Registry): Collector {
  const open = new Map<number, { parts: object[][]; missing: number; done(): void }>()
  let next = 1
  return {
    async collect() {
      const id = next++
      const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker?.isConnected())
      const { promise, resolve } = Promise.withResolvers<void>()
      const entry = { parts: [(await own.getMetricsAsJSON()) as object[]], missing: workers.length, done: resolve }
      open.set(id, entry)
      for (const worker of workers) send(worker!, { weir: 'metrics-wanted', id })
      const timer = setTimeout(resolve, METRICS_MS)
      if (workers.length > 0) await promise
      clearTimeout(timer)
      open.delete(id)
      return AggregatorRegistry.aggregate(entry.parts as never).metrics()
    },
    answered({ id, json }) {
      const entry = open.get(id)
      if (entry === undefined) return
      entry.parts.push(json)
      entry.missing -= 1
      if (entry.missing === 0) entry.done()
    },
  }
}

export interface Primary {
  /** Tells the primary that something was committed; once a turn is enough. */
  committed(): void
  /** The metrics of all processes. */
  metricsText(): Promise<string>
  ready(): void
  readonly stopRequested: Promise<void>
}

/** In a worker: the line to the primary. */
export function toPrimary(registry: () => Registry): Primary {
  const waiting = new Map<number, (text: string) => void>()
  const { promise: stopRequested, resolve: requestStop } = Promise.withResolvers<void>()
  let next = 1
  let told = false
  /** What this worker alone knows, where the primary does not answer; never rejects. */
  const ownText = (): Promise<string> =>
    registry()
      .metrics()
      .catch(() => '')
  const tell = (message: Message): void => {
    if (process.connected) process.send?.(message)
  }
  process.on('message', (message: Message) => {
    if (message.weir === 'stop') requestStop()
    if (message.weir === 'metrics-text') waiting.get(message.id)?.(message.text)
    if (message.weir === 'metrics-wanted') {
      void registry()
        .getMetricsAsJSON()
        .then((json) => tell({ weir: 'metrics', id: message.id, json: json as object[] }))
    }
  })
  process.once('disconnect', requestStop) // the primary was killed: what was taken is finished, nothing more is
  return {
    stopRequested,
    ready: () => tell({ weir: 'ready' }),
    committed() {
      if (told) return
      told = true
      setImmediate(() => {
        told = false
        tell({ weir: 'committed' })
      })
    },
    metricsText() {
      const id = next++
      const { promise, resolve } = Promise.withResolvers<string>()
      waiting.set(id, resolve)
      const timer = setTimeout(() => {
        void ownText().then(resolve)
      }, METRICS_MS)
      tell({ weir: 'metrics-wanted', id })
      return promise.finally(() => {
        clearTimeout(timer)
        waiting.delete(id)
      })
    },
  }
}
