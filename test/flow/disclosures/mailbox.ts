import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

export interface Received {
  readonly from: string
  readonly to: readonly string[]
  /** Header and body, decoded as far as base64 and quoted-printable go. */
  readonly text: string
  readonly messageId: string
}

/** A mail server of its own, with one mailbox for everybody. */
export interface Mailbox {
  readonly url: string
  readonly received: Received[]
  /** Refuses what comes from now on, or takes it again. */
  refuse(refusing: boolean): void
  close(): Promise<void>
}

export async function openMailbox(): Promise<Mailbox> {
  const received: Received[] = []
  let refusing = false
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const [to] = session.envelope.rcptTo
        if (refusing) return done(Object.assign(new Error(`no mail for ${to?.address} now`), { responseCode: 451 }))
        const raw = Buffer.concat(chunks).toString('utf8')
        const from = session.envelope.mailFrom
        received.push({
          from: from === false ? '' : from.address,
          to: session.envelope.rcptTo.map(({ address }) => address),
          text: decoded(raw),
          messageId: /^message-id: (.*)$/im.exec(raw)?.[1]?.trim() ?? '',
        })
        done()
      })
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    refuse(now) {
      refusing = now
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

function decoded(raw: string): string {
  const [head = '', ...rest] = raw.split('\r\n\r\n')
  const body = rest.join('\n')
  const subject = head.replace(/=\?utf-8\?b\?([^?]*)\?=\s*/gi, (_, text: string) =>
    Buffer.from(text, 'base64').toString('utf8'),
  )
  return `${subject}\n\n${/base64/i.test(head) ? Buffer.from(body, 'base64').toString('utf8') : unquoted(body)}`
}

function unquoted(text: string): string {
  const bytes = text
    .replace(/=\r?\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
