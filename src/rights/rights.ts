import type { Worker } from '../work-loop.ts'
import type { RightsDeps } from './deps.ts'
import { createRequestRunner, type RunnerDeps } from './runner.ts'

/** Everything that carries requests of people out while nobody asks. */
export interface Rights {
  readonly deps: RightsDeps
  readonly runner: Worker
  start(): void
  /** Something may be due. */
  nudge(): void
  /** Does what is due until nothing is: requests, and what their workers send. */
  processAll(): Promise<void>
  stop(): Promise<void>
}

const ROUNDS = 4 // a message that was sent can make a request due, and the other way round

/** The runner, and the workers beside it. */
export function createRights(deps: RunnerDeps, workers: readonly Worker[]): Rights {
  const runner = createRequestRunner(deps)
  const all: readonly Worker[] = [runner, ...workers]
  return {
    deps,
    runner,
    start() {
      for (const one of all) one.start()
    },
    nudge() {
      for (const one of all) one.nudge()
    },
    async processAll() {
      for (let round = 0; round < ROUNDS; round++) for (const one of all) await one.processAll()
    },
    async stop() {
      for (const one of all) await one.stop()
    },
  }
}
