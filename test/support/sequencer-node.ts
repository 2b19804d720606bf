/**
 * A process that does nothing but append to the audit log and, where no other does, take it into the tree. Tells its parent of
 * each batch that is durable. Arguments: URL of the database, name of the node.
 */
import { createSecretKey } from 'node:crypto'
import { appendEntries } from '../../src/audit/log.ts'
import { logSigningKey } from '../../src/audit/log-key.ts'
import { createSequencer } from '../../src/audit/sequencer.ts'
import { openPool } from '../../src/db/pool.ts'
import { createLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics.ts'

const [url, name] = process.argv.slice(2)
const db = openPool({ url: url!, max: 4, applicationName: `node-${process.pid}` })
const key = logSigningKey(createSecretKey(Buffer.alloc(32, 7)))
const log = createLog({ level: 'fatal' })
const sequencer = createSequencer({ db, key, publicUrl: 'http://weir.test', log, metrics: createMetrics() })
sequencer.start()
process.on('disconnect', () => process.exit(0))

for (let batch = 0; ; batch++) {
  const size = 1 + (batch % 40)
  const entries = Array.from({ length: size }, (_, i) => ({
    actor: 'weir',
    action: 'test.append',
    resource: `node:${name}/${process.pid}/${batch}/${i}`,
    purpose: 'test',
    outcome: 'done' as const,
  }))
  await appendEntries(db, entries)
  process.send!({ durable: entries.map(({ resource }) => resource) })
}
