import { randomUUID } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { appendEntries } from '../audit/log.ts'
import type { Db } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import {
  type BackedUpKey,
  type BackupHeader,
  type OpenWith,
  openBackup,
  type SealTo,
  sealBackup,
} from './backup-file.ts'
import { checkValue, type KeyRow, readKeys, unwrapKey, wrapKey } from './key-table.ts'
import type { KeyProvider } from './provider.ts'
import { createSecretFile } from './secret-file.ts'

export interface BackupDeps {
  readonly db: Db
  readonly provider: KeyProvider
  readonly now: () => number
  /** Nothing is written below these: the data directory. */
  readonly dataDir: string
}

const DAY_MS = 86_400_000

/**
 * Seals every key that is not destroyed into a new file, 0600. It is written down which keys it holds and until when:
 * the horizon counts with it. Opened again at once where that can be done here, so that it is known to be good.
 * @throws AppError `key-backup-place` in the data directory or beside a backup of the database, `key-backup-exists`
 */
export async function backupKeys(
  deps: BackupDeps,
  path: string,
  to: SealTo,
  keepDays: number,
): Promise<BackupHeader & { readonly verified: boolean }> {
  refusePlace(path, deps.dataDir)
  if (isThere(path)) throw takenAlready(path)
  const keys = await openAll(deps)
  if (keys.length === 0) {
    throw new AppError('conflict', 'this database has no keys yet: start Weir once, then copy them', {
      code: 'key-backup-empty',
    })
  }
  const header: BackupHeader = {
    backupId: randomUUID(),
    madeAt: new Date(deps.now()).toISOString(),
    expiresAt: new Date(deps.now() + keepDays * DAY_MS).toISOString(),
    keys: keys.map(({ keyClass, kid }) => `${keyClass}/${kid}`),
  }
  const bytes = await sealBackup(header, keys, to)
  // Written down first: a copy that nobody knows of would make the horizon a lie.
  await transaction(deps.db, async (tx) => {
    await appendEntries(tx, [entry('keys.backup', header.backupId)])
    await tx.$client.query(
      'insert into weir.key_backup (backup_id, made_at, expires_at, sealed_to, keys) values ($1, $2, $3, $4, $5)',
      [
        header.backupId,
        header.madeAt,
        header.expiresAt,
        'passphrase' in to ? 'passphrase' : 'public-keys',
        header.keys,
      ],
    )
  })
  try {
    if ((await createSecretFile(path, bytes)) === 'exists') throw takenAlready(path)
  } catch (error) {
    await deps.db.$client.query('delete from weir.key_backup where backup_id = $1', [header.backupId])
    throw notMade(error, path)
  }
  if (!('passphrase' in to)) return { ...header, verified: false }
  await verifyBackup(deps, path, { passphrase: to.passphrase })
  return { ...header, verified: true }
}

/** Opens a backup and compares every key with the database's. @returns what it holds, by how it stands here */
export async function verifyBackup(
  deps: Pick<BackupDeps, 'db' | 'now'>,
  path: string,
  withKey: OpenWith,
): Promise<Compared & { readonly header: BackupHeader }> {
  const { header, keys } = await openBackup(await readCopy(path), withKey, path)
  const compared = compare(await readKeys(deps.db), keys)
  if (compared.different.length > 0) throw anotherDatabase(path)
  if (compared.missing.length === 0) {
    await deps.db.$client.query('update weir.key_backup set verified_at = $2 where backup_id = $1', [
      header.backupId,
      new Date(deps.now()),
    ])
  }
  return { header, ...compared }
}

/**
 * Puts the keys of a backup under this installation's provider: after a loss of the provider, or beside a restored
 * database. What is destroyed stays so.
 * @throws AppError `key-backup-foreign` where it is another database's, before anything is changed
 */
export async function restoreKeys(deps: BackupDeps, path: string, withKey: OpenWith): Promise<Compared> {
  const { header, keys } = await openBackup(await readCopy(path), withKey, path)
  const rows = await readKeys(deps.db)
  const compared = compare(rows, keys)
  if (compared.different.length > 0) throw anotherDatabase(path)
  const wrapped = await Promise.all(
    keys.map(async ({ keyClass, kid, key }) => ({
      keyClass,
      kid,
      bytes: await wrapKey(deps.provider, keyClass, kid, key),
    })),
  )
  await transaction(deps.db, async (tx) => {
    await appendEntries(tx, [entry('keys.restore', header.backupId)])
    for (const { keyClass, kid, bytes } of wrapped) {
      await tx.$client.query(
        `update weir.key set wrapped = $3 where class = $1 and kid = $2 and state <> 'destroyed'`,
        [keyClass, kid, bytes],
      )
    }
  })
  return compared
}

export interface Compared {
  /** In the backup and in the database, the same. */
  readonly same: readonly string[]
  /** Of the database, not in the backup: what they opened stays closed. */
  readonly missing: readonly string[]
  /** Of the backup, destroyed or unknown here. */
  readonly gone: readonly string[]
  readonly different: readonly string[]
}

function compare(rows: readonly KeyRow[], keys: readonly BackedUpKey[]): Compared {
  const living = new Map(rows.filter((row) => row.wrapped !== null).map((row) => [`${row.class}/${row.kid}`, row]))
  const held = keys.map((one) => ({ ...one, name: `${one.keyClass}/${one.kid}` }))
  const isSame = ({ name, keyClass, kid, key }: (typeof held)[number]): boolean => {
    const check = living.get(name)?.check_value
    return check == null || check.equals(checkValue(keyClass, kid, key))
  }
  const here = held.filter(({ name }) => living.has(name))
  const names = new Set(held.map(({ name }) => name))
  return {
    same: here.filter(isSame).map(({ name }) => name),
    different: here.filter((one) => !isSame(one)).map(({ name }) => name),
    missing: [...living.keys()].filter((name) => !names.has(name)),
    gone: held.filter(({ name }) => !living.has(name)).map(({ name }) => name),
  }
}

async function openAll({ db, provider }: BackupDeps): Promise<BackedUpKey[]> {
  const living = (await readKeys(db)).filter((row) => row.wrapped !== null)
  return Promise.all(
    living.map(async (row) => ({
      keyClass: row.class,
      kid: row.kid,
      key: await unwrapKey(provider, row, row.wrapped!),
    })),
  )
}

/** Who has the data and the keys can read everything: they are never put in one place by us. */
function refusePlace(path: string, dataDir: string): void {
  if (!existsSync(dirname(resolve(path)))) {
    throw new AppError('invalid', `the folder of ${path} is not there: make it first`, { code: 'key-backup-place' })
  }
  const place = realPlace(path)
  // The cluster of the embedded database may lie elsewhere, behind a link in the data directory.
  for (const folder of [dataDir, join(dataDir, 'postgres')]) {
    if (place.startsWith(realPlace(join(folder, 'x')).slice(0, -1))) throw badPlace('lies in the data directory')
  }
  const beside = readdirSync(dirname(place))
  if (beside.some((name) => isDump(join(dirname(place), name)))) throw badPlace('lies beside a backup of the database')
  for (let folder = dirname(place); folder !== dirname(folder); folder = dirname(folder)) {
    if (isDump(folder)) throw badPlace('lies in a backup of the database')
  }
}

/** Where a file of that name would really be made, behind links too. A folder that is not there is taken as it is said. */
function realPlace(path: string): string {
  const folder = dirname(resolve(path))
  return join(existsSync(folder) ? realpathSync(folder) : folder, basename(path))
}

/** A link that leads nowhere is there, too: nothing is written through it. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function isDump(folder: string): boolean {
  return existsSync(join(folder, 'manifest.json')) && existsSync(join(folder, 'cluster'))
}

async function readCopy(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const message = `the copy of the keys ${path} cannot be read (${cause.code ?? 'unknown'})`
    throw new AppError('invalid', message, { code: 'key-backup-missing', cause })
  })
}

/**
 * Takes a copy off the list whose file was deleted: the horizon counts it no more. Entered in the audit log, since it is
 * somebody's word. @throws AppError `not-found`
 */
export async function discardBackup({ db, now }: Pick<BackupDeps, 'db' | 'now'>, backupId: string): Promise<void> {
  await transaction(db, async (tx) => {
    await appendEntries(tx, [entry('keys.discard', backupId)])
    const { rowCount } = await tx.$client.query(
      'update weir.key_backup set expires_at = $2 where backup_id = $1 and expires_at > $2',
      [backupId, new Date(now())],
    )
    if (rowCount === 0)
      throw new AppError('not-found', 'no copy of this id is on the list: weir keys status shows them')
  })
}

/** Active keys that no copy holds which has not expired and was found good: lost with the root. */
export async function uncopiedKeys(db: Db, now: number): Promise<string[]> {
  const { rows } = await db.$client.query<{ name: string }>(
    `select k.class || '/' || k.kid as name from weir.key k where k.state = 'active' and not exists (
       select from weir.key_backup b where b.expires_at > $1 and b.verified_at is not null and (k.class || '/' || k.kid) = any(b.keys))
     order by 1`,
    [new Date(now)],
  )
  return rows.map((row) => row.name)
}

function notMade(error: unknown, path: string): unknown {
  const code: unknown = error instanceof Error && !(error instanceof AppError) ? Reflect.get(error, 'code') : undefined
  if (typeof code !== 'string') return error
  return new AppError('invalid', `${path} cannot be made (${code})`, { code: 'key-backup-place', cause: error })
}

function takenAlready(path: string): AppError {
  return new AppError('conflict', `${path} is there already: name a new file`, { code: 'key-backup-exists' })
}

function badPlace(why: string): AppError {
  return new AppError('invalid', `the file ${why}: keep the keys apart, name another place`, {
    code: 'key-backup-place',
  })
}

function anotherDatabase(path: string): AppError {
  return new AppError('conflict', `the keys in ${path} are another database's: nothing was changed`, {
    code: 'key-backup-foreign',
  })
}

/**
 * Days since a copy of the keys was opened and found good that still is kept and holds every key in use; where there
 * is none, days since the database has keys. Copies may be made elsewhere by other means: this asks for ours.
 */
export async function keyBackupAge(db: Db, now: number): Promise<{ readonly days: number; readonly found: boolean }> {
  const { rows } = await db.$client.query<{ since: Date; found: boolean }>(
    `with good as (
       select max(b.verified_at) as at from weir.key_backup b where b.expires_at > $1 and b.verified_at is not null
         and not exists (select from weir.key k where k.state = 'active' and not (k.class || '/' || k.kid) = any(b.keys)))
     select coalesce((select at from good), (select min(made_at) from weir.key)) as since, (select at from good) is not null as found`,
    [new Date(now)],
  )
  const { since, found } = rows[0]!
  return { days: Math.max(0, Math.floor((now - since.getTime()) / DAY_MS)), found }
}

export interface ListedBackup {
  readonly backup_id: string
  readonly made_at: Date
  readonly expires_at: Date
  readonly sealed_to: string
  readonly keys: string[]
  readonly verified_at: Date | null
}

/** Copies that have not expired, newest first. Those that hold a destroyed key are to be deleted. */
export async function livingBackups(db: Db, now: number): Promise<ListedBackup[]> {
  const { rows } = await db.$client.query<ListedBackup>(
    'select backup_id, made_at, expires_at, sealed_to, keys, verified_at from weir.key_backup where expires_at > $1 order by made_at desc',
    [new Date(now)],
  )
  return rows
}

function entry(action: string, backupId: string) {
  return {
    actor: 'cli',
    action,
    resource: `key-backup:${backupId}`,
    purpose: 'administration',
    outcome: 'done',
  } as const
}
