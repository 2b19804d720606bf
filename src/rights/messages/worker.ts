import { transaction } from '../../db/transaction.ts'
import type { Logger } from '../../log.ts'
import type { Mailer } from '../../mail/mail.ts'
import { createWorker, type Worker } from '../../work-loop.ts'
import { note } from '../rows.ts'
import type { SmsProvider } from '../sms/provider.ts'
import { type ComposeDeps, type Composed, compose } from './compose.ts'
import { forgetOver } from './forget.ts'
import { type QueuedMessage, settleMessage, takeMessage } from './queue.ts'

export interface MessageWorkerDeps extends ComposeDeps {
  /** Absent: none is sent that way, and what waits for it is given up. */
  readonly mailer: Mailer | undefined
  readonly sms: SmsProvider | undefined
  readonly log: Logger
}

const POLL_MS = 3_000
const TRIES = 24 // with waits that grow to an hour: most of a day

/** Sends what people are written, at least once each, one after the other. */
export function createMessageWorker(deps: MessageWorkerDeps): Worker {
  return createWorker({
    everyMs: POLL_MS,
    async work(signal) {
      while (!signal.aborted) {
        const message = await takeMessage(deps.db, deps.now())
        if (message === undefined) break
        await sendOne(deps, message)
      }
      await forgetOver(deps)
    },
    failed: (error) => deps.log.error({ err: error }, 'messages to people could not be looked at; they are again'),
  })
}

async function sendOne(deps: MessageWorkerDeps, message: QueuedMessage): Promise<void> {
  const { id, request, template } = message
  const tries = message.attempts + 1
  try {
    const composed = await compose(deps, message)
    if (composed !== undefined) await hand(deps, id, composed)
    await settleMessage(deps.db, id, { as: 'sent', now: deps.now() })
  } catch (error) {
    const isLast = tries >= TRIES || error instanceof NoWay
    const what = isLast ? 'a message to a person was given up' : 'a message to a person was not sent; it is tried again'
    deps.log.error({ err: error, message: id, request, template, tries }, what)
    if (isLast) await giveUp(deps, message)
  }
}

/** Nobody here can send it, today or tomorrow. */
class NoWay extends Error {}

async function hand({ mailer, sms }: MessageWorkerDeps, id: string, composed: Composed): Promise<void> {
  if (composed.channel === 'mail') {
    if (mailer === undefined) throw new NoWay('no mail server is configured: WEIR_SMTP_URL')
    const { to, subject, text } = composed
    await mailer.send({ id, to, subject, text })
    return
  }
  if (sms === undefined) throw new NoWay('no SMS provider is configured: WEIR_SMS')
  const { to, language, text, code } = composed
  await sms.send({ id, to, language, text, ...(code === undefined ? {} : { code }) })
}

/** Said in the request's history, where officers see it. */
async function giveUp({ db, now }: MessageWorkerDeps, { id, request, template }: QueuedMessage): Promise<void> {
  await transaction(db, async (tx) => {
    await settleMessage(tx, id, { as: 'given-up', now: now() })
    await note(tx, request, { actor: 'weir', what: 'message-given-up', more: template })
  })
}
