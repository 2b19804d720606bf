import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Secrets } from '../config.ts'
import { AppError } from '../errors.ts'
import { type Copied, copyDurably, syncFolder, writeDurably } from './backup/copy.ts'
import { type Manifest, writeManifest } from './backup/manifest.ts'
import { type Embedded, startEmbedded } from './embedded.ts'

export interface BackupOptions {
  readonly dataDir: string
  /** Folder that is absent or empty. */
  readonly to: string
  readonly log: Logger
  readonly progress: (doneBytes: number, totalBytes: number) => void
}

export interface BackupMade {
  readonly dir: string
  readonly files: number
  readonly bytes: number
  /** Everything committed before this place in the write-ahead log is in the backup. */
  readonly stopLsn: string
}

/** @throws AppError with DATABASE_URL: a managed server's files are not ours to copy */
export function refuseServer(secrets: Secrets): void {
  if (secrets.databaseUrl === undefined) return
  throw new AppError(
    'conflict',
    "DATABASE_URL is set: back up and restore with the provider's own tools (or unset it for the embedded database)",
  )
}

/**
 * Copies the embedded database while the gateway runs: files, the write-ahead log that makes them one state, the
 * database's passwords, and a manifest. The keys are elsewhere and stay there.
 * Postgres 18 documentation, 25.3.4 "Making a Base Backup Using the Low Level API".
 */
export async function backup(options: BackupOptions): Promise<BackupMade> {
  await makeEmptyFolder(options.to)
  const embedded = await startEmbedded({ dataDir: options.dataDir, log: options.log })
  const session = new pg.Client({ connectionString: embedded.superuserUrl, application_name: 'weir-backup' })
  try {
    await session.connect()
    return await copyUnderBackup(session, embedded, options)
  } catch (error) {
    for (const name of await readdir(options.to)) await rm(join(options.to, name), { recursive: true, force: true })
    throw error
  } finally {
    await session.end().catch(() => undefined) // ends the backup mode and the slot too, if they are still on
    await embedded.stop()
  }
}

async function makeEmptyFolder(dir: string): Promise<void> {
  await mkdir(dirname(dir), { recursive: true })
  await mkdir(dir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const found = await readdir(dir).catch(() => undefined)
  if (found?.length === 0) return
  throw new AppError('invalid', `${dir} ${found === undefined ? 'is no folder' : 'is not empty'}: name a new folder`)
}

async function copyUnderBackup(session: pg.Client, { files }: Embedded, options: BackupOptions): Promise<BackupMade> {
  const startedAt = new Date().toISOString()
  const into = join(options.to, 'cluster')
  // The slot, reserved before the start, keeps the write-ahead log until it is copied; it goes with the session.
  await session.query(`select pg_create_physical_replication_slot('weir_backup_' || pg_backend_pid(), true, true)`)
  const start = await one<{ lsn: string }>(session, `select pg_backup_start('weir', fast => true)::text as lsn`)
  // Listed after the start: a file made from here on is made again when the log is replayed.
  const found = await walk(files)
  const tally = new Tally(options.progress, await totalSize(files, found.files))
  await makeFolders(into, found.folders)
  for (const path of found.files) tally.add(`cluster/${path}`, await copyDurably(join(files, path), join(into, path)))
  tally.add(`cluster/${CONTROL}`, await copyControlFile(files, into))
  const stop = await one<{ lsn: string; label: string; last: string }>(
    session,
    'select lsn::text, labelfile as label, pg_walfile_name(lsn) as last from pg_backup_stop(wait_for_archive => false)',
  )
  tally.add('cluster/backup_label', await writeDurably(join(into, 'backup_label'), stop.label))
  await copyWriteAheadLog({ files, into, label: stop.label, last: stop.last }, tally)
  tally.add(
    'passwords.json',
    await copyDurably(join(dirname(files), 'passwords.json'), join(options.to, 'passwords.json')),
  )
  const manifest: Manifest = {
    format: 1,
    postgresMajor: (await readFile(join(files, 'PG_VERSION'), 'utf8')).trim(),
    startedAt,
    finishedAt: new Date().toISOString(),
    startLsn: start.lsn,
    stopLsn: stop.lsn,
    files: tally.files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    folders: ['cluster', ...found.folders.map((folder) => `cluster/${folder}`)],
  }
  for (const folder of manifest.folders.toReversed()) await syncFolder(join(options.to, folder))
  await writeManifest(options.to, manifest)
  await syncFolder(options.to)
  tally.finish()
  return { dir: options.to, files: manifest.files.length, bytes: tally.done, stopLsn: stop.lsn }
}

class Tally {
  readonly files: { path: string; size: number; sha256: string }[] = []
  done = 0
  readonly #report: (done: number, total: number) => void
  readonly #total: number

  constructor(report: (done: number, total: number) => void, total: number) {
    this.#report = report
    this.#total = total
  }

  add(path: string, copied: Copied | undefined): void {
    if (copied === undefined) return
    this.files.push({ path, ...copied })
    this.done += copied.size
    this.#report(Math.min(this.done, this.#total - 1), this.#total)
  }

  finish(): void {
    this.#report(this.#total, this.#total)
  }
}

const CONTROL = 'global/pg_control'
// What Postgres makes anew at start, by 25.3.4.3; of these folders only the folder itself is kept.
const EMPTIED = [
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]
const LEFT_OUT = /(^|\/)(postmaster\.(pid|opts)|pg_internal\.init(\.\d+)?|pgsql_tmp[^/]*|backup_label(\.old)?)$/

async function walk(root: string): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = []
  const folders: string[] = ['pg_wal/archive_status', 'pg_wal/summaries']
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (LEFT_OUT.test(path) || path === CONTROL) continue
      if (entry.isSymbolicLink())
        throw new AppError('conflict', `${path} is a tablespace or a link: such a cluster needs pg_basebackup`)
      if (entry.isDirectory()) {
        folders.unshift(path)
        if (!EMPTIED.includes(path)) await visit(path)
      } else if (entry.isFile()) files.push(path)
    }
  }
  await visit('')
  return { files, folders: folders.toSorted() }
}

async function totalSize(root: string, files: readonly string[]): Promise<number> {
  let total = 0
  for (const path of files) {
    total += await stat(join(root, path)).then(
      ({ size }) => size,
      () => 0,
    )
  }
  return total
}

async function makeFolders(into: string, folders: readonly string[]): Promise<void> {
  await mkdir(into, { mode: 0o700 })
  for (const folder of folders) await mkdir(join(into, folder), { mode: 0o700 })
}

/** Last of all files, and read until two reads agree: one torn by a checkpoint would make the backup worthless. */
async function copyControlFile(files: string, into: string): Promise<Copied | undefined> {
  for (;;) {
    const before = await readFile(join(files, CONTROL))
    const target = join(into, CONTROL)
    const copied = await copyDurably(join(files, CONTROL), target)
    if (before.equals(await readFile(target))) return copied
    await rm(target)
  }
}

interface Segments {
  readonly files: string
  readonly into: string
  readonly label: string
  readonly last: string
}

/** The segments from the label's start to the one of the stop; the names of one timeline sort as they were written. */
async function copyWriteAheadLog({ files, into, label, last }: Segments, tally: Tally): Promise<void> {
  const first = /START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)/.exec(label)?.[1]
  if (first === undefined) throw new Error('the backup label names no first segment')
  const names = (await readdir(join(files, 'pg_wal'))).toSorted()
  const needed = names.filter((name) => /^[0-9A-F]{24}$/.test(name) && name >= first && name <= last)
  if (needed[0] !== first || needed.at(-1) !== last) throw new Error('the write-ahead log of the backup is not whole')
  for (const name of [...needed, ...names.filter((other) => other.endsWith('.history'))]) {
    tally.add(`cluster/pg_wal/${name}`, await copyDurably(join(files, 'pg_wal', name), join(into, 'pg_wal', name)))
  }
}

async function one<Row extends pg.QueryResultRow>(session: pg.Client, text: string): Promise<Row> {
  const { rows } = await session.query<Row>(text)
  const row = rows[0]
  if (row === undefined) throw new Error('Postgres answered with no row')
  return row
}
