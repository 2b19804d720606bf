import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { transaction } from '../../src/db/transaction.ts'
import { subjectId } from '../../src/event/ids.ts'
import { blindIndex } from '../../src/identity/blind-index.ts'
import { insertIdentifiers, sealIdentifier } from '../../src/identity/identifiers.ts'
import { DEFAULT_RULES, type IdentifierType, type Rules } from '../../src/identity/normalise.ts'
import { present } from '../../src/identity/present.ts'
import { indexText, readNodes } from '../../src/identity/read.ts'
import { createSubjects } from '../../src/identity/subjects.ts'
import { closeNormalisation, dropUnread } from '../../src/keys/close-index.ts'
import { destroyKeys } from '../../src/keys/destroy.ts'
import { keepIndex } from '../../src/keys/keep-index.ts'
import { type Keyring, openKeyring } from '../../src/keys/keyring.ts'
import { reindex } from '../../src/keys/reindex.ts'
import { countToReindex, listConflicts, planReindex } from '../../src/keys/reindex-plan.ts'
import { type KeyDeps, rollKey } from '../../src/keys/roll.ts'
import { loadSubjectKeys } from '../../src/keys/subject-keys.ts'
import { readHeader } from '../../src/protect/seal.ts'
import { type Caller, createTestApp, newDevice, type TestApp, track } from '../support/test-app.ts'
import { until } from '../support/until.ts'

let weir: TestApp
beforeEach(async () => {
  weir = await createTestApp()
})
afterEach(() => weir.stop())

describe('the index root is replaced', () => {
  test('everybody is found at every moment: before, while both are read, and once the old one is gone', async () => {
    const other = await weir.node() // hears of nothing but by itself
    const people = await crowd(40)
    const subjects = await subjectsOf(weir.keyring, people)
    const traffic = startTraffic([weir.server, other], people)
    onTestFinished(() => traffic.stop())
    await traffic.rounds(2)

    await rollKey(keyDeps(), 'index')
    await traffic.rounds(2) // neither node has heard of it
    await weir.app.refreshKeys()
    await traffic.rounds(2) // one has
    expect(await reindex(deps())).toMatchObject({ conflicts: 0, refused: 0, unreadable: 0, finished: true })
    expect(await versions()).toEqual(['1', '2'])
    expect(await countToReindex(weir.db)).toBe(0)
    await traffic.rounds(2)

    await destroyKeys(keyDeps(), 'index', 1)
    await traffic.rounds(2) // the other node still has the old one only
    const dropped = await dropUnread(weir.db)
    await traffic.rounds(2)
    await traffic.stop()

    expect(traffic.outcomes()).toEqual(new Set(['accepted']))
    expect(dropped).toBeGreaterThanOrEqual(80)
    expect(await versions()).toEqual(['2'])
    expect(await subjectsOf(weir.keyring, people)).toEqual(subjects)
    const { rows } = await weir.owner.$client.query<{ subjects: number; identifiers: number }>(
      `select (select count(*)::integer from weir.subject) as subjects, count(*)::integer as identifiers from weir.identifier`,
    )
    expect(rows[0]).toEqual({ subjects: 80 + traffic.made(), identifiers: 80 + traffic.made() })
  })

  test('what is known of people is not touched by it', async () => {
    const device = newDevice()
    await weir.server.post('/v1/consent', { userId: 'ada', choices: { personalisation: true, analytics: false } })
    await weir.browser.post('/v1/consent', { ...device, choices: { personalisation: true } })
    await weir.send({ ...track('ada', 'Product Viewed', { product_id: 'tea' }), anonymousId: device.anonymousId })
    const known = () => dump('subject', 'subject_key', 'link', 'consent_state', 'consent_ledger')
    const before = await known()
    await rollKey(keyDeps(), 'index')
    await reindex(deps())
    await destroyKeys(keyDeps(), 'index', 1)
    await dropUnread(weir.db)
    expect(await known()).toEqual(before)
    const headers = { 'weir-anonymous-id': device.anonymousId, 'weir-anonymous-secret': device.anonymousSecret }
    const read = await weir.browser.get('/v1/consent', headers)
    expect(read.body.choices).toMatchObject({ personalisation: true })
  })

  test('the runbook: with a root that got out nobody is found any more, without waiting for the overlap', async () => {
    const people = await crowd(5)
    const stolen = weir.keyring.index.active.key
    const guessed = people.map(({ userId }) => Buffer.from(blindIndex(stolen, 'user_id', userId)))
    const hits = async (): Promise<number | null> =>
      (await weir.owner.$client.query('select from weir.identifier where index_key = any($1)', [guessed])).rowCount
    expect(await hits()).toBe(5)

    await rollKey(keyDeps(), 'index')
    await reindex(deps())
    await destroyKeys(keyDeps(), 'index', 1)
    await dropUnread(weir.db)

    expect(await hits()).toBe(0)
    expect(await view(weir.server, people[0]!)).toBe('accepted')
    expect(await planReindex(deps())).toMatchObject({
      missing: 0,
      unread: 0,
      versions: [
        { type: 'anonymous_id', kid: 2, normVersion: 1, state: 'current', rows: 5 },
        { type: 'user_id', kid: 2, normVersion: 1, state: 'current', rows: 5 },
      ],
    })
  })

  test('e-mail and phone are found in any spelling, before and after', async () => {
    const found = async (type: IdentifierType, given: string): Promise<string | undefined> => {
      await weir.keyring.refresh()
      return find(weir.keyring, type, given)
    }
    await make(weir.keyring, 'email', ' Ada@Straße.example ')
    await make(weir.keyring, 'phone', '+86 138 0013 8000')
    const [email, phone] = [await found('email', 'ADA@straße.example.'), await found('phone', '+8613800138000')]
    expect([email, phone]).toEqual([expect.any(String), expect.any(String)])
    await rollKey(keyDeps(), 'index')
    await reindex(deps())
    await destroyKeys(keyDeps(), 'index', 1)
    await dropUnread(weir.db)
    expect([await found('email', 'ada@xn--strae-oqa.example'), await found('phone', '＋86 13800138000')]).toEqual([
      email,
      phone,
    ])
    expect(await found('email', 'ada@strasse.example')).toBeUndefined()
  })
})

describe('two nodes, one of which has not heard of the new root', () => {
  test('make one subject of one person, whoever is first', async () => {
    const late = await openKeyring(weir.db, weir.keys)
    await rollKey(keyDeps(), 'index')
    await weir.keyring.refresh()
    const ids = Array.from({ length: 40 }, () => `user-${randomUUID()}`)
    await Promise.all(
      ids.flatMap((userId) => [
        make(weir.keyring, 'user_id', userId),
        eventually(late, () => make(late, 'user_id', userId)),
      ]),
    )
    const { rows } = await weir.owner.$client.query(
      `select count(*)::integer as rows, count(distinct subject_id)::integer as subjects, count(distinct identifier_id)::integer as identifiers,
         (select count(*)::integer from weir.subject) as kept from weir.identifier`,
    )
    expect(rows[0]).toEqual({ rows: 80, subjects: 40, identifiers: 40, kept: 40 })
  })

  test('over HTTP the late one looks again by itself, and answers', async () => {
    const late = await weir.node()
    const [ada, ben] = await crowd(2)
    await rollKey(keyDeps(), 'index')
    const eve = { userId: 'eve', anonymousId: randomUUID() }
    expect(await grant(late, eve)).toBe(200)
    expect(await view(late, eve)).toBe('accepted')
    const { rows } = await weir.owner.$client.query<{ v: number[] }>(
      'select array_agg(index_version order by index_version) as v from weir.identifier group by identifier_id order by 1',
    )
    expect(rows.map((row) => row.v).filter((v) => v.length === 2)).toEqual([
      [1, 2],
      [1, 2],
    ])
    await reindex(deps())
    const later = await weir.node() // as of now: both
    await rollKey(keyDeps(), 'index')
    await reindex(deps())
    await destroyKeys(keyDeps(), 'index', 2)
    await dropUnread(weir.db)
    for (const node of [late, later]) {
      expect(await view(node, ada!)).toBe('accepted')
      expect((await node.get('/v1/consent', { 'weir-user-id': ben!.userId })).body.choices).toEqual({
        personalisation: true,
      })
    }
  })

  test('the late one moves a device to a second user under every version, also the one it does not know', async () => {
    const [first] = await crowd(1)
    await rollKey(keyDeps(), 'index')
    await reindex(deps()) // the gateway itself has not heard of anything
    await weir.grant('second', 'personalisation')
    expect(await view(weir.server, { userId: 'second', anonymousId: first!.anonymousId })).toBe('accepted')
    expect(await splitIdentifiers()).toBe(0)
    await weir.keyring.refresh()
    const device = await find(weir.keyring, 'anonymous_id', first!.anonymousId)
    const { rows } = await weir.owner.$client.query(
      'select index_version from weir.identifier where subject_id = $1 order by 1',
      [device],
    )
    expect(rows).toEqual([{ index_version: 1 }, { index_version: 2 }])
  })

  test('devices change hands while everybody is indexed anew: no identifier is split', async () => {
    const people = await crowd(60)
    await weir.grant('second', 'personalisation')
    await rollKey(keyDeps(), 'index')
    const [done, ...outcomes] = await Promise.all([
      reindex(deps()),
      ...people.map(({ anonymousId }) => view(weir.server, { userId: 'second', anonymousId })),
    ])
    expect(done.finished).toBe(true)
    expect(new Set(outcomes)).toEqual(new Set(['accepted']))
    expect(await splitIdentifiers()).toBe(0)
    expect(await countToReindex(weir.db)).toBe(0)
  })
})

describe('the database', () => {
  test('refuses an identifier that is not under the active root, and one under a root that is gone', async () => {
    const late = await openKeyring(weir.db, weir.keys)
    await rollKey(keyDeps(), 'index')
    await expect(make(late, 'user_id', 'x')).rejects.toMatchObject({ code: 'WK002' })
    await weir.keyring.refresh()
    const both = frozen(weir.keyring)
    await make(both, 'user_id', 'y')
    await destroyKeys(keyDeps(), 'index', 1)
    await expect(make(both, 'user_id', 'z')).rejects.toMatchObject({ code: 'WK002' })
    await expect(find(late, 'user_id', 'y')).rejects.toMatchObject({ code: 'index-version-closed' })
    await expect(find(late, 'user_id', 'nobody')).rejects.toMatchObject({ code: 'index-version-closed' })
  })
})

describe('a run that is cut off', () => {
  test('leaves everybody found, and the next one writes only what is missing', async () => {
    const people = Array.from({ length: 250 }, (_, i) => `user-${i}-${randomUUID()}`)
    for (const userId of people) await make(weir.keyring, 'user_id', userId)
    await rollKey(keyDeps(), 'index')
    const dying = await openKeyring(weir.db, weir.keys)
    let opened = 0
    const dies: Keyring = Object.create(dying, {
      unwrapSubjectKey: {
        value: (...args: Parameters<Keyring['unwrapSubjectKey']>) => {
          if (++opened > 130) throw new Error('killed')
          return dying.unwrapSubjectKey(...args)
        },
      },
    })
    await expect(reindex({ db: weir.db, keyring: dies })).rejects.toThrow('killed')
    expect(await countToReindex(weir.db)).toBe(150) // of three batches one was kept
    await weir.keyring.refresh()
    for (const userId of people) expect(await find(weir.keyring, 'user_id', userId)).toBeDefined()
    const seen: [number, number][] = []
    const again = await reindex(deps(), { progress: (done, total) => seen.push([done, total]) })
    expect(again).toEqual({ written: 150, conflicts: 0, refused: 0, unreadable: 0, finished: true })
    // Rows that were looked at, the new ones among them; never more than there are.
    expect(seen.at(-1)![0]).toBeGreaterThanOrEqual(350)
    expect(seen.every(([done, total]) => done <= total)).toBe(true)
    expect(await reindex(deps())).toMatchObject({ written: 0, finished: true })
  })

  test('a row that was damaged keeps nobody else from being found', async () => {
    for (const userId of ['Ada', 'Ben', 'Eve']) await make(weir.keyring, 'user_id', userId)
    await weir.owner.$client.query(
      'update weir.identifier set sealed = set_byte(sealed, 30, 255 - get_byte(sealed, 30)) where subject_id = $1',
      [await find(weir.keyring, 'user_id', 'Ben')],
    )
    await rollKey(keyDeps(), 'index')
    expect(await reindex(deps())).toMatchObject({ written: 2, unreadable: 1, finished: true })
    expect(await countToReindex(weir.db)).toBe(1)
  })

  test('somebody whose key is being replaced is indexed under the new key, and can be moved', async () => {
    const [person] = await crowd(1)
    const subjects = (await subjectsOf(weir.keyring, [person!])).map((subject) => subjectId(subject!))
    for (const subject of subjects) {
      const { wrapped } = weir.keyring.createSubjectKey(subject, 2)
      await weir.db.$client.query(
        'insert into weir.subject_key (subject_id, key_version, wrapped) values ($1, 2, $2)',
        [subject, wrapped],
      )
      await weir.db.$client.query('update weir.subject set key_version = 2 where subject_id = $1', [subject])
    }
    await rollKey(keyDeps(), 'index')
    expect(await reindex(deps())).toMatchObject({ written: 2, unreadable: 0 })
    const { rows } = await weir.owner.$client.query<{ kid: number; sealed: Buffer }>(
      'select index_version as kid, sealed from weir.identifier order by 1',
    )
    expect(rows.map((row) => [row.kid, readHeader(row.sealed).keyVersion])).toEqual([
      [1, 1],
      [1, 1],
      [2, 2],
      [2, 2],
    ])
    await weir.grant('second', 'personalisation')
    expect(await view(weir.server, { ...person!, userId: 'second' })).toBe('accepted')
    expect(await splitIdentifiers()).toBe(0)
    expect(await find(weir.keyring, 'anonymous_id', person!.anonymousId)).not.toBe(subjects[1])
  })

  test('housekeeping does what is left, and nothing where nothing is', async () => {
    await crowd(2)
    expect(await keepIndex(deps())).toBeUndefined()
    await rollKey(keyDeps(), 'index')
    expect(await keepIndex(deps())).toMatchObject({ written: 4, dropped: 0 })
    await destroyKeys(keyDeps(), 'index', 1)
    expect(await keepIndex(deps())).toMatchObject({ written: 0, dropped: 4 })
    expect(await keepIndex(deps())).toBeUndefined()
  })

  test('asked to end it ends between two batches, and says so', async () => {
    await crowd(3)
    await rollKey(keyDeps(), 'index')
    expect(await reindex(deps(), { signal: AbortSignal.abort() })).toMatchObject({ written: 0, finished: false })
  })

  test('two nodes that index at once do the work once', async () => {
    await crowd(60)
    await rollKey(keyDeps(), 'index')
    const second = { db: weir.db, keyring: await openKeyring(weir.db, weir.keys) }
    const [a, b] = await Promise.all([reindex(deps()), reindex(second)])
    expect(a.written + b.written).toBe(120)
    expect([a.conflicts, b.conflicts]).toEqual([0, 0])
  })
})

describe('erasure', () => {
  test('takes the rows of every version, also those that are being written', async () => {
    const devices = Array.from({ length: 50 }, newDevice)
    for (const device of devices) {
      await weir.browser.post('/v1/consent', { ...device, choices: { personalisation: true } })
    }
    await rollKey(keyDeps(), 'index')
    await weir.keyring.refresh()
    for (const { anonymousId } of devices.slice(0, 10)) {
      await make(weir.keyring, 'anonymous_id', `${anonymousId}-2`) // under both roots from the start
    }
    await weir.owner.$client.query('update weir.subject set seen_on = current_date - 31')
    await weir.owner.$client.query(`update weir.consent_ledger set recorded_at = now() - interval '31 days'`)
    await Promise.all([weir.app.maintain(), reindex(deps()), reindex(deps())])
    await until('everybody idle is gone', async () => (await rowsOf('subject')) === 0)
    expect([await rowsOf('identifier'), await rowsOf('subject_key')]).toEqual([0, 0])
  })
})

describe('rules that normalise change', () => {
  const exact = DEFAULT_RULES.user_id[0]!
  const folding = {
    version: 2,
    normalise: (value: unknown) =>
      typeof value === 'string' && value.trim() !== ''
        ? { ok: true as const, value: value.trim().toLowerCase(), kept: value }
        : { ok: false as const, reason: 'empty' as const },
  }
  const between: Rules = { ...DEFAULT_RULES, user_id: [folding, exact] }
  const after: Rules = { ...DEFAULT_RULES, user_id: [folding] }

  test('nobody is merged: who would become one is named for a person to decide, and found as before until then', async () => {
    for (const userId of ['Ada', 'ada', ' Ben']) await make(weir.keyring, 'user_id', userId)
    await make(weir.keyring, 'user_id', ' ') // the new rules refuse it
    const [Ada, ada, ben] = await Promise.all(['Ada', 'ada', ' Ben'].map((id) => find(weir.keyring, 'user_id', id)))

    expect(await reindex({ ...deps(), rules: between })).toMatchObject({ written: 2, conflicts: 1, refused: 1 })
    const found = (id: string) => find(weir.keyring, 'user_id', id, between)
    expect([await found('Ada'), await found('ada'), await found('Ben')]).toEqual([Ada, ada, ben])
    const conflicts = await listConflicts(weir.db, 10)
    expect(conflicts).toEqual([{ type: 'user_id', subject: expect.any(String), holder: expect.any(String) }])
    expect(new Set([conflicts[0]!.subject, conflicts[0]!.holder])).toEqual(new Set([Ada, ada]))
    expect(await planReindex({ ...deps(), rules: between })).toMatchObject({ conflicts: 1, missing: 2 })
    await expect(closeNormalisation(weir.db, 'user_id', 1)).rejects.toMatchObject({ code: 'key-in-use' })

    // A root can be replaced meanwhile: each goes along under the rules that it is found by.
    await rollKey(keyDeps(), 'index')
    await reindex({ ...deps(), rules: between })
    expect(await countToReindex(weir.db)).toBe(0)
    await destroyKeys(keyDeps(), 'index', 1)
    await dropUnread(weir.db)
    await weir.keyring.refresh()
    expect([await found('Ada'), await found('ada'), await found(' Ben')]).toEqual([Ada, ada, ben])

    // It is decided: the younger goes, and so does whoever the new rules refuse.
    const { holder } = conflicts[0]!
    const blank = await found(' ')
    await weir.owner.$client.query('delete from weir.identifier where subject_id = any($1)', [[holder, blank]])
    await weir.owner.$client.query('delete from weir.subject where subject_id = any($1)', [[holder, blank]])
    expect(await reindex({ ...deps(), rules: between })).toMatchObject({ written: 1, conflicts: 0, refused: 0 })
    expect(await listConflicts(weir.db, 10)).toEqual([])
    await closeNormalisation(weir.db, 'user_id', 1)
    expect(await dropUnread(weir.db)).toBe(2)
    const left = conflicts[0]!.subject
    expect(await find(weir.keyring, 'user_id', 'ADA ', after)).toBe(left)
    expect(await find(weir.keyring, 'user_id', 'ben', after)).toBe(ben)
    await expect(make(weir.keyring, 'user_id', 'Eve')).rejects.toMatchObject({ code: 'WK002' })
    await make(weir.keyring, 'user_id', 'Eve', after)
  })

  test('two forms of one person’s identifier become one identifier', async () => {
    await make(weir.keyring, 'user_id', 'Ada')
    const subject = subjectId((await find(weir.keyring, 'user_id', 'Ada'))!)
    await transaction(weir.db, async (tx) => {
      const keys = (await loadSubjectKeys(tx, weir.keyring, [{ subject, keyVersion: 1 }])).get(subject)!
      const { keys: under, kept, type } = present(weir.keyring, 'user_id', 'ada')!
      const sealed = sealIdentifier(keys, subject, under[0]!.key, kept)
      await insertIdentifiers(tx, [{ ...under[0]!, subject, identifierId: randomUUID(), type, sealed }])
    })
    expect(await reindex({ ...deps(), rules: between })).toMatchObject({ written: 1, conflicts: 0 })
    expect(await planReindex({ ...deps(), rules: between })).toMatchObject({ missing: 0, conflicts: 0 })
    const found = await Promise.all(['Ada', 'ada', 'ADA'].map((id) => find(weir.keyring, 'user_id', id, between)))
    expect(found).toEqual([subject, subject, subject])
  })

  test('two spellings of one new person become one subject, whoever is first', async () => {
    await Promise.all(['Zoe', 'zoe', 'ZOE', ' zoe'].map((id) => make(weir.keyring, 'user_id', id, between)))
    expect([await rowsOf('subject'), await rowsOf('subject_key')]).toEqual([1, 1])
    const subjects = await Promise.all(
      ['Zoe', 'zoe', 'ZOE', ' zoe'].map((id) => find(weir.keyring, 'user_id', id, between)),
    )
    expect(new Set(subjects).size).toBe(1)
  })
})

interface Person {
  readonly userId: string
  readonly anonymousId: string
}

function keyDeps(): KeyDeps {
  return { db: weir.db, provider: weir.keys, keyring: weir.keyring, now: Date.now, actor: 'cli' }
}

function deps(): { db: TestApp['db']; keyring: Keyring } {
  return { db: weir.db, keyring: weir.keyring }
}

/** People with a device each, who permit personalisation. */
async function crowd(size: number): Promise<Person[]> {
  const people = Array.from({ length: size }, (_, i) => ({
    userId: `user-${i}-${randomUUID()}`,
    anonymousId: randomUUID(),
  }))
  for (const person of people) expect(await grant(weir.server, person)).toBe(200)
  return people
}

async function grant(node: Caller, person: Person): Promise<number> {
  return (await node.post('/v1/consent', { ...person, choices: { personalisation: true } })).status
}

async function view(node: Caller, { userId, anonymousId }: Person): Promise<string> {
  const event = { ...track(userId, 'Product Viewed', { product_id: 'tea' }), anonymousId, messageId: randomUUID() }
  const answer = await node.post('/v1/batch', { batch: [event] })
  return answer.status === 200 ? (answer.body.results as { outcome: string }[])[0]!.outcome : String(answer.status)
}

interface Traffic {
  /** Resolves when everybody was seen so many times more. */
  rounds(count: number): Promise<void>
  stop(): Promise<void>
  outcomes(): Set<string>
  /** Devices and users that came new. */
  made(): number
}

/** Everybody looks at something on every node, over and over, and now and then somebody new comes. */
function startTraffic(nodes: readonly Caller[], people: readonly Person[]): Traffic {
  const outcomes = new Set<string>()
  let made = 0
  let done = 0
  let stopped = false
  const running = (async () => {
    while (!stopped) {
      for (const node of nodes) {
        const newcomer = { userId: `new-${randomUUID()}`, anonymousId: randomUUID() }
        const status = await grant(node, newcomer)
        if (status === 200) made += 2
        else outcomes.add(`grant ${status}`)
        for (const one of await Promise.all([...people, newcomer].map((person) => view(node, person))))
          outcomes.add(one)
      }
      done += 1
    }
  })()
  return {
    async rounds(count) {
      const goal = done + count
      await until('everybody was seen on every node', () => done >= goal || stopped, 60)
    },
    async stop() {
      stopped = true
      await running
    },
    outcomes: () => outcomes,
    made: () => made,
  }
}

/** The same keys for good, as a process has them that hears of nothing. */
function frozen(keyring: Keyring): Keyring {
  const { index } = keyring
  return Object.create(keyring, { index: { value: index } }) as Keyring
}

/** As a caller does it: looks at the keys again where the database says so. */
async function eventually(keyring: Keyring, work: () => Promise<void>): Promise<void> {
  await work().catch(async (error: { code?: string }) => {
    if (error.code !== 'WK002') throw error
    await keyring.refresh()
    await work()
  })
}

async function make(keyring: Keyring, type: IdentifierType, given: string, rules?: Rules): Promise<void> {
  const presented = present(keyring, type, given, rules)!
  await transaction(weir.db, (tx) => createSubjects(tx, keyring, [presented]))
}

async function find(keyring: Keyring, type: IdentifierType, given: string, rules?: Rules): Promise<string | undefined> {
  const presented = present(keyring, type, given, rules)!
  return (await readNodes(weir.db, [presented])).get(indexText(presented.key))?.subject
}

async function subjectsOf(keyring: Keyring, people: readonly Person[]): Promise<(string | undefined)[]> {
  await keyring.refresh()
  const found: (string | undefined)[] = []
  for (const { userId, anonymousId } of people) {
    found.push(await find(keyring, 'user_id', userId), await find(keyring, 'anonymous_id', anonymousId))
  }
  expect(found).not.toContain(undefined)
  return found
}

async function versions(): Promise<string[]> {
  const { rows } = await weir.owner.$client.query<{ v: string }>(
    'select distinct index_version::text as v from weir.identifier order by 1',
  )
  return rows.map((row) => row.v)
}

async function splitIdentifiers(): Promise<number> {
  const { rows } = await weir.owner.$client.query<{ n: number }>(
    `select count(*)::integer as n from (
       select from weir.identifier group by identifier_id having count(distinct subject_id) > 1) as split`,
  )
  return rows[0]!.n
}

async function rowsOf(table: string): Promise<number> {
  const { rows } = await weir.owner.$client.query<{ n: number }>(`select count(*)::integer as n from weir.${table}`)
  return rows[0]!.n
}

async function dump(...tables: string[]): Promise<unknown[]> {
  const all: unknown[] = []
  for (const table of tables) {
    all.push((await weir.owner.$client.query(`select * from weir.${table} t order by t::text`)).rows)
  }
  return all
}
