import { resolve } from 'node:path'
import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { refuseServer } from '../db/backup.ts'
import { restore } from '../db/restore.ts'
import { answer, type CommonOptions, commandLog, example, showProgress } from './output.ts'

export function register(command: Command): void {
  command.argument('<dir>', 'folder that `weir backup` made')
  command.addHelpText(
    'after',
    '\nThe data directory must hold no database. Put the keyset that belongs to it back yourself.',
  )
  command.addHelpText('after', example('WEIR_DATA_DIR=/srv/weir npm run -s weir -- restore /srv/backups/2026-01-31'))
  command.action(async (dir: string, options: CommonOptions) => {
    const { config, secrets } = readConfig()
    refuseServer(secrets)
    const log = commandLog(config.log.level)
    const made = await restore({ from: resolve(dir), dataDir: config.dataDir, log, progress: showProgress('restore') })
    const text = `Restored ${made.files} files, ${made.bytes} bytes, and opened the database once.`
    answer(
      options,
      { ...made, dataDir: config.dataDir },
      `${text}\nPut the keyset that belongs to it in place, then start Weir.`,
    )
  })
}
