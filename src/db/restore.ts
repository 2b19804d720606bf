import { chown, lstat, mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from 'pino'
import { AppError } from '../errors.ts'
import { copyDurably, syncFolder } from './backup/copy.ts'
import { type Manifest, readManifest } from './backup/manifest.ts'
import { makeWhole } from './embedded/draft.ts'
import { findHome, linkHome } from './embedded/home.ts'
import type { RunAs } from './embedded/run-as.ts'
import { startEmbedded } from './embedded.ts'
import { openPool } from './pool.ts'
import { sqlState } from './transaction.ts'

export interface RestoreOptions {
  readonly from: string
  /** Must hold no database; keys may be there already. */
  readonly dataDir: string
  readonly log: Logger
  readonly progress: (doneBytes: number, totalBytes: number) => void
}

/**
 * Makes the embedded database from a backup: every file is compared with the manifest while it is copied, the whole
 * appears at once by a rename, and Postgres is started and stopped once, so that its recovery is done and proven.
 * @throws AppError where a database is there already, or the backup is not whole
 */
export async function restore(options: RestoreOptions): Promise<{ files: number; bytes: number }> {
  const { from, dataDir, log } = options
  await refuseExisting(dataDir)
  const manifest = await readManifest(from)
  await refuseStrangers(from, manifest)
  const home = await findHome(dataDir, log)
  let bytes = 0
  const made = await makeWhole(home.path, async (draft) => {
    await mkdir(draft, { mode: home.runAs === undefined ? 0o700 : 0o711 })
    bytes = await copyVerified(manifest, draft, { ...options, runAs: home.runAs })
  })
  if (!made)
    throw new AppError('conflict', `${home.path} was made by another process meanwhile: stop Weir and move it away`)
  await syncFolder(dirname(home.path))
  await linkHome(dataDir, home)
  const embedded = await startEmbedded({ dataDir, log })
  try {
    await breakAuditLog(embedded.ownerUrl)
  } finally {
    await embedded.stop()
  }
  return { files: manifest.files.length, bytes }
}

/**
 * What was entered since the backup is not in it: the audit log must not go on as if nothing had been. The next entry
 * opens a shard of another origin. Nor what was erased since: the gateway refuses to serve before that was done again.
 */
async function breakAuditLog(ownerUrl: string): Promise<void> {
  const owner = openPool({ url: ownerUrl, max: 1, applicationName: 'weir-restore' })
  try {
    await owner.$client.query(`insert into weir.audit_break (reason) values ('restore')`)
    await owner.$client.query('insert into weir.restore_guard default values')
  } catch (error) {
    if (sqlState(error) !== '42P01') throw error // a backup from before there was a tree
  } finally {
    await owner.$client.end()
  }
}

async function refuseExisting(dataDir: string): Promise<void> {
  const place = join(dataDir, 'postgres')
  const found = await lstat(place).catch(() => undefined)
  if (found === undefined) return
  throw new AppError(
    'conflict',
    `${place} holds a database: stop Weir and move it away, or set WEIR_DATA_DIR to an empty folder`,
  )
}

/** A file that the manifest does not know would be part of the database unverified. */
async function refuseStrangers(from: string, manifest: Manifest): Promise<void> {
  const known = new Set(['manifest.json', ...manifest.folders, ...manifest.files.map((file) => file.path)])
  const names = await readdir(from, { recursive: true })
  const stranger = names.find((name) => !known.has(name))
  if (stranger !== undefined)
    throw new AppError('invalid', `the backup has a file that its manifest does not name: ${stranger}`)
}

async function copyVerified(
  manifest: Manifest,
  draft: string,
  options: RestoreOptions & { runAs: RunAs | undefined },
): Promise<number> {
  const total = manifest.files.reduce((sum, file) => sum + file.size, 0)
  const own = async (path: string): Promise<void> => {
    if (options.runAs !== undefined && path.startsWith('cluster')) {
      await chown(join(draft, path), options.runAs.uid, options.runAs.gid)
    }
  }
  for (const folder of manifest.folders) {
    await mkdir(join(draft, folder), { mode: 0o700 })
    await own(folder)
  }
  let done = 0
  for (const { path, size, sha256 } of manifest.files) {
    const copied = await copyDurably(join(options.from, path), join(draft, path))
    if (copied?.size !== size || copied.sha256 !== sha256) {
      throw new AppError('invalid', `${path} is not as the backup's manifest says: take another backup`)
    }
    await own(path)
    done += size
    options.progress(done, total)
  }
  for (const folder of [...manifest.folders.toReversed(), '.']) await syncFolder(join(draft, folder))
  return done
}
