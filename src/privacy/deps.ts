import type { Sequencer } from '../audit/sequencer.ts'
import type { ConsentDeps } from '../consent/service.ts'
import type { ExportsApi } from '../http/exports-api.ts'
import type { LiftApi } from '../http/lift-api.ts'
import type { Mailer } from '../mail/mail.ts'
import type { Module } from '../modules/module.ts'
import type { Holder } from '../pipeline/erase-subject.ts'
import type { Pseudonymisers } from '../pipeline/pseudonymisers.ts'
import type { AskingDeps } from '../rights/asking-deps.ts'
import type { SmsProvider } from '../rights/sms/provider.ts'
import type { ShopTexts } from './shop-texts.ts'

/** What the privacy centre is made of. */
export interface PrivacyDeps extends AskingDeps {
  readonly sequencer: Pick<Sequencer, 'sequenced'>
  readonly consent: ConsentDeps
  readonly holders: () => readonly Holder[]
  readonly pseudonymisers: Pseudonymisers
  /** The module whose items people can strike out. */
  readonly recommendation: Module
  readonly mailer: Mailer | undefined
  readonly sms: SmsProvider | undefined
  readonly lift: Pick<LiftApi, 'own'>
  readonly exports: ExportsApi
  readonly texts: ShopTexts
  /** What people know the shop by. */
  readonly shopName: string
}
