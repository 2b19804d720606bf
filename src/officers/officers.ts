import { availableParallelism } from 'node:os'
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server'
import type { Keyring } from '../keys/keyring.ts'
import type { ListedOfficer } from './accounts.ts'
import { changeRole, disable, endSessions, readOfficers } from './administration.ts'
import { type ListedAuthenticator, listAuthenticators } from './authenticators.ts'
import type { OfficerDeps } from './deps.ts'
import type { Shown } from './factor.ts'
import { officerKeys } from './keys.ts'
import {
  askAuthenticatorOf,
  changePassword,
  confirmTotp,
  dropAuthenticator,
  newRecoveryCodes,
  registerAuthenticator,
  renewTotp,
} from './own-account.ts'
import { endAllSessions, endOwnSession } from './own-sessions.ts'
import type { Actor, Role } from './roles.ts'
import { verifyServiceAssertion } from './service-assertion.ts'
import { csrfToken, findSession, isCsrfToken, type Session, sessionsOf } from './sessions.ts'
import {
  askAuthenticator,
  type FirstFactor,
  type SecondFactor,
  type SignedIn,
  signIn,
  signInWithAssertion,
  type Where,
} from './sign-in.ts'
import { askStepUp, stepUp } from './step-up.ts'
import { createWorkLimit } from './work-limit.ts'

/** What the HTTP edge asks of officers. Everything that changes something is in the audit log before it resolves. */
export interface Officers {
  signIn(given: FirstFactor & SecondFactor, where: Where): Promise<SignedIn>
  askAuthenticator(
    given: FirstFactor,
    where: Where,
  ): Promise<{ ticket: string; options: PublicKeyCredentialRequestOptionsJSON }>
  signInWithAssertion(
    given: { readonly ticket: string; readonly assertion: AuthenticationResponseJSON },
    where: Where,
  ): Promise<SignedIn>
  findSession(token: string): Promise<Session | undefined>
  csrfToken(session: Session): string
  isCsrfToken(session: Session, given: string): boolean
  verifyService(token: string): Promise<(Actor & { role: Role }) | undefined>
  askStepUp(session: Session): Promise<PublicKeyCredentialRequestOptionsJSON>
  stepUp(session: Session, shown: Shown): Promise<SignedIn>
  sessions(session: Session): Promise<Session[]>
  endSession(session: Session, id: string): Promise<void>
  endAllSessions(session: Session): Promise<void>
  changePassword(session: Session, given: { readonly current: string; readonly next: string }): Promise<void>
  renewTotp(session: Session): Promise<{ totpUri: string }>
  confirmTotp(session: Session, code: string): Promise<void>
  newRecoveryCodes(session: Session): Promise<string[]>
  authenticators(session: Session): Promise<ListedAuthenticator[]>
  askNewAuthenticator(session: Session): Promise<PublicKeyCredentialCreationOptionsJSON>
  registerAuthenticator(session: Session, response: RegistrationResponseJSON): Promise<string>
  removeAuthenticator(session: Session, id: string): Promise<void>
  list(actor: Actor): Promise<ListedOfficer[]>
  changeRole(actor: Actor, officer: string, role: Role): Promise<void>
  disable(actor: Actor, officer: string): Promise<void>
  endSessionsOf(actor: Actor, officer: string): Promise<void>
}

/** What the parts of officers work with, for those who need one of them alone (approvals). */
export function officerDeps(
  given: Omit<OfficerDeps, 'keys' | 'limit'> & { readonly keyring: Pick<Keyring, 'tokenKey'> },
): OfficerDeps {
  const { keyring, ...rest } = given
  // libuv has four threads, for files and names too: at most three are argon2's.
  const limit = createWorkLimit({ atOnce: Math.min(3, availableParallelism()), waiting: 16 })
  return { ...rest, limit, keys: () => officerKeys(keyring.tokenKey) }
}

export function createOfficers(deps: OfficerDeps): Officers {
  return {
    signIn: (given, where) => signIn(deps, given, where),
    askAuthenticator: (given, where) => askAuthenticator(deps, given, where),
    signInWithAssertion: (given, where) => signInWithAssertion(deps, given, where),
    findSession: (token) => findSession(deps.db, token, deps.now()),
    csrfToken: (session) => csrfToken(deps.keys().csrf, session),
    isCsrfToken: (session, given) => isCsrfToken(deps.keys().csrf, session, given),
    verifyService: (token) => verifyServiceAssertion(deps, token),
    askStepUp: (session) => askStepUp(deps, session),
    stepUp: (session, shown) => stepUp(deps, session, shown),
    sessions: (session) => sessionsOf(deps.db, session.officer, deps.now()),
    endSession: (session, id) => endOwnSession(deps, session, id),
    endAllSessions: (session) => endAllSessions(deps, session),
    changePassword: (session, given) => changePassword(deps, session, given),
    renewTotp: (session) => renewTotp(deps, session),
    confirmTotp: (session, code) => confirmTotp(deps, session, code),
    newRecoveryCodes: (session) => newRecoveryCodes(deps, session),
    authenticators: (session) => listAuthenticators(deps.db, session.officer),
    askNewAuthenticator: (session) => askAuthenticatorOf(deps, session),
    registerAuthenticator: (session, response) => registerAuthenticator(deps, session, response),
    removeAuthenticator: (session, id) => dropAuthenticator(deps, session, id),
    list: (actor) => readOfficers(deps, actor),
    changeRole: (actor, officer, role) => changeRole(deps, actor, officer, role),
    disable: (actor, officer) => disable(deps, actor, officer),
    endSessionsOf: (actor, officer) => endSessions(deps, actor, officer),
  }
}
