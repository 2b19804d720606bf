import type { Config } from '../config.ts'
import type { Db } from '../db/pool.ts'
import type { Logger } from '../log.ts'
import { createMailer } from '../mail/mail.ts'
import { createMailWorker } from '../mail/worker.ts'
import type { Worker } from '../work-loop.ts'
import type { DisclosureDeps } from './deps.ts'
import { noticeOf } from './notice.ts'
import { readDisclosure } from './rows.ts'

export interface DpoMailOptions {
  readonly db: Db
  readonly config: Pick<Config, 'mode' | 'http'> & Partial<Pick<Config, 'mail'>>
  readonly smtpUrl: string | undefined
  readonly log: Logger
  readonly now: () => number
}

/**
 * The way to the data protection officer. Where there is none, production discloses nothing; development does, and what
 * would be sent stays in the outbox.
 */
export function createDpoMail(
  options: DpoMailOptions,
): Pick<DisclosureDeps, 'dpo' | 'mailWaits'> & { readonly worker: Worker | undefined } {
  const { db, config, smtpUrl, log, now } = options
  const { dpo, from } = config.mail ?? {}
  if (smtpUrl === undefined || dpo === undefined || from === undefined) {
    const unreachable = config.mode === 'production'
    return { dpo: unreachable ? 'unreachable' : 'not-told', mailWaits: () => undefined, worker: undefined }
  }
  const worker = createMailWorker({
    db,
    mailer: createMailer({ smtpUrl, from }),
    log,
    now,
    async compose({ kind, disclosure }) {
      const found = await readDisclosure(db, disclosure)
      const said = noticeOf(kind, found, { publicUrl: config.http.publicUrl, now: now() })
      return said === undefined ? undefined : { ...said, to: dpo }
    },
  })
  return { dpo: 'told', mailWaits: () => worker.nudge(), worker }
}
