import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server'
import { appendEntries } from '../audit/log.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { assertionOptions } from './authenticators.ts'
import { issueChallenge, takeChallenge } from './challenges.ts'
import type { OfficerDeps } from './deps.ts'
import { checkFactor, type Shown } from './factor.ts'
import { relyingParty } from './relying-party.ts'
import { type Session, stepUpSession } from './sessions.ts'
import type { SignedIn } from './sign-in.ts'

/** What an authenticator is to sign for a step-up. Throws AppError conflict `no-authenticator`. */
export async function askStepUp(deps: OfficerDeps, session: Session): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const party = relyingParty(deps.publicUrl)
  const { id: ticket, officer } = session
  const challenge = await issueChallenge(deps.db, { ticket, use: 'step-up', officer, now: deps.now() })
  const options = await assertionOptions(deps.db, party, officer, challenge)
  if (options === undefined) throw noAuthenticator()
  return options
}

/**
 * Shows a second factor again: the session goes on under a new token, its end stays. Throws AppError `factor-wrong`,
 * `too-many-attempts`; what is wrong is entered in the audit log.
 */
export async function stepUp(deps: OfficerDeps, session: Session, shown: Shown): Promise<SignedIn> {
  const now = deps.now()
  const name = `officer:${session.officer}`
  const entry = { actor: name, action: 'session.step-up', resource: name, purpose: 'access' }
  const taken = await takeChallenge(deps.db, { ticket: session.id, use: 'step-up', now })
  const challenge = taken?.officer === session.officer ? taken.challenge : undefined
  const proof = await checkFactor(deps, deps.db, { officer: session.officer, shown, challenge }).catch(
    async (error: unknown) => {
      if (error instanceof AppError && error.code === 'factor-wrong') {
        await deps.audit.append({ ...entry, outcome: 'refused' })
      }
      throw error
    },
  )
  return transaction(deps.db, async (tx) => {
    const next = await stepUpSession(tx, session, ['pwd', ...proof.amr], now)
    await appendEntries(tx, [{ ...entry, outcome: 'done' }])
    return next
  })
}

export function noAuthenticator(): AppError {
  return new AppError('conflict', 'No authenticator is registered: POST /api/authenticators/challenge, or send totp.', {
    code: 'no-authenticator',
  })
}
