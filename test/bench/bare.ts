// The bare pipeline that ingest is held against: express 5, express.json, one multi-row insert a group, no protection.
import express from 'express'
import pg from 'pg'
import { createLane } from '../../src/pipeline/lane.ts'

const pool = new pg.Pool({ connectionString: process.argv[2], max: 4 })
await pool.query(
  'create table if not exists bare_event (message_id text, body jsonb, received_at timestamptz default now())',
)

interface Waiting {
  readonly event: { messageId: string }
  done(): void
}

async function insert(group: readonly Waiting[]): Promise<void> {
  await pool.query('insert into bare_event (message_id, body) select * from unnest($1::text[], $2::jsonb[])', [
    group.map(({ event }) => event.messageId),
    group.map(({ event }) => JSON.stringify(event)),
  ])
  for (const one of group) one.done()
}

const lanes = [createLane(insert, 1000), createLane(insert, 1000)]
let turn = 0

function keep(event: { messageId: string }): Promise<void> {
  return new Promise((done) => lanes[turn++ % 2]!.push({ event, done }))
}

const app = express()
app.use(express.json({ limit: '512kb' }))
app.post('/v1/track', async (request, response) => {
  await keep(request.body)
  response.json({ success: true })
})
app.post('/v1/batch', async (request, response) => {
  await Promise.all(request.body.batch.map(keep))
  response.json({ success: true })
})
const server = app.listen(Number(process.argv[3]), '127.0.0.1', () => process.send?.('ready'))
process.once('SIGTERM', () => {
  server.closeAllConnections()
  server.close()
  void pool.end().then(() => process.exit(0))
})
