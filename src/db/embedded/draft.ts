import { randomBytes } from 'node:crypto'
import { readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isAlive } from './process.ts'

const ours = new Set<string>()

/**
 * Makes a folder whole or not at all: `fill` makes it under a name of its own, which is then renamed. A crash leaves a
 * draft, which the next call removes; of two processes at once one wins, and the other's draft goes.
 * @returns false where another was first
 */
export async function makeWhole(path: string, fill: (draft: string) => Promise<void>): Promise<boolean> {
  await removeAbandoned(path)
  const draft = `${path}.new-${process.pid}-${randomBytes(4).toString('hex')}`
  ours.add(draft)
  try {
    await fill(draft)
    await rename(draft, path)
    return true
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false
    throw error
  } finally {
    ours.delete(draft)
  }
}

/** Drafts are named by the process that makes them: one whose process is gone was left by a crash. */
async function removeAbandoned(path: string): Promise<void> {
  const prefix = `${basename(path)}.new-`
  for (const name of await readdir(dirname(path))) {
    const draft = join(dirname(path), name)
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : Number.NaN
    const abandoned = pid === process.pid ? !ours.has(draft) : Number.isInteger(pid) && !isAlive(pid)
    if (abandoned) await rm(draft, { recursive: true, force: true })
  }
}
