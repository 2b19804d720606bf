import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { AppError } from '../errors.ts'
import { backupKeys, discardBackup, restoreKeys, verifyBackup } from '../keys/backup.ts'
import type { SealTo } from '../keys/backup-file.ts'
import { passphraseFor } from '../keys/open.ts'
import { KDF_DEFAULTS, readPassphrase } from '../keys/providers/file.ts'
import { addOpening, jwkOf, type Opening, oneOf, openWith } from './keys-opening.ts'
import { answer, type CommonOptions, example } from './output.ts'
import { type WithKeys, withKeys } from './with-keys.ts'

const WEIR = 'npm run -s weir -- keys'
const APART = 'Keep it apart from every backup of the database: who has both can read it.'

export function registerBackup(backup: Command): void {
  backup.description("seal every key to a recovery passphrase, or to officers' public keys, in a new file")
  backup.argument('<file>', 'new file, neither in the data directory nor beside a backup of the database')
  backup.option('--passphrase-file <file>', 'the recovery passphrase: another one than that of the keyset')
  backup.option('--to <file...>', "officers' public keys, a JWK (P-256 or X25519) a file; any one of them opens it")
  backup.addHelpText('after', `\n${APART}`)
  backup.addHelpText('after', example(`${WEIR} backup /media/safe/keys.json --passphrase-file /etc/weir/recovery`))
  backup.action((file: string, options: CommonOptions & { passphraseFile?: string; to?: string[] }) =>
    withKeys(async (context) => {
      const to = await sealTo(options, context.config.mode)
      await refuseSamePassphrase(context, to)
      const made = await backupKeys(backupDeps(context), file, to, context.policy.keys.keyBackupDays)
      const next = made.verified
        ? 'It was opened again and is good.'
        : `Let an officer try it: weir keys verify ${file} --private-key …`
      answer(
        options,
        { file, ...made },
        `Sealed ${made.keys.length} keys into ${file}, good until ${made.expiresAt}. ${next}\n${APART}`,
      )
    }),
  )
}

export function registerVerify(verify: Command): void {
  verify.description('open a copy of the keys and compare it with the database')
  addOpening(verify.argument('<file>', 'what weir keys backup made'))
  verify.addHelpText('after', example(`${WEIR} verify /media/safe/keys.json --passphrase-file /etc/weir/recovery`))
  verify.action((file: string, options: CommonOptions & Opening) =>
    withKeys(async (context) => {
      const found = await verifyBackup(backupDeps(context), file, await openWith(options))
      if (found.missing.length > 0) process.exitCode = 1
      const missing = found.missing.length === 0 ? '' : ` Missing: ${found.missing.join(', ')}: make another copy.`
      answer(options, found, `Opens. ${found.same.length} keys are those of this database.${missing}`)
    }),
  )
}

export function registerDiscard(discard: Command): void {
  discard.description('say that the file of a copy was deleted everywhere: the horizon counts it no more')
  discard.argument('<id>', 'of the copy, as weir keys status shows it')
  discard.addHelpText('after', example(`${WEIR} discard 6f1c9d1e-7a52-4a0b-9a55-0b8a4f2d9c11`))
  discard.action((id: string, options: CommonOptions) =>
    withKeys(async ({ db }) => {
      if (!z.uuid().safeParse(id).success) throw new AppError('invalid', 'a copy is named by a UUID', { code: 'usage' })
      await discardBackup({ db, now: Date.now }, id)
      answer(options, { discarded: id }, 'It is off the list. A file that is left somewhere opens all the same.')
    }),
  )
}

export function registerRestore(restore: Command): void {
  restore.description(
    "put the keys of a copy under this installation's root, after it was lost or beside a restored database",
  )
  addOpening(restore.argument('<file>', 'what weir keys backup made'))
  restore.addHelpText('after', example(`${WEIR} restore /media/safe/keys.json --passphrase-file /etc/weir/recovery`))
  restore.action((file: string, options: CommonOptions & Opening) =>
    withKeys(
      async (context) => {
        const found = await restoreKeys(backupDeps(context), file, await openWith(options))
        if (found.missing.length > 0) process.exitCode = 1
        const missing =
          found.missing.length === 0
            ? ''
            : ` Not in the copy: ${found.missing.join(', ')}: what they sealed stays closed.`
        answer(options, found, `Put ${found.same.length} keys under ${context.provider.uri}.${missing} Start Weir.`)
      },
      { mayMakeRoot: true },
    ),
  )
}

/** One passphrase for both would make the copy worth no more than the keyset. */
async function refuseSamePassphrase({ config }: WithKeys, to: SealTo): Promise<void> {
  if (!('passphrase' in to) || !config.keys.uri.startsWith('file:')) return
  const own = await passphraseFor({ ...config.keys, mode: config.mode })
  if (!own.equals(to.passphrase)) return
  throw new AppError('invalid', 'the recovery passphrase is that of the keyset: take another one', { code: 'usage' })
}

async function sealTo(
  options: { passphraseFile?: string; to?: string[] },
  mode: 'development' | 'production',
): Promise<SealTo> {
  const { passphraseFile, to } = options
  if ((passphraseFile === undefined) === (to === undefined)) throw oneOf('--passphrase-file or --to')
  if (passphraseFile !== undefined) return { passphrase: await readPassphrase(passphraseFile), kdf: KDF_DEFAULTS[mode] }
  return { publicKeys: await Promise.all(to!.map(async (file) => jwkOf(await readText(file), file))) }
}

function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new AppError('invalid', `${file} cannot be read (${cause.code ?? 'unknown'})`, { code: 'usage', cause })
  })
}

function backupDeps({ db, provider, config }: WithKeys) {
  return { db, provider, now: Date.now, dataDir: config.dataDir }
}
