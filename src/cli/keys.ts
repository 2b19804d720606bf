import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { readConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import { subjectId } from '../event/ids.ts'
import { readClassNames } from '../eventlog/partitions.ts'
import { backupKeys, restoreKeys, verifyBackup } from '../keys/backup.ts'
import type { SealTo } from '../keys/backup-file.ts'
import { destroyKeys } from '../keys/destroy.ts'
import { initKeys } from '../keys/init.ts'
import { inventory } from '../keys/inventory.ts'
import { keysetPath, makeRemoteRoot, passphraseFor } from '../keys/open.ts'
import { KDF_DEFAULTS, readPassphrase } from '../keys/providers/file.ts'
import { type KeyDeps, ROLLABLE, type Rollable, rollKey } from '../keys/roll.ts'
import { keepKeys } from '../keys/schedule.ts'
import { type KeysStatus, keysStatus } from '../keys/status.ts'
import { renewSubjectKey } from '../pipeline/renew-subject-key.ts'
import { registerDrill } from './keys-drill.ts'
import { addOpening, jwkOf, type Opening, oneOf, openWith } from './keys-opening.ts'
import { registerReindex } from './keys-reindex.ts'
import { answer, type CommonOptions, columns, example, showProgress } from './output.ts'
import { type WithKeys, withKeys } from './with-keys.ts'

const SETTINGS = 'WEIR_KEYS says where the root is, WEIR_KEYS_PASSPHRASE_FILE names the file with its passphrase.'
const WEIR = 'npm run -s weir -- keys'

export function register(command: Command): void {
  command.addHelpText('after', `\n${SETTINGS}`)
  registerInit(command.command('init'))
  registerStatus(command.command('status'))
  registerRotate(command.command('rotate'))
  registerKeep(command.command('keep'))
  registerRenew(command.command('renew'))
  registerDestroy(command.command('destroy'))
  registerBackup(command.command('backup'))
  registerVerify(command.command('verify'))
  registerRestore(command.command('restore'))
  registerDrill(command.command('drill'))
  registerReindex(command.command('reindex'))
  registerInventory(command.command('inventory'))
}

function registerInit(init: Command): void {
  init.description('make the keyset of a new installation; never replaces one')
  init.addHelpText('after', example(`WEIR_KEYS_PASSPHRASE_FILE=/etc/weir/passphrase ${WEIR} init`))
  init.action(async (options: CommonOptions) => {
    const { config } = readConfig()
    const settings = { ...config.keys, mode: config.mode }
    if (!settings.uri.startsWith('file:')) {
      const root = await makeRemoteRoot(settings)
      answer(options, { root }, `Made ${root}. Copy the keys with weir keys backup once Weir has started.`)
      return
    }
    const path = keysetPath(settings.uri)
    await initKeys({ path, passphrase: await passphraseFor(settings) })
    const text = `Made ${path}. Back it up and its passphrase, apart from the database and from each other: without them nothing sealed opens again.`
    answer(options, { keyset: path }, text)
  })
}

function registerStatus(status: Command): void {
  status.description('show every key by number and state, and when what was erased is beyond reach')
  status.addHelpText('after', example(`${WEIR} status`, `${WEIR} status --json`))
  status.action((options: CommonOptions) =>
    withKeys(async ({ db, provider, policy }) => {
      await provider.health()
      const found = await keysStatus({ db, provider }, policy.keys, Date.now())
      answer(
        options,
        { provider: provider.uri, opens: true, ...found },
        `${provider.uri} opens.\n\n${statusText(found)}`,
      )
    }),
  )
}

function statusText({ classes, horizon, backups }: KeysStatus): string {
  const list = (kids: readonly number[]): string => (kids.length === 0 ? '-' : kids.join(', '))
  const rows = classes.map((one) => [one.class, String(one.active ?? '-'), list(one.decryptOnly), list(one.destroyed)])
  const before = horizon.erasedBefore === null ? 'nobody yet' : `whoever was erased before ${horizon.erasedBefore}`
  const copies = backups.map((one) => [
    one.backupId,
    one.madeAt,
    one.expiresAt,
    one.verifiedAt ?? 'never',
    one.holdsDestroyed.length === 0 ? '-' : one.holdsDestroyed.join(', '),
  ])
  return [
    columns(['class', 'active', 'decrypt-only', 'destroyed'], rows),
    '',
    `Beyond anybody's reach already: ${before}.`,
    `Who is erased now is beyond it after ${horizon.unrecoverableAfter}.`,
    '',
    copies.length === 0
      ? 'No copy of the keys is known: weir keys backup makes one.'
      : columns(['copy of the keys', 'made', 'expires', 'verified', 'holds destroyed'], copies),
  ].join('\n')
}

const classOption = (): Option =>
  new Option('--class <class>', 'which key').choices([...ROLLABLE]).makeOptionMandatory()

function registerRotate(rotate: Command): void {
  rotate.description('replace a key by a new one, while events flow; the old one opens until it is destroyed')
  rotate.addOption(classOption())
  rotate.addHelpText('after', example(`${WEIR} rotate --class epoch`, `${WEIR} rotate --class epoch --json`))
  rotate.action((options: CommonOptions & { class: Rollable }) =>
    withKeys(async (context) => {
      const rolled = await rollKey(await depsOf(context, 'rewrap'), options.class)
      const anew = options.class === 'epoch' ? ` ${rolled.rewrapped} keys of subjects were wrapped anew.` : ''
      answer(options, rolled, `Key ${rolled.class}/${rolled.kid} is active now.${anew}`)
    }),
  )
}

function registerKeep(keep: Command): void {
  keep.description("do what the policy's schedule asks for now: begin an epoch, destroy what is past its time")
  keep.addHelpText('after', '\nThe gateway does it every hour, where its rights at the provider allow it.')
  keep.addHelpText('after', example(`${WEIR} keep --json`))
  keep.action((options: CommonOptions) =>
    withKeys(async (context) => {
      const kept = await keepKeys(await depsOf(context, 'rewrap'), context.policy.keys)
      const begun = kept.epoch === undefined ? 'No epoch began.' : `Epoch ${kept.epoch} began.`
      answer(
        options,
        kept,
        `${begun} Destroyed: ${kept.destroyed.length === 0 ? 'none' : kept.destroyed.join(', ')}.${kept.waiting.length === 0 ? '' : ` Still needed, though past its time: ${kept.waiting.join(', ')}.`}`,
      )
    }),
  )
}

function registerRenew(renew: Command): void {
  renew.description('give one subject a new key, for when its key is known to somebody, and seal its content anew')
  renew.argument('<subject>', 'random id of the subject, a UUID')
  renew.addHelpText(
    'after',
    '\nThe old key goes with the housekeeping, an hour later: events under way may use it until then.',
  )
  renew.addHelpText('after', example(`${WEIR} renew 6f1c9d1e-7a52-4a0b-9a55-0b8a4f2d9c11`))
  renew.action((subject: string, options: CommonOptions) =>
    withKeys(async (context) => {
      const id = z.uuid().safeParse(subject)
      if (!id.success) throw new AppError('invalid', 'the subject is a UUID', { code: 'usage' })
      const { db } = context
      const keyring = await context.openKeyring()
      const classNames = await readClassNames(db)
      const made = await renewSubjectKey({ db, keyring, classNames, now: Date.now, actor: 'cli' }, subjectId(id.data))
      answer(options, made, `Its key has version ${made.keyVersion} now; ${made.resealed} records were sealed anew.`)
    }),
  )
}

function registerDestroy(destroy: Command): void {
  destroy.description('destroy keys that only open, for good: every backup that needs them becomes useless')
  destroy.addOption(classOption())
  destroy.requiredOption('--kid <number>', 'the newest to destroy; older ones of the class go with it', wholeNumber)
  destroy.addHelpText('after', example(`${WEIR} destroy --class epoch --kid 1`))
  destroy.action((options: CommonOptions & { class: Rollable; kid: number }) =>
    withKeys(async (context) => {
      const destroyed = await destroyKeys(await depsOf(context, 'destroy'), options.class, options.kid)
      const { horizon } = await keysStatus(context, context.policy.keys, Date.now())
      const lines = destroyed.map(
        (one) => `Key ${one.class}/${one.kid} is destroyed, for good from ${one.unrecoverableAt ?? 'now'} on.`,
      )
      answer(options, { destroyed, horizon }, lines.join('\n'))
    }),
  )
}

const APART = 'Keep it apart from every backup of the database: who has both can read it.'

function registerBackup(backup: Command): void {
  backup.description("seal every key to a recovery passphrase, or to officers' public keys, in a new file")
  backup.argument('<file>', 'new file, neither in the data directory nor beside a backup of the database')
  backup.option('--passphrase-file <file>', 'the recovery passphrase: another one than that of the keyset')
  backup.option('--to <file...>', "officers' public keys, a JWK (P-256 or X25519) a file; any one of them opens it")
  backup.addHelpText('after', `\n${APART}`)
  backup.addHelpText('after', example(`${WEIR} backup /media/safe/keys.json --passphrase-file /etc/weir/recovery`))
  backup.action((file: string, options: CommonOptions & { passphraseFile?: string; to?: string[] }) =>
    withKeys(async (context) => {
      const made = await backupKeys(
        backupDeps(context),
        file,
        await sealTo(options, context.config.mode),
        context.policy.keys.keyBackupDays,
      )
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

function registerVerify(verify: Command): void {
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

function registerRestore(restore: Command): void {
  restore.description(
    "put the keys of a copy under this installation's root, after it was lost or beside a restored database",
  )
  addOpening(restore.argument('<file>', 'what weir keys backup made'))
  restore.addHelpText('after', example(`${WEIR} restore /media/safe/keys.json --passphrase-file /etc/weir/recovery`))
  restore.action((file: string, options: CommonOptions & Opening) =>
    withKeys(async (context) => {
      const found = await restoreKeys(backupDeps(context), file, await openWith(options))
      if (found.missing.length > 0) process.exitCode = 1
      const missing =
        found.missing.length === 0
          ? ''
          : ` Not in the copy: ${found.missing.join(', ')}: what they sealed stays closed.`
      answer(options, found, `Put ${found.same.length} keys under ${context.provider.uri}.${missing} Start Weir.`)
    }),
  )
}

function registerInventory(command: Command): void {
  command.description('list every column with what it holds, what protects it, under which key, and for how long')
  command.addHelpText('after', example(`${WEIR} inventory`, `${WEIR} inventory --json`))
  command.action((options: CommonOptions) =>
    withKeys(async ({ db, policy }) => {
      const found = await inventory(db, policy)
      if (found.uncovered.length > 0) process.exitCode = 1
      const rows = found.columns.map((one) => [
        `${one.table}.${one.column}`,
        one.fieldClass,
        one.suite,
        one.keyClass,
        one.retention,
      ])
      const table = columns(['column', 'field class', 'suite', 'key', 'kept'], rows)
      const uncovered = found.uncovered.length === 0 ? '' : `\n\nNot described: ${found.uncovered.join(', ')}`
      answer(options, found, table + uncovered)
    }),
  )
}

async function sealTo(
  options: { passphraseFile?: string; to?: string[] },
  mode: 'development' | 'production',
): Promise<SealTo> {
  const { passphraseFile, to } = options
  if ((passphraseFile === undefined) === (to === undefined)) throw oneOf('--passphrase-file or --to')
  if (passphraseFile !== undefined) return { passphrase: await readPassphrase(passphraseFile), kdf: KDF_DEFAULTS[mode] }
  return { publicKeys: await Promise.all(to!.map(async (file) => jwkOf(await readFile(file, 'utf8'), file))) }
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,7}$/.test(text))
    throw new AppError('invalid', '--kid takes the number of a key, for instance 1', { code: 'usage' })
  return Number(text)
}

async function depsOf(context: WithKeys, label: string): Promise<KeyDeps> {
  const { db, provider } = context
  const keyring = await context.openKeyring()
  return { db, provider, keyring, now: Date.now, actor: 'cli', progress: showProgress(label) }
}

function backupDeps({ db, provider, config }: WithKeys) {
  return { db, provider, now: Date.now, dataDir: config.dataDir }
}
