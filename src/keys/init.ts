import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../errors.ts'
import { createKeyset, type KeysetLocation } from './providers/file.ts'
import type { KdfParameters } from './providers/keyset-file.ts'

/**
 * Makes the keyset of a production installation: what an operator asks for by name, never what a start does.
 * Throws AppError `keyset-exists` where there is one: replacing it would lose every key of the database.
 */
export async function initKeys(location: KeysetLocation & { readonly kdf?: KdfParameters }): Promise<void> {
  await mkdir(dirname(location.path), { recursive: true, mode: 0o700 })
  const made = await createKeyset({ ...location, mode: 'production' })
  if (made === 'exists') {
    throw new AppError('conflict', `there is a keyset at ${location.path} already: it was left as it is`, {
      code: 'keyset-exists',
    })
  }
}
