import { readFile } from 'node:fs/promises'
import { AppError } from '../errors.ts'
import { IDENTIFIER_TYPES, type IdentifierType } from '../identity/normalise.ts'

export interface IdentifierOptions {
  readonly identifier?: readonly string[]
  readonly identifierFile?: string
}

export interface NamedIdentifier {
  readonly type: IdentifierType
  readonly value: string
}

/** Collects what --identifier was given, once or several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/**
 * The identifiers of a command: `type=value` each, from the command line or from a file with one a line, so that nothing
 * personal stands in a list of processes or in a shell's history. Throws AppError invalid; never quotes a value.
 */
export async function identifiersFrom(options: IdentifierOptions): Promise<NamedIdentifier[]> {
  const lines = [...(options.identifier ?? [])]
  if (options.identifierFile !== undefined) {
    const text = await readFile(options.identifierFile, 'utf8').catch((cause: unknown) => {
      throw new AppError('invalid', '--identifier-file must name a file that can be read', { cause })
    })
    lines.push(...text.split(/\r?\n/).filter((line) => line.trim() !== ''))
  }
  if (lines.length === 0) {
    throw new AppError('invalid', 'say whom: --identifier user_id=VALUE, or --identifier-file FILE with such a line')
  }
  return lines.map(read)
}

function read(line: string): NamedIdentifier {
  const equals = line.indexOf('=')
  const type = IDENTIFIER_TYPES.find((one) => one === line.slice(0, equals))
  const value = line.slice(equals + 1)
  if (equals === -1 || type === undefined || value === '') {
    throw new AppError('invalid', `an identifier is TYPE=VALUE; types: ${IDENTIFIER_TYPES.join(', ')}`)
  }
  return { type, value }
}
