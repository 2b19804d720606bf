/**
 * A process that does nothing but carry requests of people out, again and again, until it is killed. Tells its parent when
 * nothing is due. Arguments: URL of the database, folder of the keyset, ledger of erasures, minutes by which its clock is ahead.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createApp } from '../../src/app.ts'
import { openPool } from '../../src/db/pool.ts'
import { ensureKeysIn } from '../../src/keys/development.ts'
import { openFileProvider } from '../../src/keys/providers/file.ts'
import { createLog } from '../../src/log.ts'

const [url, keys, ledger, ahead] = process.argv.slice(2)
process.on('disconnect', () => process.exit(0))

const app = await createApp({
  config: {
    mode: 'development',
    policyDir: join(import.meta.dirname, '..', '..', 'policies'),
    http: { host: '127.0.0.1', port: 0, publicUrl: 'http://weir.test', trustProxy: false, workers: 1, queueLimit: 100 },
    rights: { ledger: ledger!, coolingHours: 0 },
  },
  db: openPool({ url: url!, applicationName: `erasing-${process.pid}` }),
  keys: await openFileProvider(await ensureKeysIn(keys!, { kdf: { m: 19_456, t: 2, p: 1 } })),
  log: createLog({ level: 'fatal', to: 'stderr' }),
  now: () => Date.now() + Number(ahead) * 60_000,
})
process.send!({ ready: true })
for (;;) {
  await app.rights.processAll()
  await app.delivery.processAll()
  process.send!({ idle: true })
  await delay(20)
}
