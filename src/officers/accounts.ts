import { randomBytes, randomUUID } from 'node:crypto'
import type { Db, Tx } from '../db/pool.ts'
import { sqlState } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { emailIndex, normalisedEmail, openEmail, sealEmail, sealSeed } from './email.ts'
import { type OfficerKeys, PEPPER } from './keys.ts'
import { hashPassword } from './password-hash.ts'
import { renewRecoveryCodes } from './recovery.ts'
import type { Role } from './roles.ts'
import { newSeed, totpUri } from './totp.ts'

/** What an officer gets once, by a way of their own, and nobody can read again. */
export interface NewCredentials {
  /** UUID of the account. */
  readonly officer: string
  readonly password: string
  /** RFC 6238 in the form that authenticator apps read. */
  readonly totpUri: string
  readonly recoveryCodes: readonly string[]
}

const UNIQUE = '23505'

/** Makes an account. Throws AppError `email-invalid`, conflict where the address has one. As the owner only. */
export async function addOfficer(
  tx: Tx,
  keys: OfficerKeys,
  input: { readonly email: string; readonly role: Role; readonly now: number },
): Promise<NewCredentials> {
  const officer = randomUUID()
  const email = normalisedEmail(input.email)
  if (email === undefined) {
    throw new AppError('invalid', '--email must be an e-mail address', { code: 'email-invalid' })
  }
  const { password, seed, hash } = await freshSecrets(keys)
  const at = new Date(input.now)
  const values = [officer, emailIndex(keys.index, email), sealEmail(keys, officer, email), input.role]
  await tx.$client
    .query(
      `insert into weir.officer (officer_id, email_index, email, role, password_hash, pepper, password_at, totp_seed, created_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $7)`,
      [...values, hash, PEPPER, at, sealSeed(keys, officer, seed)],
    )
    .catch((cause: unknown) => {
      if (sqlState(cause) !== UNIQUE) throw cause
      throw new AppError('conflict', 'this address has an account: weir officer reset', { cause })
    })
  const recoveryCodes = await renewRecoveryCodes(tx, keys.recovery, officer)
  return { officer, password, totpUri: totpUri(seed, { id: officer, role: input.role }), recoveryCodes }
}

/**
 * New password, TOTP seed and recovery codes for an account; its authenticators and sessions are gone. A disabled one
 * stays disabled. Throws AppError not-found.
 */
export async function resetOfficer(tx: Tx, keys: OfficerKeys, officer: string, now: number): Promise<NewCredentials> {
  const { password, seed, hash } = await freshSecrets(keys)
  const { rows } = await tx.$client.query<{ role: Role }>(
    `update weir.officer set password_hash = $2, pepper = $3, password_at = $4, totp_seed = $5, totp_next_seed = null, totp_step = 0
     where officer_id = $1 returning role`,
    [officer, hash, PEPPER, new Date(now), sealSeed(keys, officer, seed)],
  )
  if (rows[0] === undefined) throw noOfficer()
  await tx.$client.query('delete from weir.officer_authenticator where officer_id = $1', [officer])
  await endSessionsOf(tx, officer)
  const recoveryCodes = await renewRecoveryCodes(tx, keys.recovery, officer)
  return { officer, password, totpUri: totpUri(seed, { id: officer, role: rows[0].role }), recoveryCodes }
}

/** Ends every session of an officer, and what was asked of an authenticator. Returns how many sessions there were. */
export async function endSessionsOf(db: Db | Tx, officer: string): Promise<number> {
  await db.$client.query('delete from weir.officer_challenge where officer_id = $1', [officer])
  const { rowCount } = await db.$client.query('delete from weir.officer_session where officer_id = $1', [officer])
  return rowCount ?? 0
}

/** The account of an e-mail address or a UUID. Throws AppError not-found, which does not repeat it. */
export async function findOfficer(db: Db | Tx, keys: OfficerKeys, named: string): Promise<string> {
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(named)
  const { rows } = await db.$client.query<{ id: string }>(
    `select officer_id as id from weir.officer where ${isId ? 'officer_id' : 'email_index'} = $1`,
    [isId ? named : emailIndex(keys.index, named)],
  )
  if (rows[0] === undefined) throw noOfficer()
  return rows[0].id
}

export interface ListedOfficer {
  readonly officer: string
  readonly email: string
  readonly role: Role
  readonly createdAt: string
  readonly disabledAt: string | null
  readonly authenticators: number
  readonly sessions: number
}

/** Every account, oldest first. Shows addresses: enter it in the audit log before it is shown. */
export async function listOfficers(db: Db | Tx, keys: OfficerKeys, now: number): Promise<ListedOfficer[]> {
  const { rows } = await db.$client.query<
    Pick<ListedOfficer, 'officer' | 'role' | 'authenticators' | 'sessions'> & {
      email: Buffer
      created: Date
      disabled: Date | null
    }
  >(
    `select officer_id as officer, email, role, created_at as created, disabled_at as disabled,
       (select count(*)::integer from weir.officer_authenticator a where a.officer_id = o.officer_id) as authenticators,
       (select count(*)::integer from weir.officer_session s where s.officer_id = o.officer_id and s.expires_at > $1) as sessions
     from weir.officer o order by created_at, officer_id`,
    [new Date(now)],
  )
  return rows.map(({ officer, email, role, created, disabled, authenticators, sessions }) => ({
    officer,
    email: openEmail(keys, officer, email),
    role,
    createdAt: created.toISOString(),
    disabledAt: disabled?.toISOString() ?? null,
    authenticators,
    sessions,
  }))
}

export function noOfficer(): AppError {
  return new AppError('not-found', 'No officer has this address or id.')
}

async function freshSecrets(keys: OfficerKeys): Promise<{ password: string; seed: Buffer; hash: string }> {
  const password = newPassword()
  return { password, seed: newSeed(), hash: await hashPassword(keys.pepper(PEPPER), password) }
}

/** 24 letters and digits in groups of six, 120 random bits. */
function newPassword(): string {
  const letters = Array.from(randomBytes(24), (byte) => 'abcdefghijkmnpqrstuvwxyz23456789'[byte & 31])
  return letters.join('').replace(/.{6}(?=.)/g, '$&-')
}
