import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../errors.ts'

/** One erasure, in keyed hashes alone: it names nobody to whoever has not the key. */
export interface LedgerEntry {
  readonly v: 1
  /** UUID of the erasure. */
  readonly id: string
  /** ISO 8601. */
  readonly at: string
  /** subjectTag of each subject, base64url. */
  readonly subjects: readonly string[]
  /** Tombstones of the identifiers, base64url. */
  readonly tombstones: readonly string[]
}

/**
 * What was erased, kept outside of the database and of its backups, so that a backup that is restored can be made to
 * forget again what was erased since. Written, and on the disk, before anything is destroyed.
 */
export interface ErasureLedger {
  readonly path: string
  /** Resolves when the line is on the disk. The same erasure may be written twice. */
  append(entry: LedgerEntry): Promise<void>
  /** Undefined where there is no ledger. Throws AppError `ledger-damaged` for a whole line that cannot be read. */
  read(): Promise<LedgerEntry[] | undefined>
}

const entrySchema = z.object({
  v: z.literal(1),
  id: z.uuid(),
  at: z.iso.datetime(),
  subjects: z.array(z.string()),
  tombstones: z.array(z.string()),
})

/** A file of lines of JSON. Several processes may add to it: a line is one write at its end (POSIX O_APPEND). */
export function createErasureLedger(path: string): ErasureLedger {
  async function read(): Promise<LedgerEntry[] | undefined> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (text === undefined) return undefined
    // A torn line is of an erasure that had destroyed nothing yet; the same erasure may stand twice.
    const entries = text.split('\n').flatMap((line) => (line.endsWith('}') ? [parse(line, path)] : []))
    return [...new Map(entries.map((entry) => [entry.id, entry])).values()]
  }

  return {
    path,
    read,
    async append(entry) {
      const file = await open(path, 'a', 0o600)
      try {
        await file.appendFile(`\n${JSON.stringify(entry)}\n`) // begins a line of its own, whatever was torn before it
        await file.sync()
      } finally {
        await file.close()
      }
    },
  }
}

/** Makes an empty ledger where there is none: from then on its absence means that it was lost. */
export async function beginLedger(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, 'a', 0o600)
  await file.sync()
  await file.close()
  await syncFolder(dirname(path))
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(() => folder.close())
}

function parse(line: string, path: string): LedgerEntry {
  try {
    return entrySchema.parse(JSON.parse(line))
  } catch (cause) {
    const message = `a line of the ledger of erasures ${path} cannot be read: put back a whole copy of it`
    throw new AppError('conflict', message, { code: 'ledger-damaged', cause })
  }
}
