import type { PublicKeyCredentialCreationOptionsJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { appendEntries } from '../audit/log.ts'
import type { Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { addAuthenticator, registrationOptions, removeAuthenticator } from './authenticators.ts'
import { issueChallenge, takeChallenge } from './challenges.ts'
import type { OfficerDeps } from './deps.ts'
import { openEmail, openSeed, sealSeed } from './email.ts'
import { accountOf, checkPassword } from './first-factor.ts'
import { PEPPER } from './keys.ts'
import { hashPassword } from './password-hash.ts'
import { refuseWeakPassword } from './password-rules.ts'
import { renewRecoveryCodes } from './recovery.ts'
import { relyingParty } from './relying-party.ts'
import { type Session, sessionEnded } from './sessions.ts'
import { admitFactor, forgiveFactor } from './throttle.ts'
import { newSeed, stepOf, totpUri } from './totp.ts'

/**
 * Changes the officer's own password; every other session of theirs ends. Throws AppError `password-wrong`,
 * `password-weak`, `too-many-attempts`.
 */
export async function changePassword(
  deps: OfficerDeps,
  session: Session,
  given: { readonly current: string; readonly next: string },
): Promise<void> {
  const keys = deps.keys()
  const account = await accountOf(deps.db, session.officer)
  if (account === undefined) throw sessionEnded()
  refuseWeakPassword(given.next, openEmail(keys, account.id, account.email))
  await admitFactor({ db: deps.db, key: keys.throttle, now: deps.now() }, session.officer)
  const hash = await deps.limit(async () => {
    if (!(await checkPassword(keys, account, given.current))) return undefined
    return hashPassword(keys.pepper(PEPPER), given.next)
  })
  if (hash === undefined) {
    await refused(deps, session, 'officer.password')
    throw new AppError('forbidden', 'The current password is not right.', { code: 'password-wrong' })
  }
  await change(deps, session, 'officer.password', async (tx) => {
    await forgiveFactor(tx, keys.throttle, session.officer)
    await tx.$client.query(
      'update weir.officer set password_hash = $2, pepper = $3, password_at = $4 where officer_id = $1',
      [session.officer, hash, PEPPER, new Date(deps.now())],
    )
    await endOthers(tx, session)
  })
}

/** A new TOTP seed, in force once a code of it was shown: until then the old one stands. */
export async function renewTotp(deps: OfficerDeps, session: Session): Promise<{ totpUri: string }> {
  const seed = newSeed()
  await change(deps, session, 'officer.totp.ask', async (tx) => {
    await tx.$client.query('update weir.officer set totp_next_seed = $2 where officer_id = $1', [
      session.officer,
      sealSeed(deps.keys(), session.officer, seed),
    ])
  })
  return { totpUri: totpUri(seed, { id: session.officer, role: session.role }) }
}

/** Shows the first code of the new seed. Throws AppError `factor-wrong`, `too-many-attempts`. */
export async function confirmTotp(deps: OfficerDeps, session: Session, code: string): Promise<void> {
  const keys = deps.keys()
  await admitFactor({ db: deps.db, key: keys.throttle, now: deps.now() }, session.officer)
  const confirmed = await change(deps, session, 'officer.totp', async (tx) => {
    const { rows } = await tx.$client.query<{ next: Buffer | null }>(
      'select totp_next_seed as next from weir.officer where officer_id = $1 for no key update',
      [session.officer],
    )
    const next = rows[0]?.next
    const step = next == null ? undefined : stepOf(openSeed(keys, session.officer, next), code, deps.now())
    if (step === undefined) return false
    await tx.$client.query(
      `update weir.officer set totp_seed = totp_next_seed, totp_next_seed = null, totp_step = $2 where officer_id = $1`,
      [session.officer, step],
    )
    await forgiveFactor(tx, keys.throttle, session.officer)
    await endOthers(tx, session)
    return true
  })
  if (confirmed) return
  await refused(deps, session, 'officer.totp')
  throw new AppError('forbidden', 'This is no code of the new seed: POST /api/totp, and show one of it.', {
    code: 'factor-wrong',
  })
}

/** New recovery codes; the old ones are worth nothing. */
export async function newRecoveryCodes(deps: OfficerDeps, session: Session): Promise<string[]> {
  return change(deps, session, 'officer.recovery', (tx) =>
    renewRecoveryCodes(tx, deps.keys().recovery, session.officer),
  )
}

/** What the browser is to make a credential with. Throws AppError `authenticators-need-a-name`. */
export async function askAuthenticatorOf(
  deps: OfficerDeps,
  session: Session,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const party = relyingParty(deps.publicUrl)
  const { id: ticket, officer, role } = session
  const challenge = await issueChallenge(deps.db, { ticket, use: 'register', officer, now: deps.now() })
  return registrationOptions(deps.db, party, { id: officer, role }, challenge)
}

/** Takes in what it made. Throws AppError `challenge-gone`, `authenticator-refused`, `authenticator-known`. */
export async function registerAuthenticator(
  deps: OfficerDeps,
  session: Session,
  response: RegistrationResponseJSON,
): Promise<string> {
  const party = relyingParty(deps.publicUrl)
  const now = deps.now()
  const taken = await takeChallenge(deps.db, { ticket: session.id, use: 'register', now })
  if (taken === undefined || taken.officer !== session.officer) {
    throw new AppError('conflict', 'The challenge is used up or too old: ask for a new one.', {
      code: 'challenge-gone',
    })
  }
  const { challenge } = taken
  return change(deps, session, 'officer.authenticator.add', (tx) =>
    addAuthenticator(tx, party, { officer: session.officer, response, challenge, now }),
  )
}

/** Throws AppError not-found where the officer has none of this id. */
export async function dropAuthenticator(deps: OfficerDeps, session: Session, id: string): Promise<void> {
  await change(deps, session, 'officer.authenticator.remove', async (tx) => {
    if (await removeAuthenticator(tx, session.officer, id)) return
    throw new AppError('not-found', 'You have no authenticator of this id.')
  })
}

/** An act on one's own account and its entry, in one transaction; no entry where the act answers false. */
export function change<T>(
  deps: OfficerDeps,
  { officer }: Pick<Session, 'officer'>,
  action: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const name = `officer:${officer}`
  return transaction(deps.db, async (tx) => {
    const result = await work(tx)
    if (result === false) return result // nothing was changed
    await appendEntries(tx, [{ actor: name, action, resource: name, purpose: 'access', outcome: 'done' }])
    return result
  })
}

async function refused(deps: OfficerDeps, { officer }: Session, action: string): Promise<void> {
  const name = `officer:${officer}`
  await deps.audit.append({ actor: name, action, resource: name, purpose: 'access', outcome: 'refused' })
}

async function endOthers(tx: Tx, { officer, id }: Session): Promise<void> {
  await tx.$client.query('delete from weir.officer_session where officer_id = $1 and session_id <> $2', [officer, id])
}
