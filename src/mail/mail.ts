import { createTransport } from 'nodemailer'

/** A text in plain words, without anybody's personal data but its addressee's. */
export interface Mail {
  /** Unique for the mail, and the same when it is sent again: a mailbox can tell that it has it already. */
  readonly id: string
  readonly to: string
  readonly subject: string
  readonly text: string
}

export interface Mailer {
  /** Resolves when the server has taken it. Throws MailRefused. */
  send(mail: Mail): Promise<void>
}

/** The server did not take a mail. Says a code only: what servers answer quotes addresses. */
export class MailRefused extends Error {
  constructor(code: string) {
    super(`the mail server did not take a mail (${code})`)
    this.name = 'MailRefused'
  }
}

const PATIENCE_MS = 20_000

/** Sends over SMTP: `smtps:` from the first byte, `smtp:` with STARTTLS wherever the server offers it. */
export function createMailer({ smtpUrl, from }: { readonly smtpUrl: string; readonly from: string }): Mailer {
  const transport = createTransport({
    url: smtpUrl,
    connectionTimeout: PATIENCE_MS,
    greetingTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const host = from.slice(from.lastIndexOf('@') + 1)
  return {
    async send({ id, to, subject, text }) {
      const messageId = `<${id}@${host}>`
      await transport.sendMail({ from, to, subject, text, messageId }).catch((error: unknown) => {
        throw new MailRefused(codeOf(error))
      })
    },
  }
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  const answered: unknown = error instanceof Error ? Reflect.get(error, 'responseCode') : undefined
  const known = [code, answered].filter((one) => /^[A-Z0-9_]{2,32}$/.test(String(one)) && one !== undefined)
  return known.length === 0 ? 'no code' : known.join(' ')
}
