import { randomBytes } from 'node:crypto'
import { openSeed } from './email.ts'
import type { Account } from './first-factor.ts'
import type { OfficerKeys } from './keys.ts'
import { stepOf } from './totp.ts'

const nobodys = randomBytes(20)

/** The step that a code of the account is of; for nobody as much is done, and there is none. */
export function stepOfAccount(
  keys: OfficerKeys,
  account: Pick<Account, 'id' | 'totpSeed'> | undefined,
  code: string,
  now: number,
): number | undefined {
  const step = stepOf(account === undefined ? nobodys : openSeed(keys, account.id, account.totpSeed), code, now)
  return account === undefined ? undefined : step
}
