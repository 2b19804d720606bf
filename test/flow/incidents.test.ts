import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '../../src/db/transaction.ts'
import type { JsonObject } from '../../src/event/event.ts'
import type { SubjectId } from '../../src/event/ids.ts'
import { insertIdentifiers, sealIdentifier } from '../../src/identity/identifiers.ts'
import { present } from '../../src/identity/present.ts'
import { rollKey } from '../../src/keys/roll.ts'
import { currentSubjectKeys } from '../../src/keys/subject-keys.ts'
import { findIn, makeMarkers, searchDatabase } from '../support/leaks.ts'
import { makeOfficer, type Officer, signIn } from '../support/officers.ts'
import { runCommand } from '../support/run-command.ts'
import { subjectOf } from '../support/stored.ts'
import { type Caller, createTestApp, newDevice, order, type TestApp, track } from '../support/test-app.ts'

// A small truth: ann (a Chinese number, a device beside), bob (a German one), cem (none on file), dan (erased since), eve
// (before and after), fay and ivy (for recommendations only; ivy bought nothing).

const markers = makeMarkers()
let weir: TestApp
let compliance: Caller
let auditor: Caller
let officer: Officer
/** The incident's time, by the database's clock. */
let from: string
let to: string

beforeAll(async () => {
  weir = await createTestApp()
  compliance = await weir.token('compliance')
  officer = await makeOfficer(weir, 'compliance')
  auditor = await weir.token('auditor')
  const device = newDevice()
  for (const name of ['ann', 'bob', 'cem', 'dan', 'eve']) await weir.grant(name, 'attribution', 'personalisation')
  for (const name of ['fay', 'ivy']) await weir.grant(name, 'personalisation') // never attribution
  await weir.send(order('eve', 'o-eve', ['tea']))
  from = await databaseTime()
  await weir.send(
    order('ann', markers.text('order'), ['tea']),
    track('ann', 'Product Viewed', { product_id: 'tea' }, { anonymousId: device.anonymousId }),
    order('bob', 'o-bob', ['cup']),
    order('cem', 'o-cem', ['cup']),
    order('dan', 'o-dan', ['cup']),
    order('fay', 'o-fay', ['cup']),
    track('ivy', 'Product Viewed', { product_id: 'tea' }),
  )
  await weir.settle()
  to = await databaseTime()
  await weir.send(order('eve', 'o-late', ['tea']))
  await phone('ann', `+86 ${markers.phone}`)
  await phone('bob', '+49 151 23456789')
  await erase('dan')
})
afterAll(() => weir.stop())

async function databaseTime(): Promise<string> {
  const { rows } = await weir.owner.$client.query<{ at: Date }>('select clock_timestamp() as at')
  return new Date(rows[0]!.at.getTime() + 1).toISOString()
}

async function idOf(name: string): Promise<SubjectId> {
  return (await subjectOf(weir, 'user_id', name))!
}

/** Puts a phone number on file, as a shop that tells of it would. */
async function phone(name: string, value: string): Promise<void> {
  const subject = await idOf(name)
  const { kept, keys } = present(weir.keyring, 'phone', value)!
  await transaction(weir.db, async (tx) => {
    const own = (await currentSubjectKeys(tx, weir.keyring, [subject])).get(subject)!
    const identifierId = randomUUID()
    await insertIdentifiers(
      tx,
      keys.map(({ kid, normVersion, key }) => ({
        key,
        subject,
        identifierId,
        type: 'phone',
        kid,
        normVersion,
        sealed: sealIdentifier(own, subject, key, kept),
      })),
    )
  })
}

/** Forgets somebody who was not seen for ten years. */
async function erase(name: string): Promise<void> {
  const subject = await idOf(name)
  await weir.owner.$client.query('update weir.subject set seen_on = current_date - 3650 where subject_id = $1', [
    subject,
  ])
  await weir.owner.$client.query(
    `update weir.consent_ledger set recorded_at = now() - interval '3650 days' where subject_id = $1`,
    [subject],
  )
  await weir.app.maintain()
  expect(await subjectOf(weir, 'user_id', name)).toBeUndefined()
}

async function open(scope: JsonObject, more: JsonObject = {}): Promise<JsonObject & { readonly id: string }> {
  const { status, body, text } = await compliance.post('/api/incidents', { scope, caseId: 'INC-7', ...more })
  expect([status, status === 201 ? '' : text]).toEqual([201, ''])
  return { ...body, id: String(body.id) }
}

interface Clocked {
  readonly id: string
  readonly applies: string
  readonly state: string
  readonly dueAt: string | null
  readonly toldAt: string | null
}

const clocksOf = (file: JsonObject): Clocked[] => file.clocks as unknown as Clocked[]
const clockOf = (file: JsonObject, id: string): Clocked => clocksOf(file).find((one) => one.id === id)!

async function incidentEntries(): Promise<{ action: string; outcome: string; actor: string }[]> {
  return (await weir.entries())
    .filter(({ action }) => action.startsWith('incident.'))
    .map(({ action, outcome, actor }) => ({ action, outcome, actor }))
}

describe('counting', () => {
  test('a destination: who had a permitted event there in the time, once each, with the classes its routes read', async () => {
    const { counts } = await open({ kind: 'destination', target: 'attribution', from, to })
    expect(counts).toEqual({
      people: 3, // fay never permitted it, eve was before and after
      subjects: 4, // ann has a device
      classes: { behaviour: 3, order: 3 },
      places: {
        CN: { people: 1, classes: { behaviour: 1, order: 1 } },
        EEA: { people: 1, classes: { behaviour: 1, order: 1 } },
        unknown: { people: 1, classes: { behaviour: 1, order: 1 } },
      },
      laws: { CCPA: { known: 0, unknown: 1 }, GDPR: { known: 1, unknown: 1 }, PIPL: { known: 1, unknown: 1 } },
      records: 5,
      erased: { people: null, records: 1 }, // dan
      recordsSince: expect.any(String),
    })
  })

  test('another destination has other people; without times everybody of the log', async () => {
    const { counts } = await open({ kind: 'destination', target: 'recommendation', from, to })
    expect(counts).toMatchObject({
      people: 5,
      subjects: 6,
      classes: { behaviour: 2, order: 4 }, // ann and ivy looked; ivy did not buy
      places: { unknown: { people: 3, classes: { behaviour: 1, order: 2 } } },
      erased: { records: 1 },
    })
    const all = await open({ kind: 'destination', target: 'attribution' })
    expect(all.counts).toMatchObject({ people: 4, subjects: 5, laws: { GDPR: { known: 1, unknown: 2 } } })
  })

  test('an export: whom the entry is about, and who was erased since', async () => {
    const search = await compliance.post('/api/audit/search', {
      identifier: { type: 'user_id', value: 'cem' },
      caseId: 'CASE-1',
    })
    expect(search.status).toBe(200)
    const entry = (await weir.entries('audit.search')).at(-1)!
    for (const target of [String(entry.index), 'audit:person']) {
      const { counts } = await open({ kind: 'export', target })
      expect(counts).toMatchObject({
        people: 1,
        actions: { 'audit.search': { entries: 1, people: 1 } },
        erased: { people: 0, records: 0 },
      })
    }
  })

  test('an officer: the people of the entries of that time, by action', async () => {
    const browser = await signIn(weir, officer)
    const before = await databaseTime()
    const lookUp = { identifier: { type: 'user_id', value: 'gus' }, caseId: 'CASE-2' }
    await weir.grant('gus', 'attribution')
    for (const value of ['ann', 'bob', 'gus']) {
      lookUp.identifier.value = value
      expect((await browser.call('POST', '/api/audit/search', lookUp)).status).toBe(200)
    }
    await erase('gus')
    const { counts } = await open({ kind: 'officer', target: officer.officer, from: before })
    expect(counts).toMatchObject({
      people: 2,
      subjects: 3,
      places: { CN: { people: 1 }, EEA: { people: 1 } },
      erased: { people: null, records: 1 },
      actions: { 'audit.search': { entries: 3, people: 2 } },
    })
    const { counts: none } = await open({
      kind: 'officer',
      target: officer.officer,
      to: before,
      from: '2020-01-01T00:00:00Z',
    })
    expect(none).toMatchObject({ people: 0, subjects: 0 })
  })

  test('a key: of an epoch everybody and every class; of others what they give away', async () => {
    const everybody = Number(
      (await weir.owner.$client.query('select count(*)::integer as n from weir.subject')).rows[0].n,
    )
    const epoch = (await open({ kind: 'key', target: 'epoch/1' })).counts as JsonObject
    expect(epoch).toMatchObject({ subjects: everybody, people: everybody - 1, erased: { people: null, records: 0 } })
    expect(Object.keys(epoch.classes as JsonObject).sort()).toEqual(
      [...weir.app.active().compiled.classes.keys()].sort(),
    )
    const index = (await open({ kind: 'key', target: 'index/1' })).counts as JsonObject
    expect(index.classes).toEqual({ contact: 2, identity: everybody - 1 })
    const pseudonyms = (await open({ kind: 'key', target: 'pseudonym/1', from, to })).counts as JsonObject
    expect(pseudonyms).toMatchObject({ people: 5, classes: { identity: 5 } })
    expect((await open({ kind: 'key', target: 'dedupe/1', from, to })).counts).toMatchObject({ people: 5 })
    expect((await open({ kind: 'key', target: 'token/1' })).counts).toMatchObject({ people: 0, officers: 1 })
    const audit = await open({ kind: 'key', target: 'audit/1' })
    expect(audit.counts).toMatchObject({ people: 0, erased: { people: 0, records: 0 } })
    expect(new Set(clocksOf(audit).map(({ applies }) => applies))).toEqual(new Set(['no']))
    const tombstone = await open({ kind: 'key', target: 'tombstone/1' })
    expect(clockOf(tombstone, 'cn-measures-authority').applies).toBe('to-check')
  })

  test('a key of an epoch that was replaced: who was under it, not who came since', async () => {
    const before = ((await open({ kind: 'key', target: 'epoch/1' })).counts as JsonObject).subjects
    const deps = { db: weir.owner, provider: weir.keys, keyring: weir.keyring, now: Date.now, actor: 'cli' as const }
    await rollKey(deps, 'epoch')
    await weir.app.refreshKeys()
    await weir.owner.$client.query('update weir.subject set created_on = created_on - 1')
    await weir.grant('hal', 'attribution')
    await weir.owner.$client.query(
      `update weir.subject set created_on = current_date + 1 where created_on = current_date`,
    )
    expect((await open({ kind: 'key', target: 'epoch/1' })).counts).toMatchObject({ subjects: before })
    expect((await open({ kind: 'key', target: 'epoch/2' })).counts).toMatchObject({ subjects: Number(before) + 1 })
  })
})

describe('the file', () => {
  test('is answered with its clocks, from when it was known; who was told stops one', async () => {
    const knownAt = new Date(Date.now() - 3_600_000).toISOString()
    const file = await open(
      { kind: 'destination', target: 'attribution', from, to },
      { knownAt, note: markers.text('note') },
    )
    expect(clockOf(file, 'cn-measures-authority')).toMatchObject({
      applies: 'to-check', // below a million
      state: 'running',
      dueAt: new Date(Date.parse(knownAt) + 4 * 3_600_000).toISOString(),
    })
    expect(file.nextDue).toBe(clockOf(file, 'cn-measures-authority').dueAt)
    const at = new Date(Date.now() - 60_000).toISOString()
    const told = await compliance.post(`/api/incidents/${file.id}/events`, {
      kind: 'told',
      law: 'PIPL',
      to: 'authority',
      at,
    })
    expect(told.status).toBe(201)
    expect(clockOf(told.body, 'cn-measures-authority')).toMatchObject({ state: 'met', toldAt: at })
    expect(clockOf(told.body, 'eu-gdpr-authority')).toMatchObject({ state: 'running', toldAt: null })
    await compliance.post(`/api/incidents/${file.id}/events`, { kind: 'note', note: markers.text('second') })
    await compliance.post(`/api/incidents/${file.id}/events`, { kind: 'counted' })
    const { body } = await auditor.get(`/api/incidents/${file.id}`)
    expect((body.timeline as JsonObject[]).map(({ kind, note }) => [kind, note])).toEqual([
      ['opened', markers.text('note')],
      ['told', undefined],
      ['note', markers.text('second')],
      ['counted', undefined],
    ])
  })

  test('is closed with a reason where somebody may have to be told, and takes nothing more', async () => {
    const { id } = await open({ kind: 'destination', target: 'attribution', from, to })
    const events = `/api/incidents/${id}/events`
    expect(await compliance.post(events, { kind: 'closed' })).toMatchObject({
      status: 409,
      body: { code: 'clocks-running' },
    })
    const closed = await compliance.post(events, { kind: 'closed', note: 'nothing left us' })
    expect(closed).toMatchObject({ status: 201, body: { state: 'closed', nextDue: null } })
    const years = Date.parse(String(closed.body.keptUntil)) - Date.parse(String(closed.body.closedAt))
    expect(Math.round(years / 86_400_000)).toBeGreaterThanOrEqual(1095)
    for (const act of [{ kind: 'counted' }, { kind: 'note', note: 'x' }, { kind: 'closed', note: 'x' }]) {
      expect(await compliance.post(events, act)).toMatchObject({ status: 409, body: { code: 'incident-closed' } })
    }
    const open_ = await auditor.get('/api/incidents?state=open')
    expect((open_.body.incidents as JsonObject[]).map((one) => one.id)).not.toContain(id)
  })

  test('cannot be changed, emptied or deleted before its three years, by nobody; then the housekeeping takes it', async () => {
    const { id } = await open({ kind: 'key', target: 'audit/1' })
    expect((await compliance.post(`/api/incidents/${id}/events`, { kind: 'closed' })).status).toBe(201)
    for (const statement of [
      'delete from weir.incident',
      'delete from weir.incident_event',
      'update weir.incident_event set note = null',
      `update weir.incident set case_id = 'other'`,
      `update weir.incident set closed_at = '2001-01-01'`,
      'truncate weir.incident cascade',
    ]) {
      await expect(weir.owner.$client.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    }
    await weir.app.maintain()
    expect((await auditor.get(`/api/incidents/${id}`)).status).toBe(200)
    const superuser = new pg.Client({ connectionString: weir.database.superuserUrl })
    await superuser.connect()
    await superuser.query('set session_replication_role = replica')
    await superuser.query(
      `update weir.incident set closed_at = now() - interval '3 years 1 day' where incident_id = $1`,
      [id],
    )
    await superuser.end()
    await weir.app.maintain()
    expect((await auditor.get(`/api/incidents/${id}`)).status).toBe(404)
    expect((await weir.entries('incident.expire')).map(({ resource }) => resource)).toEqual([`incident:${id}`])
  })

  test('two that are opened at once are two, and two who add to one take turns', async () => {
    const scope = { kind: 'destination', target: 'attribution', from, to }
    const [one, two] = await Promise.all([open(scope), open(scope)])
    expect(one.id).not.toBe(two.id)
    expect(one.counts).toEqual(two.counts)
    const adding = ['a', 'b', 'c', 'd'].map((note) =>
      compliance.post(`/api/incidents/${one.id}/events`, { kind: 'note', note }),
    )
    expect((await Promise.all(adding)).map(({ status }) => status)).toEqual([201, 201, 201, 201])
    const { body } = await auditor.get(`/api/incidents/${one.id}`)
    expect((body.timeline as JsonObject[]).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
  })

  test.each([
    [{ scope: { kind: 'destination', target: 'nowhere' } }, 'incident-scope-unknown'],
    [{ scope: { kind: 'export', target: '999999' } }, 'incident-scope-unknown'],
    [{ scope: { kind: 'export', target: 'no-such-resource' } }, 'incident-scope-unknown'],
    [{ scope: { kind: 'key', target: 'epoch/77' } }, 'incident-scope-unknown'],
    [{ scope: { kind: 'key', target: "epoch/1'; drop table weir.incident" } }, 'incident-scope-unknown'],
    [{ scope: { kind: 'officer', target: 'nobody' } }, 'incident-scope-unknown'],
    [{ scope: { kind: 'officer', target: randomUUID() } }, 'incident-scope-unknown'],
    [{ scope: { kind: 'person', target: 'ann' } }, 'request-invalid'],
    [{ knownAt: '2999-01-01T00:00:00Z' }, 'incident-time'],
    [
      { scope: { kind: 'key', target: 'audit/1', from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' } },
      'incident-time',
    ],
    [{ caseId: 'a\u0000b' }, 'request-invalid'],
  ])('is not opened with %j', async (more, code) => {
    const asked = { scope: { kind: 'key', target: 'audit/1' }, caseId: 'INC-8', ...more }
    const { status, body } = await compliance.post('/api/incidents', asked as JsonObject)
    expect([status, body.code]).toEqual([400, code])
  })

  test('nobody is told before it was known, in the future, or under a law that is none', async () => {
    const knownAt = new Date(Date.now() - 60_000).toISOString()
    const { id } = await open({ kind: 'key', target: 'audit/1' }, { knownAt })
    const tell = (more: JsonObject) =>
      compliance.post(`/api/incidents/${id}/events`, { kind: 'told', law: 'PIPL', to: 'people', ...more })
    expect((await tell({ at: '2020-01-01T00:00:00Z' })).body.code).toBe('incident-time')
    expect((await tell({ at: '2999-01-01T00:00:00Z' })).body.code).toBe('incident-time')
    expect((await tell({ law: 'LGPD' })).status).toBe(400)
    expect((await compliance.get(`/api/incidents/${randomUUID()}`)).status).toBe(404)
    expect((await auditor.post(`/api/incidents/${id}/events`, { kind: 'note', note: 'x' })).status).toBe(403)
  })

  test('the metric says how long the next clock leaves', async () => {
    const { text } = await weir.server.get('/metrics')
    const hours = Number(/^weir_incident_hours_left (\S+)$/m.exec(text)?.[1])
    expect(hours).toBeGreaterThan(0)
    expect(hours).toBeLessThanOrEqual(4)
  })
})

describe('what stands of it anywhere', () => {
  test('no note, no number, no order: not in the database, the log, an entry or a draft', async () => {
    const { id } = await open({ kind: 'destination', target: 'attribution', from, to }, { note: markers.chinese })
    const drafts: string[] = []
    for (const law of ['PIPL', 'GDPR', 'CCPA']) {
      for (const to of ['authority', 'people']) {
        for (const lang of ['zh-CN', 'en']) {
          const { status, text } = await auditor.get(`/api/incidents/${id}/notices/${law}/${to}?lang=${lang}`)
          expect([status, text.includes('[…')]).toEqual([200, true])
          drafts.push(text)
        }
      }
    }
    expect(findIn(drafts.join(''), markers.needles)).toEqual([])
    expect(findIn(weir.logged(), markers.needles)).toEqual([])
    const superuser = new pg.Client({ connectionString: weir.database.superuserUrl })
    await superuser.connect()
    expect(await searchDatabase(superuser, markers.needles)).toEqual([])
    await superuser.end()
  })

  test('every look and act left its entry', async () => {
    const before = (await incidentEntries()).length
    const { id } = await open({ kind: 'destination', target: 'attribution', from, to })
    await compliance.post(`/api/incidents/${id}/events`, { kind: 'counted' })
    await auditor.get('/api/incidents')
    await auditor.get(`/api/incidents/${id}`)
    await auditor.get(`/api/incidents/${id}/notices/PIPL/people`)
    const acts = (await incidentEntries()).slice(before)
    expect(acts.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['incident.count', 'released'],
      ['incident.open', 'done'],
      ['incident.count', 'released'],
      ['incident.counted', 'done'],
      ['incident.list', 'released'],
      ['incident.show', 'released'],
      ['incident.notice', 'released'],
    ])
    expect(new Set(acts.map(({ actor }) => actor.split(':')[0]))).toEqual(new Set(['token']))
  })
})

describe('the command line', () => {
  let folder: string
  let env: Record<string, string>
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-incident-'))
    env = {
      DATABASE_URL: weir.database.ownerUrl,
      WEIR_DATA_DIR: folder,
      WEIR_KEYS: `file:${join(weir.keyset.path, '..')}`,
      WEIR_POLICY_DIR: join(import.meta.dirname, '../../policies'),
    }
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function run(...args: string[]): Promise<{ code: number; out: JsonObject; err: string }> {
    await weir.entries() // nothing waits for the log: no gateway runs its sequencer here
    const { code, stdout, stderr } = await runCommand(['incident', ...args, '--json'], env)
    return { code, out: JSON.parse(stdout) as JsonObject, err: stderr }
  }

  test('opens, tells, notes, drafts into a file, closes and shows, as the API does', async () => {
    const known = new Date(Date.now() - 60_000).toISOString()
    const opened = await run('open', '--destination', 'attribution', '--from', from, '--to', to, '--known-at', known,
      '--case', 'INC-9', '--critical-infrastructure', '--high-risk') // biome-ignore format: as it is typed
    expect({ code: opened.code, err: opened.err }).toEqual({ code: 0, err: '' })
    expect(opened.out).toMatchObject({ caseId: 'INC-9', openedBy: 'cli', counts: { people: 3 }, highRisk: true })
    const id = String(opened.out.id)
    expect(clockOf(opened.out, 'cn-measures-authority').dueAt).toBe(
      new Date(Date.parse(known) + 3_600_000).toISOString(),
    )
    expect(clockOf(opened.out, 'eu-gdpr-people').applies).toBe('yes')
    const file = join(folder, 'cac.txt')
    expect((await run('notice', id, '--to', 'authority', '--law', 'PIPL', '--lang', 'zh-CN', '--out', file)).code).toBe(
      0,
    )
    expect(await readFile(file, 'utf8')).toContain('已知适用本法的 1 人；另有 1 人所在地不明')
    expect((await run('told', id, '--to', 'authority', '--law', 'PIPL')).code).toBe(0)
    expect((await run('note', id, 'the vendor answered')).code).toBe(0)
    expect((await run('count', id)).code).toBe(0)
    expect((await run('close', id)).out.error).toMatchObject({ code: 'clocks-running' })
    expect((await run('close', id, '--note', 'the vendor proved that nothing left')).code).toBe(0)
    expect((await run('show', id)).out).toMatchObject({ state: 'closed', id })
    expect(((await run('list')).out.incidents as JsonObject[])[0]).toMatchObject({ id, state: 'closed' })
    const words = await runCommand(['incident', 'show', id], env)
    expect(words.stdout).toContain(
      '3 people (4 subjects) in 5 records; erased since: cannot be counted people, 1 records',
    )
  })

  test.each([
    [['open', '--case', 'X'], 2],
    [['open', '--case', 'X', '--key', 'audit/1', '--officer', 'x'], 2],
    [['open', '--case', 'a@b', '--key', 'audit/1'], 2],
    [['open', '--case', 'X', '--key', 'audit/1', '--from', 'yesterday'], 2],
    [['open', '--case', 'X', '--key', 'audit/1', '--from', '2026-01-01T00:00:00'], 2],
    [['show', 'x'], 2],
    [['told', randomUUID(), '--to', 'press', '--law', 'PIPL'], 2],
    [['show', randomUUID()], 1],
  ])('%j ends with %i', async (args, code) => {
    expect((await run(...args)).code).toBe(code)
  })
})

describe('while nothing is taken into the log', () => {
  beforeAll(async () => {
    await weir.entries()
    await weir.owner.$client.query(
      `insert into weir.audit_queue (at, actor, action, resource, purpose, outcome)
       values (now() - interval '1 minute', 'weir', 'test.waits', 'test', 'test', 'done')`,
    )
    await weir.owner.$client.query('revoke execute on function weir.audit_extend from weir_sequencer')
  })
  afterAll(() => weir.owner.$client.query('grant execute on function weir.audit_extend to weir_sequencer'))

  test('nothing is shown, and nothing is added that would be', async () => {
    const { rows } = await weir.owner.$client.query<{ id: string; n: bigint }>(
      `select incident_id as id, (select count(*) from weir.incident_event e where e.incident_id = i.incident_id) as n
       from weir.incident i where closed_at is null limit 1`,
    )
    const { id, n } = rows[0]!
    const answers = [
      await auditor.get(`/api/incidents/${id}`),
      await compliance.post(`/api/incidents/${id}/events`, { kind: 'note', note: 'x' }),
      await compliance.post('/api/incidents', { scope: { kind: 'key', target: 'epoch/1' }, caseId: 'INC-9' }),
    ]
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(answers.map(() => [503, 'audit-behind']))
    const after = await weir.owner.$client.query('select from weir.incident_event where incident_id = $1', [id])
    expect(after.rowCount).toBe(Number(n))
  })
})

describe('while the log cannot be written', () => {
  beforeAll(() => weir.owner.$client.query('revoke insert on weir.audit_queue from weir_app'))
  afterAll(() => weir.owner.$client.query('grant insert on weir.audit_queue to weir_app'))

  test('nothing is counted, shown, drafted or added', async () => {
    const { rows } = await weir.owner.$client.query<{ id: string }>(
      'select incident_id as id from weir.incident where closed_at is null limit 1',
    )
    const at = `/api/incidents/${rows[0]!.id}`
    const files = async () => (await weir.owner.$client.query('select count(*) as n from weir.incident_event')).rows
    const before = await files()
    const answers = [
      await auditor.get('/api/incidents'),
      await auditor.get(at),
      await auditor.get(`${at}/notices/PIPL/people`),
      await compliance.post(`${at}/events`, { kind: 'note', note: 'x' }),
      await compliance.post(`${at}/events`, { kind: 'counted' }),
      await compliance.post('/api/incidents', { scope: { kind: 'key', target: 'epoch/1' }, caseId: 'INC-9' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 500))
    expect(answers.map(({ text }) => /people|counts|timeline|\[…/.test(text))).toEqual(answers.map(() => false))
    expect(await files()).toEqual(before)
  })
})
