import cluster, { type Worker } from 'node:cluster'
import { AggregatorRegistry, type Registry } from 'prom-client'
import { AppError } from './errors.ts'
import { describeError, type Logger } from './log.ts'

/** Messages between the primary, which delivers, and the workers, which answer HTTP. */
type Message =
  | { readonly weir: 'committed' }
  | { readonly weir: 'metrics-wanted'; readonly id: number }
  | { readonly weir: 'metrics'; readonly id: number; readonly json: object[] }
  | { readonly weir: 'metrics-text'; readonly id: number; readonly text: string }
  | { readonly weir: 'ready' }
  | { readonly weir: 'failed'; readonly message: string }
  | { readonly weir: 'stop' }

const METRICS_MS = 2000
const RESTART_MS = 1000

export interface Workers {
  /** Resolves when every worker listens. @throws AppError what the first worker says that cannot start */
  readonly listening: Promise<void>
  /** Asks the workers to drain and resolves when they are gone. */
  stop(): Promise<void>
}

/** In the primary: forks workers, starts again those that die, sums up metrics and passes on commits. */
export function runWorkers(
  count: number,
  deps: { readonly log: Logger; readonly registry: Registry; committed(): void },
): Workers {
  // Workers accept from one shared socket. Node's other policy hands each connection on by message, and one that is on
  // its way to a worker that dies is never answered and never closed.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  let stopping = false
  const ready = new Set<number>()
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  listening.catch(() => undefined) // told to whoever waits for it; a signal may have come first
  let started = false
  const collecting = createCollector(deps.registry)

  function fork(): void {
    const worker = cluster.fork()
    worker.on('error', () => undefined) // a message to one that is just ending: its exit tells
    worker.on('message', (message: Message) => {
      if (message.weir === 'committed') deps.committed()
      if (message.weir === 'metrics') collecting.answered(message)
      if (message.weir === 'metrics-wanted')
        void collecting.collect().then((text) => send(worker, { weir: 'metrics-text', id: message.id, text }))
      if (message.weir === 'failed') reject(new AppError('conflict', message.message))
      if (message.weir !== 'ready') return
      if (started) deps.log.info({ worker: worker.process.pid }, 'the new worker answers')
      if (ready.add(worker.id).size < count) return
      started = true
      resolve()
    })
    worker.on('exit', (code, signal) => {
      // At start a worker that cannot work is a reason not to run; later another takes its place.
      if (!started) reject(new AppError('conflict', `a worker ended before it was ready (${signal ?? code})`))
      if (stopping || !started) return
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
          if (worker.isDead()) return
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
  /** This worker cannot go on: the primary says why, once for all. */
  failed(error: unknown): void
  readonly stopRequested: Promise<void>
}

/** In a worker: the line to the primary. */
export function toPrimary(registry: () => Registry | undefined): Primary {
  const waiting = new Map<number, (text: string) => void>()
  const { promise: stopRequested, resolve: requestStop } = Promise.withResolvers<void>()
  let next = 1
  let told = false
  /** What this worker alone knows, where the primary does not answer; never rejects. */
  const ownText = async (): Promise<string> =>
    (await registry()
      ?.metrics()
      .catch(() => '')) ?? ''
  const tell = (message: Message): void => {
    if (process.connected) process.send?.(message)
  }
  process.on('message', (message: Message) => {
    if (message.weir === 'stop') requestStop()
    if (message.weir === 'metrics-text') waiting.get(message.id)?.(message.text)
    if (message.weir === 'metrics-wanted') {
      void metricsOf(registry()).then((json) => tell({ weir: 'metrics', id: message.id, json }))
    }
  })
  // The primary was killed: what was taken is finished, nothing more is. Node itself would exit at once, unless it
  // takes the end for a wanted one.
  if (cluster.worker !== undefined) {
    cluster.worker.exitedAfterDisconnect = true
    cluster.worker.on('error', () => undefined) // a message to one that is just gone
  }
  process.once('disconnect', requestStop)
  return {
    stopRequested,
    ready: () => tell({ weir: 'ready' }),
    failed: (error) => tell({ weir: 'failed', message: reasonOf(error) }),
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

async function metricsOf(registry: Registry | undefined): Promise<object[]> {
  return registry === undefined ? [] : ((await registry.getMetricsAsJSON()) as object[])
}

function reasonOf(error: unknown): string {
  return error instanceof AppError ? error.message : `a worker failed: ${JSON.stringify(describeError(error))}`
}
