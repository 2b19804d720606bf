import type { Command } from 'commander'
import { FormatError } from '../audit/format-error.ts'
import { parseVerifierKey, type VerifierKey } from '../audit/verifier-key.ts'
import { AppError } from '../errors.ts'

/** Whom a check of the log believes, as the command line names them. */
export interface Trust {
  readonly key?: string[]
  readonly witness?: string[]
}

const KEY = 'key of the log, as it was given to you; without it the log is only held against itself'

export function addTrust(command: Command): void {
  command.option('--key <vkey>', KEY, collect)
  command.option('--witness <vkey>', 'key of a witness whose cosignatures count', collect)
}

export function readTrust({ key, witness = [] }: Trust): { keys?: VerifierKey[]; witnesses: VerifierKey[] } {
  const keys = key?.map(readKey)
  return { ...(keys === undefined ? {} : { keys }), witnesses: witness.map(readKey) }
}

/** A key of the command line: what is no key is bad usage. */
export function readKey(text: string): VerifierKey {
  try {
    return parseVerifierKey(text)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new AppError('invalid', cause.message, { code: 'usage', cause })
  }
}

/** What cannot be read fails the command, with the reason. */
export async function readably<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new AppError('conflict', cause.message, { code: 'unreadable', cause })
  }
}

export async function* readable<T>(items: AsyncGenerator<T>): AsyncGenerator<T> {
  for (;;) {
    const next = await readably(items.next())
    if (next.done === true) return
    yield next.value
  }
}

/** An option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
