import type { Mailer } from '../../mail/mail.ts'
import type { Language } from '../request.ts'
import type { SmsProvider } from '../sms/provider.ts'
import type { Template } from './queue.ts'
import { type Facts, shortTextOf, textOf } from './texts.ts'

/** For what tells people outside of a request that still knows them: the end of a statutory remainder. */
export interface Telling {
  /** Unique for the message, and the same when it is sent again. */
  readonly id: string
  readonly template: Template
  readonly language: Language
  readonly contact: { readonly mail?: string; readonly phone?: string }
  readonly facts: Facts
}

/** Sends at once, by mail where there is an address. False where nobody can be reached. Throws MailRefused, SmsRefused. */
export async function tell(
  { mailer, sms }: { readonly mailer: Mailer | undefined; readonly sms: SmsProvider | undefined },
  { id, template, language, contact, facts }: Telling,
): Promise<boolean> {
  if (contact.mail !== undefined && mailer !== undefined) {
    await mailer.send({ id, to: contact.mail, ...textOf(template, language, facts) })
    return true
  }
  if (contact.phone === undefined || sms === undefined) return false
  await sms.send({ id, to: contact.phone, language, text: shortTextOf(template, language, facts) })
  return true
}
