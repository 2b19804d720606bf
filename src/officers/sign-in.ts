import { randomBytes } from 'node:crypto'
import type { AuthenticationResponseJSON, PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server'
import { appendEntries } from '../audit/log.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { checkAssertion } from './assertion.ts'
import { assertionOptions } from './authenticators.ts'
import { issueChallenge, takeChallenge } from './challenges.ts'
import type { OfficerDeps } from './deps.ts'
import { emailIndex } from './email.ts'
import {
  type Account,
  accountByIndex,
  accountOf,
  checkPassword,
  rehash,
  stillStands,
  wantsRehash,
} from './first-factor.ts'
import { takeRecoveryCode } from './recovery.ts'
import { relyingParty } from './relying-party.ts'
import { endSessionOfToken, type Session, startSession } from './sessions.ts'
import { admit, codesLocked, countCode, forgive, type ThrottleDeps, takeBack } from './throttle.ts'
import { takeStep } from './totp.ts'
import { stepOfAccount } from './totp-account.ts'

/** Where a login comes from. */
export interface Where {
  /** The caller's network, truncated. */
  readonly addressPrefix: string
  /** A session token that came with it: ended, never taken over. */
  readonly presented: string | undefined
}

export interface FirstFactor {
  readonly email: string
  readonly password: string
}

export type SecondFactor = { readonly totp: string } | { readonly recoveryCode: string }

export interface SignedIn {
  readonly token: string
  readonly session: Session
}

/**
 * Signs an officer in. Whatever is wrong, and whether the account exists or not: the same work, the same AppError
 * `login-failed`, an entry in the audit log. Throws `too-many-attempts`, `sign-in-busy`.
 */
export async function signIn(deps: OfficerDeps, given: FirstFactor & SecondFactor, where: Where): Promise<SignedIn> {
  const index = emailIndex(deps.keys().index, given.email)
  const first = await proveFirst(deps, index, given.password, where)
  const { account, proved } = first
  const amr = await proveSecond(deps, first, index, given)
  if (account === undefined || amr === undefined) {
    await countCode(throttleOf(deps), index, { proved })
    throw await failed(deps, account)
  }
  return open(deps, { account, index, amr, where, password: given.password })
}

/**
 * The first of two steps with an authenticator: the password is right, and this is what is to be signed. The ticket is
 * good for one answer, five minutes. Throws as signIn does, also where the officer has no authenticator.
 */
export async function askAuthenticator(
  deps: OfficerDeps,
  given: FirstFactor,
  where: Where,
): Promise<{ ticket: string; options: PublicKeyCredentialRequestOptionsJSON }> {
  const party = relyingParty(deps.publicUrl)
  const index = emailIndex(deps.keys().index, given.email)
  const { account, proved } = await proveFirst(deps, index, given.password, where)
  const ticket = randomBytes(32).toString('base64url')
  if (account === undefined || !proved) throw await failed(deps, account)
  const challenge = await issueChallenge(deps.db, { ticket, use: 'sign-in', officer: account.id, now: deps.now() })
  const options = await assertionOptions(deps.db, party, account.id, challenge)
  if (options === undefined) throw await failed(deps, account)
  return { ticket, options }
}

/** The second step: what the authenticator signed. Throws `login-failed`. */
export async function signInWithAssertion(
  deps: OfficerDeps,
  given: { readonly ticket: string; readonly assertion: AuthenticationResponseJSON },
  where: Where,
): Promise<SignedIn> {
  const party = relyingParty(deps.publicUrl)
  const now = deps.now()
  const taken = await takeChallenge(deps.db, { ticket: given.ticket, use: 'sign-in', now })
  if (taken === undefined) throw loginFailed() // of nobody: a made-up ticket leaves no entry, or anybody could fill the log
  const { officer, challenge } = taken
  const asserted = await checkAssertion(deps.db, party, { officer, response: given.assertion, challenge, now })
  const account = await accountOf(deps.db, officer)
  if (asserted === undefined || account === undefined || account.disabled) throw await failed(deps, account)
  return open(deps, { account, index: account.index, amr: ['pwd', ...asserted.amr], where })
}

async function proveFirst(
  deps: OfficerDeps,
  index: Buffer,
  password: string,
  { addressPrefix }: Where,
): Promise<First> {
  const attempt = { account: index, prefix: addressPrefix }
  const { trusted } = await admit(throttleOf(deps), attempt)
  const account = await accountByIndex(deps.db, index)
  const matches = await deps
    .limit(() => checkPassword(deps.keys(), account, password))
    .catch(async (error: unknown) => {
      if (isBusy(error)) await takeBack(throttleOf(deps), attempt) // nothing was looked at
      throw error
    })
  return { account, trusted, proved: matches && account?.disabled === false }
}

function throttleOf(deps: OfficerDeps): ThrottleDeps {
  return { db: deps.db, key: deps.keys().throttle, now: deps.now() }
}

interface First {
  readonly account: Account | undefined
  readonly proved: boolean
  /** Comes from a network from which both factors were right lately. */
  readonly trusted: boolean
}

/**
 * How the second factor was proved; undefined where it was not. Nothing is used up unless the first one was right. Where
 * codes are locked the answer is that of a wrong one, or it would tell that the password is right.
 */
async function proveSecond(
  deps: OfficerDeps,
  { account, proved, trusted }: First,
  index: Buffer,
  given: SecondFactor,
): Promise<readonly string[] | undefined> {
  const officer = account?.id ?? NOBODY
  if ('recoveryCode' in given) {
    const code = proved ? given.recoveryCode : ''
    return (await takeRecoveryCode(deps.db, deps.keys().recovery, officer, code)) ? ['pwd', 'rec'] : undefined
  }
  const locked = (await codesLocked(throttleOf(deps), index)) && !trusted
  const step = stepOfAccount(deps.keys(), account, given.totp, deps.now())
  return (await takeStep(deps.db, officer, proved && !locked ? step : undefined)) ? ['pwd', 'otp'] : undefined
}

const NOBODY = '00000000-0000-0000-0000-000000000000'

interface Opening {
  readonly account: Account
  readonly index: Buffer
  readonly amr: readonly string[]
  readonly where: Where
  readonly password?: string
}

async function open(deps: OfficerDeps, { account, index, amr, where, password }: Opening): Promise<SignedIn> {
  const keys = deps.keys()
  const now = deps.now()
  const fresher = password !== undefined && wantsRehash(account) ? await freshHash(deps, account, password) : undefined
  const signedIn = await transaction(deps.db, async (tx) => {
    if (!(await stillStands(tx, account))) return undefined
    if (fresher !== undefined) await fresher(tx)
    if (where.presented !== undefined) await endSessionOfToken(tx, where.presented)
    await forgive(tx, { key: keys.throttle, now }, { account: index, prefix: where.addressPrefix })
    const started = await startSession(tx, account.id, amr, now)
    const name = `officer:${account.id}`
    await appendEntries(tx, [
      {
        actor: name,
        action: 'session.start',
        resource: name,
        purpose: 'access',
        outcome: 'done',
        more: { amr: [...amr] },
      },
    ])
    return started
  })
  if (signedIn === undefined) throw await failed(deps, account)
  return signedIn
}

/** Undefined where too many sign in just now: the next login will do. */
function freshHash(deps: OfficerDeps, account: Account, password: string): Promise<StoreHash | undefined> {
  return deps
    .limit(() => rehash(deps.keys(), account, password))
    .catch((error: unknown) => {
      if (isBusy(error)) return undefined
      throw error
    })
}

type StoreHash = Awaited<ReturnType<typeof rehash>>

function isBusy(error: unknown): boolean {
  return error instanceof AppError && error.code === 'sign-in-busy'
}

/** One answer for every failure; the audit log says which account it was about, where there is one. */
async function failed(deps: OfficerDeps, account: Account | undefined): Promise<AppError> {
  const resource = `officer:${account?.id ?? 'unknown'}`
  await deps.audit.append({ actor: 'anyone', action: 'session.start', resource, purpose: 'access', outcome: 'refused' })
  return loginFailed()
}

function loginFailed(): AppError {
  return new AppError('unauthenticated', 'The address, the password or the second factor is not right.', {
    code: 'login-failed',
  })
}
