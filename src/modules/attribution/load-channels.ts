import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError } from '../../errors.ts'
import { type Channels, readChannels } from './channels.ts'

const SHIPPED = join(import.meta.dirname, '..', '..', '..', 'policies', 'channels.yaml')

/**
 * The rules of channels.yaml beside the policy (`path` is its folder, or the policy's file); where there is none, those
 * that are shipped.
 * @throws AppError invalid with one line: the first thing that is wrong, where, and how many more there are
 */
export async function loadChannels(path: string): Promise<Channels> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false, // the policy's own loader says that it is not there
  )
  const own = join(isFolder ? path : dirname(path), 'channels.yaml')
  const file = (await isFile(own)) ? own : SHIPPED
  const read = readChannels(await readFile(file, 'utf8'), file)
  if ('channels' in read) return read.channels
  const [first, ...more] = read.lines
  throw new AppError('invalid', more.length === 0 ? first! : `${first} (and ${more.length} more)`, {
    code: 'policy-refused',
  })
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
      throw error // it is there and cannot be read: other rules than the officers' own would count
    },
  )
}
