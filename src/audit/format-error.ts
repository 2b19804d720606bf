/** A text or a file that is not what its format says. The message names the rule, never a value. */
export class FormatError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'FormatError'
  }
}
