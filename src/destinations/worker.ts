import { createWorker, type Worker } from '../work-loop.ts'
import { takeMessage } from './messages.ts'
import { type TellingDeps, tell } from './tell.ts'

const POLL_MS = 5_000

/** Tells recipients what waits in the outbox: at least once each, one after the other; several may run at once. */
export function createRecipientWorker(deps: TellingDeps): Worker {
  return createWorker({
    everyMs: POLL_MS,
    async work(signal) {
      // What is due again at once (a question that follows an answer) is in the next turn: one turn has an end.
      const until = deps.now()
      while (!signal.aborted) {
        const message = await takeMessage(deps.db, until)
        if (message === undefined) return
        await tell(deps, message).catch((error: unknown) => {
          deps.log.error({ err: error, message: message.id }, 'a recipient was not told; it is tried again')
        })
      }
    },
    failed: (error) => deps.log.error({ err: error }, 'the outbox could not be looked at; it is again'),
  })
}
