import type { Db } from '../db/pool.ts'
import type { Logger } from '../log.ts'
import type { Mail, Mailer } from './mail.ts'
import { forgetSentMails, mailSent, type QueuedMail, takeMail } from './outbox.ts'

export interface MailWorkerDeps {
  readonly db: Db
  readonly mailer: Mailer
  /** What a mail says, made when it is sent; undefined where there is nothing to say any more. */
  readonly compose: (mail: QueuedMail) => Promise<Omit<Mail, 'id'> | undefined>
  readonly log: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Sends what waits in the outbox, at least once each, one after the other. */
export interface MailWorker {
  start(): void
  /** Something may wait: look now rather than in a few seconds. */
  nudge(): void
  /** Sends everything that is due; what fails waits for its next try. */
  processAll(): Promise<void>
  /** Ends after the mail under way. */
  stop(): Promise<void>
}

const POLL_MS = 5_000

export function createMailWorker(deps: MailWorkerDeps): MailWorker {
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()
  let stopping = false

  async function processAll(): Promise<void> {
    let mail = await next()
    if (mail === undefined) return
    for (; mail !== undefined; mail = await next()) await sendOne(deps, mail)
    await forgetSentMails(deps.db, deps.now())
  }

  async function next(): Promise<QueuedMail | undefined> {
    return stopping ? undefined : takeMail(deps.db, deps.now())
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

async function sendOne({ db, mailer, compose, log, now }: MailWorkerDeps, mail: QueuedMail): Promise<void> {
  try {
    const text = await compose(mail)
    if (text !== undefined) await mailer.send({ ...text, id: mail.id })
    await mailSent(db, mail.id, now())
  } catch (error) {
    log.error(
      { err: error, mail: mail.id, kind: mail.kind, tries: mail.attempts + 1 },
      'a mail was not sent; it is tried again',
    )
  }
}
