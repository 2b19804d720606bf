/** What an officer or a machine may do; which routes that is stands in docs/roles.md. */
export const ROLES = ['compliance', 'auditor', 'analyst', 'merchandiser', 'operator'] as const
export type Role = (typeof ROLES)[number]

/** Who acts, as the audit log names it: `<kind>:<id>`. */
export interface Actor {
  readonly kind: 'officer' | 'token' | 'source' | 'service'
  readonly id: string
  readonly role?: Role
  /** How an officer was proved (RFC 8176): `pwd`, then `otp`, `hwk` with `user`, or `rec` for a recovery code. */
  readonly amr?: readonly string[]
}

/** `officer:<uuid>`, for audit entries. */
export function actorName({ kind, id }: Pick<Actor, 'kind' | 'id'>): string {
  return `${kind}:${id}`
}
