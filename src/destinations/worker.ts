import { takeMessage } from './messages.ts'
import { type TellingDeps, tell } from './tell.ts'

/** Tells recipients what waits in the outbox: at least once each, one after the other; several may run at once. */
export interface RecipientWorker {
  start(): void
  /** Something may wait: look now rather than in a few seconds. */
  nudge(): void
  /** Tells everything that is due; what fails waits for its next try. */
  processAll(): Promise<void>
  /** Ends after the message under way. */
  stop(): Promise<void>
}

const POLL_MS = 5_000

export function createRecipientWorker(deps: TellingDeps): RecipientWorker {
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()
  let stopping = false

  async function processAll(): Promise<void> {
    // What is due again at once (a question that follows an answer) is in the next turn: one turn has an end.
    const until = deps.now()
    while (!stopping) {
      const message = await takeMessage(deps.db, until)
      if (message === undefined) return
      await tell(deps, message).catch((error: unknown) => {
        deps.log.error({ err: error, message: message.id }, 'a recipient was not told; it is tried again')
      })
    }
  }

  function look(): void {
    working = working
      .then(processAll)
      .catch((error: unknown) => deps.log.error({ err: error }, 'the outbox could not be looked at; it is again'))
  }

  return {
    start() {
      stopping = false
      look()
      timer ??= setInterval(look, POLL_MS).unref()
    },
    nudge() {
      if (timer !== undefined) look()
    },
    processAll,
    async stop() {
      stopping = true
      clearInterval(timer)
      timer = undefined
      await working
    },
  }
}
