import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { initKeys } from '../keys/init.ts'
import { keysetPath, passphraseFor } from '../keys/open.ts'
import { openFileProvider } from '../keys/providers/file.ts'
import { answer, type CommonOptions, example } from './output.ts'

const SETTINGS = 'WEIR_KEYS says where the keyset lies, WEIR_KEYS_PASSPHRASE_FILE names the file with its passphrase.'

export function register(command: Command): void {
  command.addHelpText('after', `\n${SETTINGS}`)
  const init = command.command('init').description('make the keyset of a new installation; never replaces one')
  init.addHelpText('after', example('WEIR_KEYS_PASSPHRASE_FILE=/etc/weir/passphrase npm run -s weir -- keys init'))
  init.action(async (options: CommonOptions) => {
    const { config } = readConfig()
    const settings = { ...config.keys, mode: config.mode }
    const path = keysetPath(settings.uri)
    await initKeys({ path, passphrase: await passphraseFor(settings) })
    const text = `Made ${path}. Back it up and its passphrase, apart from the database and from each other: without them nothing sealed opens again.`
    answer(options, { keyset: path }, text)
  })
  const status = command.command('status').description('open the keyset and show its roots by number, never a key')
  status.addHelpText('after', example('npm run -s weir -- keys status', 'npm run -s weir -- keys status --json'))
  status.action(async (options: CommonOptions) => {
    const { config } = readConfig()
    const settings = { ...config.keys, mode: config.mode }
    const path = keysetPath(settings.uri)
    const provider = await openFileProvider({ path, passphrase: await passphraseFor(settings) })
    await provider.health()
    answer(options, { provider: provider.uri, opens: true }, `${provider.uri} opens.`)
  })
}
