import type { Command } from 'commander'
import { AppError } from '../errors.ts'
import type { JWK, OpenWith } from '../keys/backup-file.ts'
import { readPassphrase } from '../keys/providers/file.ts'
import { readSecretFile } from '../keys/secret-file.ts'

/** The options of a command that opens a copy of the keys. */
export interface Opening {
  readonly passphraseFile?: string
  readonly privateKey?: string
}

export function addOpening(command: Command): void {
  command.option('--passphrase-file <file>', 'the recovery passphrase that the copy was sealed to')
  command.option('--private-key <file>', "an officer's private key, a JWK, where it was sealed to officers")
}

/** What opens the copy. @throws AppError `usage` where none or both are named */
export async function openWith({ passphraseFile, privateKey }: Opening): Promise<OpenWith> {
  if ((passphraseFile === undefined) === (privateKey === undefined)) throw oneOf('--passphrase-file or --private-key')
  if (passphraseFile !== undefined) return { passphrase: await readPassphrase(passphraseFile) }
  return { privateKey: jwkOf((await readSecretFile(privateKey!, 'private key')).toString('utf8'), privateKey!) }
}

export function jwkOf(text: string, file: string): JWK {
  try {
    const jwk: unknown = JSON.parse(text)
    if (typeof jwk === 'object' && jwk !== null && 'kty' in jwk && typeof jwk.kty === 'string') return jwk as JWK
  } catch {
    // said below, without the text
  }
  throw new AppError('invalid', `${file} holds no JWK`, { code: 'usage' })
}

export function oneOf(what: string): AppError {
  return new AppError('invalid', `name one of them: ${what}`, { code: 'usage' })
}
