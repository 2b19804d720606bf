import { transaction } from '../../db/transaction.ts'
import type { Logger } from '../../log.ts'
import type { Mailer } from '../../mail/mail.ts'
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

/** Sends what people are written, at least once each, one after the other. */
export interface MessageWorker {
  start(): void
  /** Something may wait: look now rather than in a few seconds. */
  nudge(): void
  /** Sends everything that is due; what fails waits for its next try. */
  processAll(): Promise<void>
  /** Ends after the message under way. */
  stop(): Promise<void>
}

const POLL_MS = 3_000
const TRIES = 24 // with waits that grow to an hour: most of a day

export function createMessageWorker(deps: MessageWorkerDeps): MessageWorker {
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()
  let stopping = false

  async function processAll(): Promise<void> {
    for (let message = await next(); message !== undefined; message = await next()) await sendOne(deps, message)
    await forgetOver(deps)
  }

  async function next(): Promise<QueuedMessage | undefined> {
    return stopping ? undefined : takeMessage(deps.db, deps.now())
  }

  function look(): void {
    working = working
      .then(processAll)
      .catch((error: unknown) =>
        deps.log.error({ err: error }, 'messages to people could not be looked at; they are again'),
      )
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
      stopping = false
    },
  }
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
