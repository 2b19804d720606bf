import type { AuthenticationResponseJSON, PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { hasAuthenticator } from './assertion.ts'
import { assertionOptions } from './authenticators.ts'
import type { OfficerDeps } from './deps.ts'
import { checkFactor, type FactorEvidence } from './factor.ts'
import { relyingParty } from './relying-party.ts'

/** What an officer shows to approve something. */
export type Approval = {
  /** UUID of the officer who approves. */
  readonly officer: string
  /** SHA-256 over what is approved, 32 bytes: an authenticator signs exactly this. */
  readonly challenge: Buffer
} & ({ readonly assertion: AuthenticationResponseJSON } | { readonly totp: string })

/**
 * What the officer's authenticator is to sign to approve what hashes to `challenge`; undefined where the officer has
 * none, and a TOTP code is asked for instead. Throws AppError `authenticators-need-a-name`.
 */
export async function approvalOptions(
  deps: OfficerDeps,
  { officer, challenge }: Pick<Approval, 'officer' | 'challenge'>,
): Promise<PublicKeyCredentialRequestOptionsJSON | undefined> {
  return assertionOptions(deps.db, relyingParty(deps.publicUrl), officer, challenge)
}

/**
 * Checks an approval inside the caller's transaction and returns the evidence to keep. An assertion has to be over
 * `challenge`; a TOTP code is taken only from an officer without an authenticator. One officer approves one challenge
 * once, and every factor counts once. Throws AppError 403 `factor-wrong`, `authenticator-needed`; conflict
 * `approval-replayed`; 429 `too-many-attempts`.
 */
export async function verifyApproval(deps: OfficerDeps, tx: Db | Tx, approval: Approval): Promise<FactorEvidence> {
  const { officer, challenge } = approval
  if (challenge.length !== 32) throw new TypeError('an approval is over a SHA-256')
  if ('totp' in approval && (await hasAuthenticator(tx, officer))) {
    throw new AppError('forbidden', 'Approve with your authenticator: a code is taken only where there is none.', {
      code: 'authenticator-needed',
    })
  }
  const shown = 'totp' in approval ? { totp: approval.totp } : { assertion: approval.assertion }
  const { evidence } = await checkFactor(deps, tx, { officer, shown, challenge })
  const { rowCount } = await tx.$client.query(
    `insert into weir.officer_approval (officer_id, challenge, approved_at) values ($1, $2, $3) on conflict do nothing`,
    [officer, challenge, new Date(deps.now())],
  )
  if (rowCount !== 1) {
    throw new AppError('conflict', 'You approved this before.', { code: 'approval-replayed' })
  }
  return evidence
}
