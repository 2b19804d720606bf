import type { Evidence } from '../../consent/ledger.ts'
import type { Proven } from '../../consent/prove.ts'
import { recordProven } from '../../consent/service.ts'
import { viewOf } from '../../consent/view.ts'
import { AppError } from '../../errors.ts'
import type { Source } from '../../event/event.ts'
import { maskOf, type Purpose, type PurposeMask } from '../../event/purpose.ts'
import type { PrivacyDeps } from '../deps.ts'
import type { Who } from '../visit.ts'
import { identifiersOf } from './identifiers.ts'
import type { Person } from './person.ts'

/** What somebody allows and refuses now, as the gate counts it. */
export function choicesOf({ kind, node }: Person): { readonly granted: PurposeMask; readonly refused: PurposeMask } {
  const confirmed = kind === 'user' || (node.link?.confirmed ?? false)
  const user = kind === 'user' ? node.consent : confirmed ? node.link?.userConsent : undefined
  const device = kind === 'device' ? node.consent : undefined
  const { granted, refused } = viewOf({ device, user, confirmed })
  return { granted: granted & ~refused, refused }
}

/** No source told it: the person said it here. Like a shop's server it needs no limit on new people: it makes none. */
const HERE: Source = { id: 0, name: 'privacy', kind: 'server', shop: '', origins: [], test: false }

const PROOF: Readonly<Record<Who['proof'], Evidence['proof']>> = {
  'session-token': 'subject-token',
  'device-secret': 'device-secret',
  'mail-code': 'request',
  'sms-code': 'request',
}

/** Records a choice as the shop's own banner would: in force when this resolves. Throws AppError `person-erased`. */
export async function choose(
  deps: PrivacyDeps,
  { person, who, addressPrefix }: { readonly person: Person; readonly who: Who; readonly addressPrefix: string },
  choices: { readonly granted: readonly Purpose[]; readonly refused: readonly Purpose[] },
): Promise<void> {
  const wanted = person.kind === 'user' ? 'user_id' : 'anonymous_id'
  const own = (await identifiersOf(deps, [person.subject])).find(({ type }) => type === wanted)
  if (own === undefined) throw new AppError('conflict', 'Nothing is held of this person.', { code: 'person-erased' })
  const proven: Proven = {
    userId: person.kind === 'user' ? own.value : undefined,
    anonymousId: person.kind === 'device' ? own.value : undefined,
    proof: PROOF[who.proof],
    secretHash: undefined,
  }
  const choice = {
    granted: maskOf(choices.granted),
    refused: maskOf(choices.refused),
    claimedAt: undefined,
    receivedAt: deps.now(),
  }
  await recordProven(deps.consent, { source: HERE, addressPrefix }, proven, choice, { evidence: 'request' })
}
