import { createSecretKey, randomBytes } from 'node:crypto'
import pg from 'pg'
import { expect, test } from 'vitest'
import { appendEntries } from '../../../src/audit/log.ts'
import { logSigningKey } from '../../../src/audit/log-key.ts'
import { createSequencer } from '../../../src/audit/sequencer.ts'
import { openPool } from '../../../src/db/pool.ts'
import { createLog } from '../../../src/log.ts'
import { createMetrics } from '../../../src/metrics.ts'
import { createTestDatabase } from '../../support/test-database.ts'

const key = logSigningKey(createSecretKey(Buffer.alloc(32, 7)))

/** Enters something and has it signed, as a gateway over this database does. @returns the origins so far */
async function signIn(url: string, what: string, { restored = false } = {}): Promise<string[]> {
  const db = openPool({ url })
  try {
    if (restored) await db.$client.query(`insert into weir.audit_break (reason) values ('restore')`)
    await appendEntries(db, [
      { actor: 'weir', action: 'test.append', resource: what, purpose: 'test', outcome: 'done' },
    ])
    const log = createLog({ level: 'silent' })
    await createSequencer({ db, key, publicUrl: 'https://weir.example', log, metrics: createMetrics() }).step()
    const { rows } = await db.$client.query<{ origin: string }>('select origin from weir.audit_shard order by shard')
    return rows.map(({ origin }) => origin)
  } finally {
    await db.$client.end()
  }
}

test.each([
  ['has a log', 1],
  ['is from before the first entry', 0],
])(
  'a backup that %s and is restored twice goes on under two origins, neither of them the old one',
  async (_, before) => {
    const database = await createTestDatabase()
    const backup = `weir_test_${randomBytes(6).toString('hex')}`
    const superuser = new pg.Client({ connectionString: database.superuserUrl.replace(/\/[^/]+$/, '/postgres') })
    await superuser.connect()
    try {
      if (before > 0) await signIn(database.ownerUrl, 'before the backup')
      await superuser.query(`create database ${backup} template ${database.name} owner weir_owner`)
      const lost = await signIn(database.ownerUrl, 'lost')
      const first = await signIn(database.ownerUrl, 'after one restore', { restored: true })
      const second = await signIn(database.ownerUrl.replace(/\/[^/]+$/, `/${backup}`), 'after another', {
        restored: true,
      })
      const all = [lost.at(-1), first.at(-1), second.at(-1)]
      expect(new Set(all).size).toBe(3)
      for (const origin of all.slice(1)) expect(origin).toMatch(/^weir\.example\/audit\/\d{4}-\d{7,9}$/)
    } finally {
      await superuser.query(`drop database if exists ${backup} with (force)`)
      await superuser.end()
      await database.drop()
    }
  },
)
