export type ProtectErrorCode =
  | 'short' // fewer bytes than the layout has at least, or not exactly as many as it has
  | 'version'
  | 'suite'
  | 'flags' // a reserved flag is set
  | 'authentication' // wrong key, other subject, other place, or changed bytes: GCM cannot tell them apart
  | 'commitment' // the unwrapped key is not the one that was wrapped
  | 'padding'

/** Something sealed or wrapped could not be opened. Holds the reason, never a byte of what was inside. */
export class ProtectError extends Error {
  readonly code: ProtectErrorCode

  constructor(code: ProtectErrorCode, what: string) {
    super(`${what}: ${code}`)
    this.name = 'ProtectError'
    this.code = code
  }
}
