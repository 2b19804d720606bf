import { lstat, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError } from '../../errors.ts'
import { type Channels, readChannels } from './channels.ts'

const SHIPPED = join(import.meta.dirname, '..', '..', '..', 'policies', 'channels.yaml')

/**
 * The rules of channels.yaml beside the policy (`path` is its folder, or the policy's file); where there is none, those
 * that are shipped.
 * @throws AppError invalid with one line: the first thing that is wrong, where, and how many more there are; or that
 * something is there which cannot be read
 */
export async function loadChannels(path: string): Promise<Channels> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false, // the policy's own loader says that it is not there
  )
  const own = join(isFolder ? path : dirname(path), 'channels.yaml')
  const file = (await isThere(own)) ? own : SHIPPED
  const read = readChannels(await textOf(file), file)
  if ('channels' in read) return read.channels
  const [first, ...more] = read.lines
  throw refused(more.length === 0 ? first! : `${first} (and ${more.length} more)`)
}

/** Whatever it is, a link that leads nowhere as well: else other rules than the officers' own would count. */
async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
      throw unreadable(path, error)
    },
  )
}

async function textOf(path: string): Promise<string> {
  try {
    // Asked first: opening a pipe waits for somebody who writes into it.
    if ((await stat(path)).isFile()) return await readFile(path, 'utf8')
  } catch (cause) {
    throw unreadable(path, cause)
  }
  throw unreadable(path)
}

function unreadable(path: string, cause?: unknown): AppError {
  return refused(
    `${path} is no file that can be read: make it one, or take it away for the rules that are shipped`,
    cause,
  )
}

function refused(message: string, cause?: unknown): AppError {
  return new AppError('invalid', message, { code: 'policy-refused', cause })
}
