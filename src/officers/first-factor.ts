import type { Db, Tx } from '../db/pool.ts'
import { type OfficerKeys, PEPPER } from './keys.ts'
import { hashPassword, isWeaker, verifyPassword } from './password-hash.ts'
import type { Role } from './roles.ts'

/** What proves an account. */
export interface Account {
  readonly id: string
  readonly role: Role
  readonly index: Buffer
  readonly email: Buffer
  readonly passwordHash: string
  readonly pepper: number
  readonly totpSeed: Buffer
  readonly disabled: boolean
}

const COLUMNS = `officer_id as id, role, email_index as index, email, password_hash as "passwordHash", pepper,
  totp_seed as "totpSeed", disabled_at is not null as disabled`

export async function accountByIndex(db: Db | Tx, index: Buffer): Promise<Account | undefined> {
  const { rows } = await db.$client.query<Account>(`select ${COLUMNS} from weir.officer where email_index = $1`, [
    index,
  ])
  return rows[0]
}

export async function accountOf(db: Db | Tx, officer: string): Promise<Account | undefined> {
  const { rows } = await db.$client.query<Account>(`select ${COLUMNS} from weir.officer where officer_id = $1`, [
    officer,
  ])
  return rows[0]
}

/** Whether the password is the account's; for nobody as much is done, and it is not. One argon2: run it in a place. */
export function checkPassword(keys: OfficerKeys, account: Account | undefined, password: string): Promise<boolean> {
  return verifyPassword(keys.pepper(account?.pepper ?? PEPPER), account?.passwordHash, password)
}

/** Whether the hash is weaker than new ones are. */
export function wantsRehash({ passwordHash, pepper }: Account): boolean {
  return isWeaker(passwordHash) || pepper !== PEPPER
}

/** A new hash of the password that was just proved, and what stores it unless it was changed meanwhile. */
export async function rehash(
  keys: OfficerKeys,
  account: Account,
  password: string,
): Promise<(tx: Tx) => Promise<void>> {
  const fresh = await hashPassword(keys.pepper(PEPPER), password)
  return async (tx) => {
    await tx.$client.query(
      'update weir.officer set password_hash = $3, pepper = $4 where officer_id = $1 and password_hash = $2',
      [account.id, account.passwordHash, fresh, PEPPER],
    )
  }
}

/**
 * Whether the account is still what was proved, held until the transaction ends: a reset, a new password or an end of
 * the account that is under way then also ends the session that is made here.
 */
export async function stillStands(tx: Tx, { id, passwordHash }: Account): Promise<boolean> {
  const { rows } = await tx.$client.query(
    'select from weir.officer where officer_id = $1 and password_hash = $2 and disabled_at is null for no key update',
    [id, passwordHash],
  )
  return rows.length === 1
}
