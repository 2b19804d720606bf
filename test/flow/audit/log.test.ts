import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../../src/audit/checkpoint.ts'
import { decisionHash } from '../../../src/audit/decisions.ts'
import { bodyOf, type EntryRow } from '../../../src/audit/entry.ts'
import { parseTlogProof, verifyTlogProof } from '../../../src/audit/tlog-proof.ts'
import { leafHash, treeHash, verifyInclusion } from '../../../src/audit/tree.ts'
import { parseVerifierKey } from '../../../src/audit/verifier-key.ts'
import type { JsonObject } from '../../../src/event/event.ts'
import { type Caller, createTestApp, newDevice, order, speakingFor, type TestApp } from '../../support/test-app.ts'

let weir: TestApp
let auditor: Caller

beforeAll(async () => {
  weir = await createTestApp()
  auditor = await weir.token('auditor')
  await weir.grant('ann', 'personalisation', 'analytics')
  await weir.send({ ...order('ann', 'o-1', ['tea', 'cup']), messageId: 'ann-bought' })
  await weir.send({ ...order('eve', 'o-2', ['tea']), messageId: 'eve-bought' })
})
afterAll(() => weir.stop())

async function logKey() {
  const { rows } = await weir.owner.$client.query<{ vkey: string }>('select vkey from weir.audit_shard order by shard')
  return rows.map((row) => parseVerifierKey(row.vkey))
}

interface Listed {
  readonly index: number
  readonly action: string
  readonly resource: string
  readonly more: { readonly [key: string]: unknown } | null
}

async function list(query = ''): Promise<Listed[]> {
  const { status, body, text } = await auditor.get(`/api/audit/entries?limit=1000${query}`)
  expect([status, status === 200 ? '' : text]).toEqual([200, ''])
  return body.entries as unknown as Listed[]
}

describe('the tree', () => {
  test('has every entry, without a gap, under a checkpoint that its key signed', async () => {
    const entries = await list()
    expect(entries.map(({ index }) => index)).toEqual(entries.map((_, i) => i))
    const { text } = await auditor.get('/api/audit/checkpoint')
    const { checkpoint } = openCheckpoint(text, await logKey())
    const { rows } = await weir.owner.$client.query<EntryRow & { leaf: Buffer }>(
      'select * from weir.audit_entry order by index',
    )
    expect(checkpoint.origin).toBe(`weir.test/audit/${new Date().getUTCFullYear()}`)
    expect(Number(checkpoint.size)).toBe(rows.length)
    expect(rows.map((row) => leafHash(bodyOf(row)))).toEqual(rows.map((row) => row.leaf))
    expect(treeHash(rows.map((row) => row.leaf))).toEqual(checkpoint.root)
  })

  test('proves each of its entries to whoever has nothing but the key', async () => {
    const keys = await logKey()
    for (const { index, action } of (await list()).slice(-5)) {
      const { text } = await auditor.get(`/api/audit/entries/${index}/proof`)
      expect(verifyTlogProof(text, { log: keys })).toMatchObject({ outcome: 'valid' })
      expect(JSON.parse(parseTlogProof(text).extra!.toString())).toMatchObject({ v: 1, action })
      const other = text.replace(/^extra .*$/m, `extra ${Buffer.from('{"v":1}').toString('base64')}`)
      expect(verifyTlogProof(other, { log: keys }).outcome).toBe('inclusion')
    }
    expect((await auditor.get('/api/audit/entries/123456/proof')).status).toBe(404)
    expect((await auditor.get('/api/audit/entries/-1/proof')).status).toBe(400)
  })

  test('shows its checkpoints, each consistent in size with the one before', async () => {
    const { body } = await auditor.get('/api/audit/checkpoints?limit=3')
    const sizes = (body.checkpoints as { size: number }[]).map(({ size }) => size)
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
    expect(sizes).toHaveLength(3)
    const { body: more } = await auditor.get(`/api/audit/checkpoints?limit=2&cursor=${body.next as string}`)
    expect((more.checkpoints as { size: number }[])[0]!.size).toBeLessThan(sizes[2]!)
  })
})

describe('a decision', () => {
  async function proof(messageId: string): Promise<JsonObject> {
    const { status, body } = await auditor.get(`/api/decisions/${messageId}/proof`)
    expect(status).toBe(200)
    return body
  }

  test.each(['ann-bought', 'eve-bought'])(
    'of %s is proved to be the one that was made, by its salt',
    async (messageId) => {
      const body = (await proof(messageId)) as unknown as Record<'record' | 'salt' | 'root' | 'receipt', string> & {
        leaf: number
        leaves: number
        path: string[]
      }
      const bytes = (text: string): Buffer => Buffer.from(text, 'base64')
      const hash = decisionHash(bytes(body.salt), bytes(body.record))
      const claim = {
        leaf: leafHash(hash),
        index: BigInt(body.leaf),
        size: BigInt(body.leaves),
        root: bytes(body.root),
        proof: body.path.map(bytes),
      }
      expect(verifyInclusion(claim)).toBe(true)
      expect(verifyTlogProof(body.receipt, { log: await logKey() }).outcome).toBe('valid')
      const entry = JSON.parse(parseTlogProof(body.receipt).extra!.toString()) as JsonObject
      expect(entry).toMatchObject({ action: 'intake.decide', root: body.root, decisions: body.leaves })
    },
  )

  test('lies under a salt of its own, which nobody can guess', async () => {
    const { rows } = await weir.owner.$client.query<{ salt: Buffer }>('select salt from weir.event_log where kind = 0')
    expect(rows.length).toBeGreaterThan(1)
    expect(rows.every(({ salt }) => salt.length === 16 && salt.some((byte) => byte !== 0))).toBe(true)
    expect(new Set(rows.map(({ salt }) => salt.toString('hex'))).size).toBe(rows.length)
  })

  test('that was changed in the log afterwards is not proved any more', async () => {
    await weir.send({ ...order('ann', 'o-3', ['tea']), messageId: 'to-change' })
    await proof('to-change')
    const { rows } = await weir.owner.$client.query<{ pos: bigint }>('select max(pos) as pos from weir.event_log')
    await weir.owner.$client.query('update weir.event_log set routes = routes # 1 where pos = $1', [rows[0]!.pos])
    expect((await auditor.get('/api/decisions/to-change/proof')).status).toBe(409)
    await weir.owner.$client.query('update weir.event_log set salt = null where pos = $1', [rows[0]!.pos])
    expect((await auditor.get('/api/decisions/to-change/proof')).status).toBe(404)
  })

  test('of a repeat makes no second entry', async () => {
    const before = (await list('&action=intake.decide')).length
    expect(await weir.send({ ...order('ann', 'o-1', ['tea', 'cup']), messageId: 'ann-bought' })).toEqual(['duplicate'])
    expect(await list('&action=intake.decide')).toHaveLength(before)
  })
})

describe('entries about people', () => {
  const ann = { identifier: { type: 'user_id', value: 'ann' }, caseId: 'CASE-1' }

  test('are found by the identifier alone, and the search is one of them', async () => {
    await weir.server.get('/v1/consent', speakingFor({ userId: 'ann' }))
    await weir.server.get('/v1/consent', speakingFor({ userId: 'bob' }))
    const { status, body } = await auditor.post('/api/audit/search', ann)
    expect(status).toBe(200)
    const found = body.entries as unknown as Listed[]
    expect(found.map(({ action }) => action)).toContain('consent.read')
    expect(found.at(-1)).toMatchObject({ action: 'audit.search', caseId: 'CASE-1' })
    expect(JSON.stringify(body)).not.toContain('ann')
    const tags = new Set(found.map(({ more }) => JSON.stringify(more?.subjects)))
    expect(tags.size).toBe(1) // the same person, the same month
  })

  test('commit to what was said under a key of each entry: two that say the same of one person differ', async () => {
    for (let i = 0; i < 2; i++) await weir.server.get('/v1/consent', speakingFor({ userId: 'ann' }))
    const [one, two] = (await list('&action=consent.read')).slice(-2)
    expect(one!.more!.subjects).toEqual(two!.more!.subjects)
    expect(one!.more!.details).not.toEqual(two!.more!.details)
  })

  test('of nobody are none, and the search is entered all the same', async () => {
    const before = (await list('&action=audit.search')).length
    const { body } = await auditor.post('/api/audit/search', {
      ...ann,
      identifier: { type: 'email', value: 'no@body.example' },
    })
    expect(body.entries).toEqual([])
    expect(await list('&action=audit.search')).toHaveLength(before + 1)
    expect((await auditor.post('/api/audit/search', { ...ann, caseId: undefined as never })).status).toBe(400)
  })

  test('are shown to the person, without who did it', async () => {
    const device = newDevice()
    await weir.browser.post('/v1/consent', { ...device, choices: { personalisation: true } })
    await weir.browser.get('/v1/consent', speakingFor(device))
    const { status, body } = await weir.browser.get('/v1/accesses', speakingFor(device))
    expect(status).toBe(200)
    expect(body.accesses).toMatchObject([
      { by: 'source', action: 'consent.read', purpose: 'own-state' },
      { by: 'source', action: 'accesses.read' },
    ])
    expect((await weir.browser.get('/v1/accesses', speakingFor({ anonymousId: device.anonymousId }))).status).toBe(403)
    expect((await weir.browser.get('/v1/accesses', speakingFor(newDevice()))).body.accesses).toEqual([])
  })

  test('lead to the person no more once what was kept with the person is gone, and the tree is whole', async () => {
    await weir.server.get('/v1/consent', speakingFor({ userId: 'ann' }))
    const before = await list('&action=consent.read')
    await weir.owner.$client.query('delete from weir.audit_detail')
    expect((await auditor.post('/api/audit/search', ann)).body.entries).toMatchObject([{ action: 'audit.search' }])
    expect(await list('&action=consent.read')).toEqual(before)
  })
})

describe('what is taken away', () => {
  test('is one entry a line, in parts', async () => {
    const first = await auditor.get('/api/audit/export?limit=3')
    expect(first.headers.get('content-type')).toContain('application/x-ndjson')
    const lines = first.text.trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as Listed).index)).toEqual([0, 1, 2])
    const next = await auditor.get(`/api/audit/export?limit=3&cursor=${first.headers.get('weir-next')}`)
    expect((JSON.parse(next.text.split('\n')[0]!) as Listed).index).toBe(3)
  })

  test('as CSV has no formula in it', async () => {
    await weir.owner.$client.query(
      `select weir.audit_append('{cli}', '{test.act}', array['=cmd|''/c calc''!A0'], '{test}', array['+1,"x"'], '{done}', array[null], '{}', '{}', '{}', '{}')`,
    )
    const { text } = await auditor.get('/api/audit/export?format=csv&action=test.act')
    expect(text).toMatch(/^index,at,actor,action,resource,purpose,caseId,outcome,more\r\n\d+,[^,]+,cli,test\.act,'=cmd/)
    expect(text).toContain(`,"'+1,""x""",done,`)
  })

  test('is counted by who did what', async () => {
    const { body } = await auditor.get('/api/audit/statistics?from=2026-01-01T00:00:00Z')
    const actors = body.actors as { actor: string; entries: number; actions: { action: string; people: number }[] }[]
    const own = actors.find(({ actor }) => actor.startsWith('token:'))!
    expect(own.actions.find(({ action }) => action === 'decision.read')!.people).toBeGreaterThan(0)
    expect(own.entries).toBeGreaterThan(10)
  })
})

test('neither gateway nor owner can change, remove or reorder what is in the log', async () => {
  const tables = ['entry', 'tile', 'checkpoint', 'signature', 'cosignature', 'shard'].map(
    (name) => `weir.audit_${name}`,
  )
  for (const db of [weir.db, weir.owner]) {
    for (const table of tables) {
      for (const act of [`delete from ${table}`, `truncate ${table}`]) {
        await expect(db.$client.query(act), act).rejects.toMatchObject({ code: '42501' })
      }
    }
    await expect(db.$client.query('update weir.audit_queue set actor = actor')).rejects.toMatchObject({ code: '42501' })
    await expect(db.$client.query('update weir.decision_queue set more = more')).rejects.toMatchObject({
      code: '42501',
    })
  }
  for (const act of [
    'delete from weir.audit_queue',
    'insert into weir.audit_entry (shard, index) values (1, 0)',
    `select weir.audit_publish(1, 1, '')`,
    `insert into weir.audit_signature (shard, size, note) values (1, 1, '')`,
  ]) {
    await expect(weir.db.$client.query(act), act).rejects.toMatchObject({ code: '42501' })
  }
})

test('no right to change or remove anything of it is granted to anybody', async () => {
  const { rows } = await weir.owner.$client.query(
    `select table_name, grantee, privilege_type from information_schema.role_table_grants
     where table_schema = 'weir' and table_name ~ '^(audit_(entry|tile|checkpoint|signature|cosignature|shard|queue)|decision_queue)'
       and privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE') and grantee <> 'weir_owner'`,
  )
  expect(rows).toEqual([])
})

describe('a sample of decisions', () => {
  test('is drawn by its seed, shows how each was made and no value, and is entered', async () => {
    await weir.send(...Array.from({ length: 30 }, (_, i) => order('ann', `sampled-${i}`, ['Green tea of Hangzhou'])))
    const draw = async (seed: string, more = '') =>
      (await auditor.get(`/api/audit/sample?n=10&seed=${seed}${more}`)).body
    const one = await draw('a')
    const decisions = one.decisions as unknown as { position: number; fields: { path: string; kind: string }[] }[]
    expect(decisions).toHaveLength(10)
    expect(new Set(decisions.map(({ position }) => position)).size).toBe(10)
    const range = `&from=${String(one.from)}&to=${String(one.to)}`
    await weir.send(order('eve', 'later', ['tea']))
    expect((await draw('a', range)).decisions).toEqual(decisions)
    expect((await draw('b', range)).decisions).not.toEqual(decisions)
    expect(
      decisions.some(({ fields }) =>
        fields.some(({ path, kind }) => path.endsWith('products[].product_id') && kind === 'text'),
      ),
    ).toBe(true)
    expect(JSON.stringify(one)).not.toMatch(/Green tea|sampled-|ann"/)
    const entry = (await list('&action=audit.sample')).at(-3)!
    expect(entry.more).toMatchObject({ seed: 'a', wanted: 10, drawn: 10 })
  })

  test('of more than there is is all there is, and of no events none', async () => {
    const { body } = await auditor.get('/api/audit/sample?n=500&seed=all')
    const { rows } = await weir.owner.$client.query<{ n: number }>(
      'select count(*)::int as n from weir.event_log where kind = 0',
    )
    expect(body.decisions).toHaveLength(rows[0]!.n)
    expect((await auditor.get('/api/audit/sample?n=5&seed=x&from=900000&to=900010')).body.decisions).toEqual([])
    expect((await auditor.get('/api/audit/sample?n=5&seed=x&from=9&to=1')).status).toBe(400)
    expect((await auditor.get('/api/audit/sample?n=501&seed=x')).status).toBe(400)
    expect((await auditor.get('/api/audit/sample')).status).toBe(400)
  })
})
