import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { run } from '../main.ts'
import { example } from './output.ts'

export function register(command: Command): void {
  command.addHelpText(
    'after',
    example('npm start', 'WEIR_PORT=9000 WEIR_DATA_DIR=/var/lib/shop npm run -s weir -- start'),
  )
  command.action(async () => {
    const { config, secrets } = readConfig()
    await run({ config, secrets, log: createLog({ level: config.log.level }) })
  })
}
