import { dirname } from 'node:path'
import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import { makeDevelopmentPassphrase } from '../keys/development.ts'
import { initKeys } from '../keys/init.ts'
import { inventory } from '../keys/inventory.ts'
import { readKeys, unwrapKey } from '../keys/key-table.ts'
import { keysetPath, makeRemoteRoot, passphraseFor } from '../keys/open.ts'
import type { ModulePseudonyms } from '../keys/pseudonyms-in-use.ts'
import { type KeysStatus, keysStatus } from '../keys/status.ts'
import { registerBackup, registerDiscard, registerRestore, registerVerify } from './keys-copies.ts'
import { registerDrill } from './keys-drill.ts'
import { registerReindex } from './keys-reindex.ts'
import { registerDestroy, registerKeep, registerRenew, registerRotate, uncopiedText } from './keys-rotation.ts'
import { answer, type CommonOptions, columns, example } from './output.ts'
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
  registerDiscard(command.command('discard'))
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
    if (settings.mode === 'development' && settings.passphraseFile === undefined) {
      await makeDevelopmentPassphrase(dirname(path))
    }
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
      const problem = await whyClosed({ db, provider })
      if (problem !== undefined) process.exitCode = 1
      const opens = problem === undefined
      const first = opens ? `${provider.uri} opens this database.` : `It does NOT open: ${problem}.`
      answer(
        options,
        { provider: provider.uri, opens, ...(opens ? {} : { problem }), ...found },
        `${first}\n\n${statusText(found)}`,
      )
    }),
  )
}

/** Why the root is not that of this database's keys; undefined where it opens one of them, or where there are none yet. */
async function whyClosed({ db, provider }: Pick<WithKeys, 'db' | 'provider'>): Promise<string | undefined> {
  const row = (await readKeys(db)).find((one) => one.state === 'active')
  if (row === undefined || row.wrapped === null) return undefined
  try {
    await unwrapKey(provider, row, row.wrapped)
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
}

function statusText({ classes, horizon, backups, modules, uncopied }: KeysStatus): string {
  const list = (kids: readonly number[]): string => (kids.length === 0 ? '-' : kids.join(', '))
  const rows = classes.map((one) => [one.class, String(one.active ?? '-'), list(one.decryptOnly), list(one.destroyed)])
  const reach = horizon.epochs.map((one) => [
    String(one.kid),
    one.erasedBefore ?? 'now',
    Date.parse(one.unrecoverableAfter) <= Date.now() ? 'beyond reach' : one.unrecoverableAfter,
  ])
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
    ...(modules.length === 0
      ? []
      : [columns(['module', 'pseudonym root', 'lasts', 'rebuilt'], modules.map(moduleRow)), '']),
    'From when on nobody can decrypt what was erased, in whatever backup:',
    columns(['epoch', 'erased before', 'beyond reach after'], reach),
    '',
    copies.length === 0
      ? 'No copy of the keys is known: weir keys backup makes one.'
      : columns(['copy of the keys', 'made', 'expires', 'verified', 'holds destroyed'], copies),
    uncopiedText(uncopied),
  ].join('\n')
}

function moduleRow({ module, root, rollingDays, rebuilt }: ModulePseudonyms): string[] {
  const lasts = rollingDays === null ? 'as the root' : `${rollingDays} days`
  return [module, root === null ? 'unknown' : String(root), lasts, rebuilt === null ? 'yes' : percent(rebuilt)]
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`
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
