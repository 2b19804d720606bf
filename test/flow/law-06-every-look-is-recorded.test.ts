import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, createTestApp, order, type TestApp } from '../support/test-app.ts'

let weir: TestApp
/** Every way to see something of a person, or of all of them, with the action that stands for it in the log. */
const looks: { action: string; look: () => Promise<Answer>; shows: string }[] = []

beforeAll(async () => {
  weir = await createTestApp()
  await weir.grant('alice', 'personalisation')
  await weir.send({ ...order('alice', 'o-1', ['tea', 'cup']), messageId: 'look-at-me' })
  await weir.settle()
  const auditor = await weir.token('auditor')
  const alice = { 'weir-user-id': 'alice' }
  looks.push(
    { action: 'decision.read', look: () => auditor.get('/api/decisions/look-at-me'), shows: 'Order Completed' },
    { action: 'consent.read', look: () => weir.server.get('/v1/consent', alice), shows: 'personalisation' },
    {
      action: 'recommendation.read',
      look: () => weir.server.get('/v1/recommendations?placement=for_you', alice),
      shows: '"mode":"personal"',
    },
    { action: 'totals.read', look: () => auditor.get('/api/totals?from=2026-01-01&to=2026-01-02'), shows: '"k":10' },
    { action: 'attribution.read', look: () => auditor.get('/api/attribution/credit'), shows: '"model":"last"' },
    { action: 'audit.read', look: () => auditor.get('/api/audit/entries'), shows: 'decision.read' },
  )
})
afterAll(() => weir.stop())

async function entries(): Promise<{ action: string; outcome: string }[]> {
  return (await weir.entries()).map(({ action, outcome }) => ({ action, outcome }))
}

test('each look leaves one entry, and is answered with what was asked', async () => {
  for (const { action, look, shows } of looks) {
    const before = await entries()
    const { status, text } = await look()
    expect({ action, status, shown: text.includes(shows) }).toEqual({ action, status: 200, shown: true })
    expect((await entries()).slice(before.length)).toEqual([{ action, outcome: 'released' }])
  }
})

test('a decision that is not there is looked for, and that is entered too', async () => {
  const auditor = await weir.token('auditor')
  expect((await auditor.get('/api/decisions/never-sent')).status).toBe(404)
  expect((await entries()).at(-1)).toEqual({ action: 'decision.read', outcome: 'refused' })
})

test('a look that the role does not allow is refused, and entered', async () => {
  const analyst = await weir.token('analyst')
  expect((await analyst.get('/api/decisions/look-at-me')).status).toBe(403)
  expect((await analyst.get('/api/audit/entries')).status).toBe(403)
  expect((await entries()).slice(-2)).toEqual([
    { action: 'decision.read', outcome: 'refused' },
    { action: 'audit.read', outcome: 'refused' },
  ])
})

describe('while the log cannot be written', () => {
  beforeAll(async () => {
    await weir.owner.$client.query('revoke insert on weir.audit_queue from weir_app')
  })
  afterAll(async () => {
    await weir.owner.$client.query('grant insert on weir.audit_queue to weir_app')
  })

  test('nothing is shown', async () => {
    const before = await entries()
    for (const { action, look, shows } of looks) {
      const { status, text } = await look()
      const failed = ['consent.read', 'recommendation.read'].includes(action) ? 503 : 500 // shops are told to ask again
      expect({ action, status, shown: text.includes(shows) }).toEqual({ action, status: failed, shown: false })
    }
    expect(await entries()).toEqual(before)
  })

  test('events are still taken and choices still made: neither shows anything', async () => {
    expect(await weir.send(order('alice', 'o-2', ['tea']))).toEqual(['accepted'])
    await weir.refuse('bob', 'personalisation')
  })
})

test.each(['update weir.audit_entry set actor = $1', 'delete from weir.audit_entry where actor = $1'])(
  'neither the gateway nor the owner can: %s',
  async (change) => {
    for (const who of [weir.db, weir.owner]) {
      await expect(who.$client.query(change, ['weir'])).rejects.toMatchObject({ code: '42501' })
    }
  },
)

describe('while nothing is taken into the tree', () => {
  beforeAll(async () => {
    const { body } = await (await weir.token('auditor')).get('/api/audit/entries?limit=1')
    expect(body.entries).toHaveLength(1)
    // An entry that was durable a minute ago and is not in the tree: whoever should take it in cannot.
    await weir.owner.$client.query(
      `insert into weir.audit_queue (at, actor, action, resource, purpose, outcome)
       values (now() - interval '1 minute', 'weir', 'test.waits', 'test', 'test', 'done')`,
    )
    await weir.owner.$client.query('revoke execute on function weir.audit_extend from weir_sequencer')
  })
  afterAll(() => weir.owner.$client.query('grant execute on function weir.audit_extend to weir_sequencer'))

  test('nothing is shown, and whoever asks is told to come again; events are taken', async () => {
    for (const { action, look, shows } of looks) {
      const { status, headers, text } = await look()
      expect({ action, status, shown: text.includes(shows) }).toEqual({ action, status: 503, shown: false })
      expect(headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    }
    expect(await weir.send(order('alice', 'o-3', ['tea']))).toEqual(['accepted'])
  })
})

test('once it is taken in again, all of it is there: what was refused meanwhile too', async () => {
  const before = (await weir.entries()).length
  expect((await weir.entries('test.waits')).length).toBe(1)
  const { status } = await (await weir.token('auditor')).get('/api/audit/entries')
  expect(status).toBe(200)
  expect((await weir.entries()).length).toBe(before + 1)
})

describe('while the database is read-only', () => {
  beforeAll(() => readOnly('on'))
  afterAll(() => readOnly('off'))

  /** In this database, for the connections that there are, and those to come. */
  async function readOnly(state: 'on' | 'off'): Promise<void> {
    await asSuperuser(
      `alter role weir_app in database ${weir.database.name} set default_transaction_read_only = ${state}`,
    )
    await weir.owner.$client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'weir_app'`,
    )
  }

  test('nothing is shown and no event is taken: both are told to come again', async () => {
    for (const { action, look, shows } of looks) {
      const { status, text } = await look()
      expect({ action, refused: status >= 500, shown: text.includes(shows) }).toEqual({
        action,
        refused: true,
        shown: false,
      })
    }
    const answer = await weir.server.post('/v1/batch', { batch: [order('alice', 'o-4', ['tea'])] })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)])
  })
})

async function asSuperuser(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: weir.database.superuserUrl })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
