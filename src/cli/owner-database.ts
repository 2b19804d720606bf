import { type AuditEntry, appendEntries } from '../audit/log.ts'
import { readConfig } from '../config.ts'
import { findEmbedded } from '../db/embedded.ts'
import { explained } from '../db/explained.ts'
import { type Db, openPool, type Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'

/** Runs `work` over the running database as its owner: what the gateway's own role may only read is changed here. */
export async function withOwnerDatabase<T>(work: (db: Db) => Promise<T>): Promise<T> {
  const { config, secrets } = readConfig()
  const url = secrets.databaseUrl ?? (await findEmbedded(config.dataDir))?.ownerUrl
  if (url === undefined) {
    throw new AppError('conflict', `no database runs under ${config.dataDir}: start Weir first, or set DATABASE_URL`)
  }
  const db = openPool({ url, max: 1, applicationName: 'weir-cli' })
  try {
    return secrets.databaseUrl === undefined ? await work(db) : await explained(() => work(db))
  } finally {
    await db.$client.end()
  }
}

/** What a change was, and to what: the entry that stands for it in the audit log. */
export type Done = Pick<AuditEntry, 'action' | 'resource'>

/** One change as the owner and its entry in the audit log, in one transaction: neither is there without the other. */
export function changeAsOwner<T>(work: (tx: Tx) => Promise<readonly [result: T, done: Done]>): Promise<T> {
  return withOwnerDatabase((db) => changeIn(db, work))
}

/** The same over a database that is open as its owner already. */
export function changeIn<T>(db: Db, work: (tx: Tx) => Promise<readonly [result: T, done: Done]>): Promise<T> {
  return transaction(db, async (tx) => {
    const [result, done] = await work(tx)
    await appendEntries(tx, [{ ...done, actor: 'cli', purpose: 'administration', outcome: 'done' }])
    return result
  })
}
