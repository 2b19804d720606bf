import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { type AssertionEvidence, checkAssertion } from './assertion.ts'
import type { OfficerDeps } from './deps.ts'
import { accountOf } from './first-factor.ts'
import { relyingParty } from './relying-party.ts'
import { admitFactor, forgiveFactor } from './throttle.ts'
import { takeStep } from './totp.ts'
import { stepOfAccount } from './totp-account.ts'

/** A second factor that somebody who is signed in shows. */
export type Shown = { readonly totp: string } | { readonly assertion: AuthenticationResponseJSON }

/** What remains of it as evidence. */
export type FactorEvidence = AssertionEvidence | { readonly method: 'totp'; readonly step: number }

export interface FactorProof {
  readonly evidence: FactorEvidence
  readonly amr: readonly string[]
}

/**
 * Checks a second factor and uses it up. `challenge`: what an assertion has to be over. Throws AppError 403
 * `factor-wrong`, 429 `too-many-attempts`; attempts are counted whatever becomes of `tx`.
 */
export async function checkFactor(
  deps: OfficerDeps,
  tx: Db | Tx,
  input: { readonly officer: string; readonly shown: Shown; readonly challenge: Buffer | undefined },
): Promise<FactorProof> {
  const { officer } = input
  const key = deps.keys().throttle
  await admitFactor({ db: deps.db, key, now: deps.now() }, officer)
  const proof =
    'totp' in input.shown ? await proveTotp(deps, tx, officer, input.shown.totp) : await prove(deps, tx, input)
  if (proof === undefined) throw factorWrong()
  await forgiveFactor(deps.db, key, officer)
  return proof
}

async function proveTotp(
  deps: OfficerDeps,
  tx: Db | Tx,
  officer: string,
  code: string,
): Promise<FactorProof | undefined> {
  const step = stepOfAccount(deps.keys(), await accountOf(tx, officer), code, deps.now())
  if (step === undefined || !(await takeStep(tx, officer, step))) return undefined
  return { evidence: { method: 'totp', step }, amr: ['otp'] }
}

async function prove(
  deps: OfficerDeps,
  tx: Db | Tx,
  { officer, shown, challenge }: { officer: string; shown: Shown; challenge: Buffer | undefined },
): Promise<FactorProof | undefined> {
  if (!('assertion' in shown) || challenge === undefined) return undefined
  const party = relyingParty(deps.publicUrl)
  return checkAssertion(tx, party, { officer, response: shown.assertion, challenge, now: deps.now() })
}

function factorWrong(): AppError {
  return new AppError('forbidden', 'This second factor does not hold, or was used before: show a new one.', {
    code: 'factor-wrong',
  })
}
