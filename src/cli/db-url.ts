import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { findEmbedded } from '../db/embedded.ts'
import { AppError } from '../errors.ts'
import { answer, type CommonOptions, example } from './output.ts'

export function register(command: Command): void {
  command.addHelpText('after', example('psql "$(npm run -s weir -- db-url)"'))
  command.action(async (options: CommonOptions) => {
    const { config, secrets } = readConfig()
    const url = secrets.databaseUrl ?? (await findEmbedded(config.dataDir))?.ownerUrl
    if (url === undefined) {
      throw new AppError(
        'conflict',
        `no database runs under ${config.dataDir}: start Weir, or set WEIR_DATA_DIR as it is set there`,
      )
    }
    answer(options, { url }, url)
  })
}
