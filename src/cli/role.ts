import { AppError } from '../errors.ts'
import { ROLES, type Role } from '../officers/roles.ts'

/** What --role names. Throws AppError invalid. */
export function roleOf(text: string): Role {
  const role = ROLES.find((known) => known === text)
  if (role === undefined) throw new AppError('invalid', `--role is one of ${ROLES.join(', ')}`)
  return role
}
