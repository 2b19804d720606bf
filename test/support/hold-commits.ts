import pg from 'pg'
import type { TestApp } from './test-app.ts'

/** Takes the lock under which log rows are numbered: groups wait with their commit until it is released. */
export async function holdCommits(weir: TestApp): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: weir.database.ownerUrl })
  await client.connect()
  await client.query('select pg_advisory_lock(20001, 0)')
  return () => client.end()
}

/** Events that wait for their commit, as the gateway's own metric says. */
export async function queued(weir: TestApp): Promise<number> {
  const { text } = await weir.server.get('/metrics')
  return Number(/^weir_intake_queued_events (\d+)$/m.exec(text)?.[1] ?? 0)
}
