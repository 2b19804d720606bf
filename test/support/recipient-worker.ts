import { openPool } from '../../src/db/pool.ts'
import { createSafeCall } from '../../src/destinations/safe-call.ts'
import { createRecipientWorker } from '../../src/destinations/worker.ts'
import { openKeyring } from '../../src/keys/keyring.ts'
import { openFileProvider } from '../../src/keys/providers/file.ts'
import { createLog } from '../../src/log.ts'

// A worker in a process of its own, to be killed: tells what is due, and ends. Its argument is its place, as JSON.
const { url, keyset } = JSON.parse(process.argv[2] ?? '') as {
  url: string
  keyset: { path: string; passphrase: string }
}
const db = openPool({ url })
const keyring = await openKeyring(
  db,
  await openFileProvider({ ...keyset, passphrase: Buffer.from(keyset.passphrase, 'base64') }),
)
const worker = createRecipientWorker({
  db,
  keyring,
  call: createSafeCall({ mode: 'development', totalMs: 60_000 }),
  now: Date.now,
  publicUrl: 'http://weir.test',
  log: createLog({ level: 'warn', to: 'stderr' }),
})
await worker.processAll()
await db.$client.end()
