import { appendEntries } from '../../audit/log.ts'
import { textArray, uuidArray } from '../../db/binary-array.ts'
import type { Db } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import { readContent } from '../content.ts'
import type { RightsDeps } from '../deps.ts'
import type { Needles } from '../request.ts'
import { recycleWal, rewrite, tableOfFile, vacuumAll } from './clean-files.ts'
import { type FileHit, scanFiles } from './files.ts'

export interface FilesJobDeps extends Pick<RightsDeps, 'db' | 'keyring' | 'now'> {
  /** The embedded cluster's superuser, in Weir's database. */
  readonly superuser: Db
  /** The data directory, and where logs and the ledger lie. */
  readonly paths: readonly string[]
}

export interface FilesJobOptions {
  /** Rewrite tables that have something left: they are locked for as long. Off-peak. */
  readonly full?: boolean
  readonly progress?: (what: 'vacuum' | 'search', done: number, of: number) => void
  readonly signal?: AbortSignal
}

export interface FilesJob {
  /** Erasures whose files are clean now. */
  readonly erasures: number
  /** Which those are: their receipts can say so. */
  readonly clean: readonly string[]
  /** Those of which it is not kept any more what to look for. */
  readonly forgotten: number
  readonly files: number
  readonly bytes: number
  /** What was left, by table where it is one's; raw identifiers nowhere at any time. */
  readonly left: readonly { readonly where: string; readonly kind: FileHit['kind'] }[]
}

const ROUNDS = 3

/**
 * Looks through the database's own files for everybody who was erased since they were last looked through. First what an
 * erasure leaves there is cleaned: dead rows by vacuum, their bytes in pages by rewriting the table where that is allowed,
 * the write-ahead log by writing over its files. `files_scanned_at` is set where nothing is left, and only then.
 */
export async function scanErasedFiles(deps: FilesJobDeps, options: FilesJobOptions = {}): Promise<FilesJob> {
  const { waiting, needles, forgotten } = await erasedSince(deps)
  if (waiting.length === 0) return { erasures: 0, clean: [], forgotten, files: 0, bytes: 0, left: [] }
  const { superuser } = deps
  const { signal, progress } = options
  const cleaning = signal === undefined ? {} : { signal }
  await vacuumAll(superuser, { ...cleaning, progress: (done, of) => progress?.('vacuum', done, of) })
  for (let round = 1; ; round++) {
    await recycleWal(superuser, cleaning)
    const found = await scanFiles(deps.paths, needles, {
      ...cleaning,
      progress: (done, of) => progress?.('search', done, of),
    })
    const { files, bytes } = found
    const left = await named(superuser, found.hits)
    if (left.length === 0) {
      await note(deps, waiting, { files, bytes })
      return { erasures: waiting.length, clean: waiting, forgotten, files, bytes, left }
    }
    const tables = left.flatMap(({ table }) => table ?? [])
    if (options.full !== true || tables.length === 0 || round === ROUNDS) {
      return { erasures: 0, clean: [], forgotten, files, bytes, left: left.map(({ where, kind }) => ({ where, kind })) }
    }
    await rewrite(superuser, [...new Set(tables)])
  }
}

interface Left {
  readonly where: string
  readonly kind: FileHit['kind']
  readonly table: string | undefined
}

async function named(superuser: Db, hits: readonly FileHit[]): Promise<Left[]> {
  const left: Left[] = []
  for (const { path, kind } of hits) {
    const table = await tableOfFile(superuser, path)
    left.push({ where: table ?? path, kind, table })
  }
  return [...new Map(left.map((one) => [`${one.where} ${one.kind}`, one])).values()]
}

/** What was looked for in the columns is kept sealed for this. Who came again by the same identifiers is looked for no more. */
async function erasedSince({ db, keyring }: FilesJobDeps): Promise<{
  waiting: readonly string[]
  needles: Needles
  forgotten: number
}> {
  const { rows } = await db.$client.query<{ erasure_id: string }>(
    `select erasure_id from weir.erasure where scanned_at is not null and files_scanned_at is null order by scanned_at`,
  )
  const waiting: string[] = []
  const all: Needles[] = []
  for (const { erasure_id: id } of rows) {
    const needles = await readContent(db, keyring, id, 'needles')
    if (needles === undefined) continue
    waiting.push(id)
    all.push(needles)
  }
  const keyed = all.flatMap((one) => one.keyed)
  const { rows: again } = await db.$client.query<{ key: string }>(
    `select encode(index_key, 'hex') as key from weir.identifier
     where index_key = any(array(select decode(k, 'hex') from unnest($1::text[]) as k))`,
    [textArray(keyed.filter((one) => /^[0-9a-f]{32}$/.test(one)))],
  )
  const anew = new Set(again.map((row) => row.key))
  const needles = { raw: all.flatMap(({ raw }) => raw), keyed: keyed.filter((one) => !anew.has(one)) }
  return { waiting, needles, forgotten: rows.length - waiting.length }
}

async function note(
  { db, now }: FilesJobDeps,
  ids: readonly string[],
  more: { files: number; bytes: number },
): Promise<void> {
  await transaction(db, async (tx) => {
    await tx.$client.query('update weir.erasure set files_scanned_at = $2 where erasure_id = any($1::uuid[])', [
      uuidArray(ids),
      new Date(now()),
    ])
    await tx.$client.query(`delete from weir.request_content where kind = 'needles' and request_id = any($1::uuid[])`, [
      uuidArray(ids),
    ])
    const entry = {
      actor: 'weir',
      action: 'scan.files',
      resource: 'database',
      purpose: 'rights',
      outcome: 'done',
    } as const
    await appendEntries(tx, [{ ...entry, more: { erasures: ids.length, ...more } }])
  })
}
