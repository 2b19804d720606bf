import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import type { JsonObject } from '../../../src/event/event.ts'
import { withActiveEpoch } from '../../../src/keys/subject-keys.ts'
import { readContent } from '../../../src/rights/content.ts'
import { eraseNow } from '../../../src/rights/erasure/now.ts'
import { tendStatutory } from '../../../src/rights/holds/tend.ts'
import { ownKey } from '../../../src/rights/own-key.ts'
import { findRequest } from '../../../src/rights/rows.ts'
import { openRecords, remainderId } from '../../../src/rights/statutory/keep.ts'
import { signedIn } from '../../support/officers.ts'
import { runCommand } from '../../support/run-command.ts'
import { subjectOf } from '../../support/stored.ts'
import { createTestApp, order, type TestApp, track } from '../../support/test-app.ts'

const DAY = 86_400_000
const COURT = { authority: 'Shanghai No. 1 Court', reference: '2026/HU-01/1234', caseId: 'LEGAL-7' }

let weir: TestApp
let first: Awaited<ReturnType<typeof signedIn>>
let second: Awaited<ReturnType<typeof signedIn>>

beforeAll(async () => {
  weir = await createTestApp()
  first = await signedIn(weir, 'compliance')
  second = await signedIn(weir, 'compliance')
})
afterAll(() => weir.stop())

async function shops(user: string): Promise<void> {
  await weir.grant(user, 'attribution', 'personalisation')
  await weir.send(track(user, 'Product Viewed', { product_id: 'P-9' }), order(user, `o-${randomUUID()}`, ['P-1']))
  await weir.settle()
}

const day = (days: number): string => new Date(weir.app.rights.deps.now() + days * DAY).toISOString().slice(0, 10)

async function place(user: string, more: JsonObject = {}): Promise<JsonObject> {
  const asked = {
    identifier: { type: 'user_id', value: user },
    scope: ['behaviour'],
    expiresOn: day(90),
    ...COURT,
    ...more,
  }
  const { status, body, text } = await first.call('POST', '/api/holds', asked)
  expect([status, text]).toEqual([201, expect.any(String)])
  return body
}

async function keptUnder(id: string): Promise<string[]> {
  return withActiveEpoch(weir.keyring, () =>
    transaction(weir.db, async (tx) => {
      const keys = await ownKey(tx, weir.keyring, remainderId('hold', id))
      if (keys === undefined) return []
      return (await openRecords(tx, keys, remainderId('hold', id))).map(({ event, class: name }) => `${event} ${name}`)
    }),
  )
}

const erase = (user: string) =>
  eraseNow(weir.app.rights.deps, {
    identifiers: [{ type: 'user_id', value: user, verified: true }],
    caseId: 'DSR-1',
    regime: 'PIPL',
    language: 'en',
  })

async function peopleUnder(id: string): Promise<string[]> {
  const { rows } = await weir.owner.$client.query<{ subject_id: string }>(
    'select subject_id from statutory.hold_person where hold_id = $1',
    [id],
  )
  return rows.map((row) => row.subject_id)
}

describe('a hold', () => {
  const user = `held-${randomUUID()}`
  let id: string

  beforeAll(async () => {
    await shops(user)
    id = (await place(user)).id as string
  })

  test('keeps at once what is there of its scope, and says nowhere whose it is', async () => {
    expect(await keptUnder(id)).toEqual(['track:Product Viewed behaviour'])
    const { body } = await first.call('GET', `/api/holds/${id}`)
    expect(body).toMatchObject({
      authority: COURT.authority,
      reference: COURT.reference,
      state: 'active',
      scope: ['behaviour'],
      kept: [
        {
          class: 'behaviour',
          records: 1,
        },
      ],
      releaseAsked: null,
      challenge: null,
    })
    const entry = (await weir.entries('hold.place')).find(({ resource }) => resource === `hold:${id}`)
    expect([entry?.case_id, JSON.parse(entry!.more!).scope]).toEqual(['LEGAL-7', ['behaviour']])
    expect(entry?.more).not.toContain(user)
  })

  test('outlives a withdrawal, and takes in what comes later, once', async () => {
    await weir.send(track(user, 'Product Viewed', { product_id: 'P-10' }))
    await weir.settle()
    await tendStatutory(weir.app.rights.deps)
    await tendStatutory(weir.app.rights.deps)
    expect(await keptUnder(id)).toHaveLength(2)
    await weir.refuse(user, 'attribution', 'personalisation')
    await weir.settle()
    expect(await keptUnder(id)).toHaveLength(2)
    await weir.grant(user, 'attribution', 'personalisation')
  })

  test('makes an erasure end partly, with it in the manifest, and names the person nowhere afterwards', async () => {
    await weir.send(track(user, 'Product Viewed', { product_id: 'P-11' }))
    await weir.settle()
    const subject = (await subjectOf(weir, 'user_id', user))!
    const { request } = await erase(user)
    expect((await findRequest(weir.db, request))?.state).toBe('completed_partial')
    const { keyring, db } = weir
    expect(await withActiveEpoch(keyring, () => readContent(db, keyring, request, 'manifest'))).toContainEqual({
      class: 'behaviour',
      ground: COURT.authority,
      until: day(90),
      records: 3,
    })
    expect(await keptUnder(id)).toHaveLength(3)
    expect(await peopleUnder(id)).toEqual([request])
    expect(await peopleUnder(id)).not.toContain(subject)
    await tendStatutory(weir.app.rights.deps)
    expect(await keptUnder(id)).toHaveLength(3)
  })

  test('names the person in no log', () => {
    expect(weir.logged()).not.toContain(user)
  })
})

describe('a hold is refused', () => {
  test.each([
    ['for longer than a year', { expiresOn: '2099-01-01' }, 400, 'hold-too-long'],
    ['for a day that is past', { expiresOn: '2020-01-01' }, 400, 'hold-too-long'],
    ['for what the policy does not know', { scope: ['everything'] }, 400, 'unknown-class'],
    ['for a name where a file’s number belongs', { reference: 'Alice Example' }, 400, 'request-invalid'],
    ['for somebody whom nobody knows', { identifier: { type: 'user_id', value: 'nobody' } }, 404, 'nobody-known'],
  ])('%s', async (_, more, status, code) => {
    const user = `refused-${randomUUID()}`
    await shops(user)
    const asked = {
      identifier: { type: 'user_id', value: user },
      scope: ['order'],
      expiresOn: day(90),
      ...COURT,
      ...more,
    }
    const answer = await first.call('POST', '/api/holds', asked as JsonObject)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })
})

describe('the release of a hold', () => {
  test('takes two: who asked cannot approve, the other shows a second factor, and what was kept goes at once', async () => {
    const user = `released-${randomUUID()}`
    await shops(user)
    const id = (await place(user)).id as string
    const early = await second.call('POST', `/api/holds/${id}/release/approval`, { totp: '000000' })
    expect([early.status, early.body.code]).toEqual([409, 'release-not-asked'])
    const asked = await first.call('POST', `/api/holds/${id}/release`, { caseId: 'LEGAL-8' })
    expect(asked.body.releaseAsked).toMatchObject({ by: `officer:${first.officer.officer}` })
    const twice = await first.call('POST', `/api/holds/${id}/release`, { caseId: 'LEGAL-8' })
    expect([twice.status, twice.body.code]).toEqual([409, 'release-asked'])
    const own = await first.call('POST', `/api/holds/${id}/release/approval`, {
      totp: first.officer.code(Date.now(), 1),
    })
    expect([own.status, own.body.code]).toEqual([403, 'own-request'])
    const bare = await second.call('POST', `/api/holds/${id}/release/approval`, {})
    expect([bare.status, bare.body.code]).toEqual([403, 'factor-missing'])
    expect((await second.call('GET', `/api/holds/${id}`)).body.challenge).toEqual(expect.stringMatching(/^[\w-]{43}$/))
    const given = await second.call('POST', `/api/holds/${id}/release/approval`, {
      totp: second.officer.code(Date.now(), 1),
    })
    expect([given.status, given.body.state]).toEqual([200, 'released'])
    expect([await keptUnder(id), await peopleUnder(id)]).toEqual([[], []])
    const { rowCount } = await weir.owner.$client.query('select from statutory.remainder where hold_id = $1', [id])
    expect(rowCount).toBe(0)
    const again = await first.call('POST', `/api/holds/${id}/release`, { caseId: 'LEGAL-8' })
    expect([again.status, again.body.code]).toEqual([409, 'hold-over'])
    const entry = (await weir.entries('hold.release')).find(
      ({ outcome, resource }) => outcome === 'done' && resource === `hold:${id}`,
    )
    expect(JSON.parse(entry!.more!)).toMatchObject({
      askedBy: `officer:${first.officer.officer}`,
      evidence: expect.any(Object),
    })
  })

  test('an auditor reads, and places nothing', async () => {
    const auditor = await weir.token('auditor')
    const { status, body } = await auditor.get('/api/holds')
    expect([status, (body.holds as JsonObject[]).length]).toEqual([200, 2])
    expect((await auditor.post('/api/holds', {})).status).toBe(403)
  })
})

describe('what a hold kept', () => {
  test('is handed to its authority once two officers agreed, once, by the operator, and on record before', async () => {
    const user = `exported-${randomUUID()}`
    await shops(user)
    const folder = await mkdtemp(join(tmpdir(), 'weir-hold-'))
    const env = {
      DATABASE_URL: weir.database.ownerUrl,
      WEIR_DATA_DIR: folder,
      WEIR_KEYS: `file:${join(weir.keyset.path, '..')}`,
    }
    const hold = (...args: string[]) => runCommand(['hold', ...args, '--json'], env)
    try {
      const naming = ['--identifier', `user_id=${user}`, '--authority', COURT.authority, '--reference', COURT.reference]
      const placed = await hold('place', ...naming, '--class', 'order', '--until', day(30), '--case', 'LEGAL-7')
      const { id } = JSON.parse(placed.stdout) as { id: string }
      const listed = JSON.parse((await hold('list')).stdout) as { holds: JsonObject[] }
      expect(listed.holds[0]).toMatchObject({ id, placedBy: 'cli', kept: [{ class: 'order', records: 1 }] })
      const out = join(folder, 'court.json')
      expect((await hold('export', id, '--out', out)).stdout).toContain('export-not-approved')
      const asked = await first.call('POST', `/api/holds/${id}/exports`, { caseId: 'LEGAL-7' })
      const [one] = asked.body.exports as { id: string; challenge: string }[]
      expect([asked.status, one?.challenge]).toEqual([201, expect.stringMatching(/^[\w-]{43}$/)])
      const path = `/api/holds/${id}/exports/${one!.id}/approval`
      const own = await first.call('POST', path, { totp: first.officer.code(Date.now(), 1) })
      expect([own.status, own.body.code]).toEqual([403, 'own-request'])
      const third = await signedIn(weir, 'auditor')
      const given = await third.call('POST', path, { totp: third.officer.code(Date.now(), 1) })
      expect([given.status, (given.body.exports as JsonObject[])[0]?.challenge]).toEqual([200, null])
      expect(await hold('export', id, '--out', out)).toMatchObject({ code: 0, stderr: '' })
      const handed = JSON.parse(await readFile(out, 'utf8')) as { records: { event: string; fields: JsonObject }[] }
      expect(handed).toMatchObject({ authority: COURT.authority, reference: COURT.reference })
      expect(handed.records.map(({ event }) => event)).toEqual(['track:Order Completed'])
      expect((await stat(out)).mode & 0o777).toBe(0o600)
      const again = await hold('export', id, '--out', join(folder, 'again.json'))
      expect([again.code, again.stdout.includes('export-not-approved')]).toEqual([1, true])
      const outcomes = (await weir.entries('hold.export')).map(({ outcome }) => outcome)
      expect(outcomes).toEqual(['refused', 'done', 'refused'])
      const asking = await hold('release', id, '--case', 'LEGAL-8')
      expect(JSON.parse(asking.stdout).releaseAsked.by).toBe('cli')
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('the end of a hold', () => {
  test('is not brought nearer by an extension, which one officer alone makes', async () => {
    const user = `shortened-${randomUUID()}`
    await shops(user)
    const id = (await place(user)).id as string
    for (const days of [1, 90]) {
      const answer = await first.call('POST', `/api/holds/${id}/extension`, { expiresOn: day(days), caseId: 'LEGAL-9' })
      expect([answer.status, answer.body.code]).toEqual([400, 'hold-too-short'])
    }
    expect((await first.call('GET', `/api/holds/${id}`)).body.expiresOn).toBe(day(90))
  })

  test('comes by itself, unless somebody extends it, and the rest of who was erased is then gone, and they are told', async () => {
    const user = `ends-${randomUUID()}`
    await shops(user)
    await weir.server.post('/v1/contacts', { userId: user, email: `${user}@mail.example` })
    const id = (await place(user, { scope: ['behaviour'], expiresOn: day(10) })).id as string
    const { request } = await erase(user)
    await weir.app.rights.processAll()
    const compliance = await weir.token('compliance')
    const longer = await compliance.post(`/api/holds/${id}/extension`, { expiresOn: day(20), caseId: 'LEGAL-9' })
    expect([longer.status, longer.body.expiresOn]).toEqual([200, day(20)])
    weir.moveClock(11 * DAY)
    await tendStatutory(weir.app.rights.deps)
    expect(await keptUnder(id)).toHaveLength(1)
    weir.moveClock(10 * DAY)
    await tendStatutory(weir.app.rights.deps)
    expect([await keptUnder(id), await peopleUnder(id)]).toEqual([[], []])
    expect((await compliance.get(`/api/holds/${id}`)).body.state).toBe('expired')
    const { rows } = await weir.owner.$client.query<{ template: string }>(
      'select template from weir.request_message where request_id = $1 and sent_at is null and given_up_at is null',
      [request],
    )
    expect(rows).toEqual([{ template: 'remainder-gone' }])
  })
})
