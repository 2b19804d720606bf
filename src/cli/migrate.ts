import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { openDatabase } from '../db/database.ts'
import { explained } from '../db/explained.ts'
import { migrate } from '../db/migrate.ts'
import { openPool } from '../db/pool.ts'
import { answer, type CommonOptions, commandLog, example } from './output.ts'

export function register(command: Command): void {
  command.addHelpText(
    'after',
    example('npm run -s weir -- migrate', 'DATABASE_URL=postgres://… npm run -s weir -- migrate --json'),
  )
  command.action(async (options: CommonOptions) => {
    const { config, secrets } = readConfig()
    const database = await openDatabase(config, secrets, commandLog(config.log.level))
    const owner = openPool({ ...database.owner, max: 1, applicationName: 'weir-migrate' })
    try {
      const applied = await explained(() => migrate(owner))
      answer(options, { applied }, applied === 0 ? 'Nothing to apply.' : `Applied ${applied} migrations.`)
    } finally {
      await owner.$client.end()
      await database.stop()
    }
  })
}
