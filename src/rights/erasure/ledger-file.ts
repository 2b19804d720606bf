import { createHmac } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../errors.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { lpConcat, TENANT } from '../../protect/layouts.ts'

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
  /** Makes an empty one where there is none: from then on its absence means that it was lost. */
  begin(): Promise<void>
  /** Resolves when the line is on the disk. The same erasure may be written twice. */
  append(entry: LedgerEntry): Promise<void>
  /**
   * Undefined where there is no ledger, or an empty file. Throws AppError `ledger-damaged` for a whole line that cannot be
   * read, `ledger-foreign` for the ledger of other keys.
   */
  read(): Promise<LedgerEntry[] | undefined>
}

const entrySchema = z.object({
  v: z.literal(1),
  id: z.uuid(),
  at: z.iso.datetime(),
  subjects: z.array(z.string()),
  tombstones: z.array(z.string()),
})
/** The first line: whose ledger it is. */
const headSchema = z.object({ v: z.literal(1), installation: z.string() })
const START = 4_096 // bytes: many times the first line

/** HMAC-SHA-256(tombstone key, LP("gw/v1/ledger") ‖ LP(tenant)), base64url: a ledger of other keys is not this database's. */
export function installationOf({ tombstoneKey }: Pick<Keyring, 'tombstoneKey'>): string {
  return createHmac('sha256', tombstoneKey).update(lpConcat('gw/v1/ledger', TENANT)).digest('base64url')
}

/** A file of lines of JSON. Several processes may add to it: a line is one write at its end (POSIX O_APPEND). */
export function createErasureLedger(path: string, installation: string): ErasureLedger {
  const head = JSON.stringify({ v: 1, installation } satisfies z.infer<typeof headSchema>)

  async function begin(): Promise<void> {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(path, 'a+', 0o600)
    try {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(START), position: 0 })
      // Two nodes that start at once may both write it: read() takes it for one.
      if (!buffer.toString('utf8', 0, bytesRead).includes('}\n')) {
        await file.appendFile(`${bytesRead === 0 ? '' : '\n'}${head}\n`) // apart from what was torn
      }
      await file.sync()
    } finally {
      await file.close()
    }
    await syncFolder(dirname(path))
  }

  async function read(): Promise<LedgerEntry[] | undefined> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    // A torn line is of an erasure that had destroyed nothing yet; the same erasure may stand twice.
    const [first, ...lines] = (text ?? '').split('\n').filter((line) => line.endsWith('}'))
    if (first === undefined) return undefined // emptied is as good as lost
    refuseForeign(first)
    const entries = lines.filter((line) => line !== head).map((line) => parse(line, path))
    return [...new Map(entries.map((entry) => [entry.id, entry])).values()]
  }

  function refuseForeign(first: string): void {
    const found = headSchema.safeParse(safeJson(first))
    if (found.success && found.data.installation === installation) return
    const message = `the ledger of erasures ${path} is not of this database's keys: put back the one that belongs to it`
    throw new AppError('conflict', message, { code: 'ledger-foreign' })
  }

  return {
    path,
    begin,
    read,
    async append(entry) {
      await begin()
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

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function safeJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function parse(line: string, path: string): LedgerEntry {
  const read = entrySchema.safeParse(safeJson(line))
  if (read.success) return read.data
  const message = `a line of the ledger of erasures ${path} cannot be read: put back a whole copy of it`
  throw new AppError('conflict', message, { code: 'ledger-damaged' })
}
