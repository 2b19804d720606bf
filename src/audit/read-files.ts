import { createReadStream } from 'node:fs'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { splitNotes } from './folder-layout.ts'
import { FormatError } from './format-error.ts'

const MAX_TEXT = 1_000_000

/** All files below a folder, by paths with slashes. A FormatError where there is a symbolic link, or what is no file. */
export async function listFiles(folder: string): Promise<string[]> {
  try {
    const files: string[] = []
    for (const found of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (found.isDirectory()) continue
      if (!found.isFile()) throw new FormatError('the folder holds a symbolic link, or what is no file')
      const parent = 'parentPath' in found ? found.parentPath : Reflect.get(found, 'path') // before Node 20.12
      files.push(
        relative(folder, join(parent as string, found.name))
          .split(sep)
          .join('/'),
      )
    }
    return files
  } catch (cause) {
    if (cause instanceof FormatError) throw cause
    throw new FormatError('the folder cannot be read', { cause })
  }
}

/** A text file of at most a megabyte. A FormatError where it cannot be read as one. */
export async function readText(path: string): Promise<string> {
  const bytes = await readWhole(path, basename(path), MAX_TEXT)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new FormatError('a file is no text', { cause })
  }
}

/** A file of at most `limit` bytes, called `name` in what is said of it. A FormatError where it cannot be read. */
export async function readWhole(path: string, name: string, limit: number): Promise<Buffer> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    const stat = await file.stat()
    if (!stat.isFile() || stat.size > limit) throw new FormatError(`${name} is too large, or no file`)
    return await file.readFile()
  } catch (cause) {
    if (cause instanceof FormatError) throw cause
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    throw new FormatError(`${name} ${isMissing ? 'is missing' : 'cannot be read'}`, { cause })
  } finally {
    await file?.close()
  }
}

/** Notes of a file, one after another. A FormatError where it cannot be read. */
export async function* readNotes(path: string): AsyncGenerator<string> {
  const stream = createReadStream(path, { encoding: 'utf8' })
  try {
    yield* splitNotes(stream as AsyncIterable<string>)
  } catch (cause) {
    if (cause instanceof FormatError) throw new FormatError(`${basename(path)}: ${cause.message}`, { cause })
    throw new FormatError(`${basename(path)} cannot be read`, { cause })
  } finally {
    stream.destroy()
  }
}
