import { randomBytes } from 'node:crypto'
import { link, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../errors.ts'

const MAX_SIZE = 65_536

/**
 * Reads a file that only this process' user may read: mode 0600 or less, owned by it (or by root).
 * Checked on the open file, so that it cannot be exchanged between the check and the reading.
 * Throws AppError `secret-file-missing`, `secret-file-mode`, `secret-file-owner`, `secret-file-size`; undefined never.
 */
export async function readSecretFile(path: string, what: string): Promise<Buffer> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.code ?? 'unknown'})`
    throw refuse('secret-file-missing', `the ${what} ${path} ${why}`, cause)
  })
  try {
    const stat = await file.stat()
    // Windows has neither modes nor owners of this kind; its access lists are the operator's.
    const uid = process.geteuid?.()
    if (uid !== undefined && stat.uid !== uid && stat.uid !== 0) {
      throw refuse(
        'secret-file-owner',
        `the ${what} ${path} belongs to another user: chown it to the one that runs Weir`,
      )
    }
    if (uid !== undefined && (stat.mode & 0o077) !== 0) {
      throw refuse('secret-file-mode', `the ${what} ${path} is open to other users: chmod 600 it`)
    }
    if (!stat.isFile() || stat.size > MAX_SIZE) {
      throw refuse('secret-file-size', `the ${what} ${path} is not a file of at most 64 KiB`)
    }
    return await file.readFile()
  } finally {
    await file.close()
  }
}

/**
 * Creates a 0600 file, whole or not at all, unless it is there already. Of two processes that create it at once
 * exactly one gets `created`, and both then find the same content.
 */
export async function createSecretFile(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
  const temporary = await writeTemporary(path, bytes)
  try {
    await link(temporary, path) // unlike rename it never replaces
  } catch (error) {
    if (isExists(error)) return 'exists'
    throw error
  } finally {
    await unlink(temporary)
  }
  await syncDirectory(path)
  return 'created'
}

/** Replaces a file by a 0600 one: after a crash at any moment either the old or the new content is there, whole. */
export async function replaceSecretFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = await writeTemporary(path, bytes)
  try {
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw error
  }
  await syncDirectory(path)
}

async function writeTemporary(path: string, bytes: Uint8Array): Promise<string> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } catch (error) {
    await unlink(temporary).catch(() => undefined) // a full disk: half of a secret is of no use to anybody
    throw error
  } finally {
    await file.close()
  }
  return temporary
}

/** The name itself is durable only when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return // a directory cannot be opened there
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function isExists(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}

function refuse(code: string, message: string, cause?: unknown): AppError {
  return new AppError('invalid', message, { code, cause })
}
