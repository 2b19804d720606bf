import type { Db } from '../db/pool.ts'
import type { Logger } from '../log.ts'
import { createWorker, type Worker } from '../work-loop.ts'
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

const POLL_MS = 5_000

/** Sends what waits in the outbox, at least once each, one after the other. */
export function createMailWorker(deps: MailWorkerDeps): Worker {
  return createWorker({
    everyMs: POLL_MS,
    async work(signal) {
      let sent = 0
      for (; !signal.aborted; sent++) {
        const mail = await takeMail(deps.db, deps.now())
        if (mail === undefined) break
        await sendOne(deps, mail)
      }
      if (sent > 0) await forgetSentMails(deps.db, deps.now())
    },
    failed: (error) => deps.log.error({ err: error }, 'the outbox could not be looked at; it is again'),
  })
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
