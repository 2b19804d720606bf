import { readdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { backup, refuseServer } from '../db/backup.ts'
import { AppError } from '../errors.ts'
import { isKeyCopy } from '../keys/backup-file.ts'
import { answer, type CommonOptions, commandLog, example, showProgress } from './output.ts'

const KEYS =
  'The keys are not in it, by design: who has both can read it. Keep the keyset and its passphrase elsewhere.'

/** Who has the data and the keys can read everything: they are never put in one place by us. */
async function refuseBesideKeys(dir: string): Promise<void> {
  const folder = dirname(dir)
  for (const name of await readdir(folder).catch(() => [])) {
    if (!(await isKeyCopy(join(folder, name)))) continue
    const message = `a copy of the keys lies beside it (${name}): keep them apart, name another place`
    throw new AppError('invalid', message, { code: 'key-backup-place' })
  }
}

export function register(command: Command): void {
  command.argument('<dir>', 'folder to make; it must be empty or not there').addHelpText('after', `\n${KEYS}`)
  command.addHelpText('after', example('npm run -s weir -- backup /srv/backups/2026-01-31'))
  command.action(async (dir: string, options: CommonOptions) => {
    const { config, secrets } = readConfig()
    refuseServer(secrets)
    await refuseBesideKeys(resolve(dir))
    const log = commandLog(config.log.level)
    const made = await backup({ dataDir: config.dataDir, to: resolve(dir), log, progress: showProgress('backup') })
    const text = `Backed up ${made.files} files, ${made.bytes} bytes, to ${made.dir} (up to ${made.stopLsn}).\n${KEYS}`
    answer(options, { ...made, keysIncluded: false }, text)
  })
}
