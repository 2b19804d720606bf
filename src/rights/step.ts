import type { Tx } from '../db/pool.ts'
import type { RightsDeps } from './deps.ts'
import type { Request } from './request.ts'

/**
 * One step of carrying a request out. `run` is in the transaction that also notes that the step is done: after a kill -9
 * it has happened wholly or not at all. `before` is what no transaction can hold (a file, the network): it may happen
 * twice, and twice must be as good as once.
 */
export interface Step {
  readonly name: string
  before?(deps: RightsDeps, request: Request): Promise<void>
  run(tx: Tx, deps: RightsDeps, request: Request): Promise<void>
}

/** The step after the one that is done last; undefined after the last. */
export function nextStep(steps: readonly Step[], done: string | undefined): Step | undefined {
  return steps[done === undefined ? 0 : steps.findIndex(({ name }) => name === done) + 1]
}
