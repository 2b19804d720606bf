import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'

export interface Copied {
  readonly size: number
  readonly sha256: string
}

const CHUNK = 1024 * 1024

/**
 * Copies a file that may be written to meanwhile, to disk (fsync), and hashes what was copied.
 * @returns undefined where the file went away before it was opened: Postgres dropped it
 */
export async function copyDurably(from: string, to: string): Promise<Copied | undefined> {
  const source = await open(from, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (source === undefined) return undefined
  try {
    const target = await open(to, 'wx', 0o600)
    try {
      const copied = await pump(source, target)
      await target.sync()
      return copied
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

async function pump(source: FileHandle, target: FileHandle): Promise<Copied> {
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(CHUNK)
  let size = 0
  for (;;) {
    const { bytesRead } = await source.read(chunk, 0, CHUNK, size)
    if (bytesRead === 0) return { size, sha256: hash.digest('hex') }
    const part = chunk.subarray(0, bytesRead)
    hash.update(part)
    await target.writeFile(part)
    size += bytesRead
  }
}

/** Writes a small file to disk. @throws where it exists */
export async function writeDurably(path: string, text: string): Promise<Copied> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  return { size: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') }
}

/** Makes names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
