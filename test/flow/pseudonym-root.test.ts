import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SubjectId } from '../../src/event/ids.ts'
import { destroyKeys } from '../../src/keys/destroy.ts'
import { openKeyring } from '../../src/keys/keyring.ts'
import { openFileProvider } from '../../src/keys/providers/file.ts'
import { pseudonymsInUse } from '../../src/keys/pseudonyms-in-use.ts'
import { type KeyDeps, rollKey } from '../../src/keys/roll.ts'
import { keepKeys } from '../../src/keys/schedule.ts'
import { keysStatus } from '../../src/keys/status.ts'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import type { Module } from '../../src/modules/module.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { makePseudonymiser } from '../../src/protect/pseudonymise.ts'
import {
  bodyOf,
  digestNow,
  type LinkOf,
  namesIn,
  rebuiltDigest,
  type SentEvent,
  sentEvent,
} from '../support/rebuilt.ts'
import { subjectOf } from '../support/stored.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

const DAY_MS = 86_400_000
const TIMES = { epochDays: 3_000, backupDays: 35, keyBackupDays: 35, overlapDays: 7 }

/** Fails once, in the n-th call that changes a module's state; what was done in its transaction is gone. */
const breaking = { at: 0, calls: 0 }
function breakable(module: Module): Module {
  const counted = <R>(work: () => Promise<R>): Promise<R> => {
    if (++breaking.calls === breaking.at) return Promise.reject(Object.assign(new Error('cut off'), { code: '57P01' }))
    return work()
  }
  return {
    ...module,
    handle: (tx, batch) => counted(() => module.handle(tx, batch)),
    relink: (tx, from, to) => counted(() => module.relink(tx, from, to)),
    clear: (tx) => counted(() => module.clear(tx)),
  }
}

const MODULES = [attribution, recommendation]
let weir: TestApp
let sent: SentEvent[]
beforeEach(async () => {
  breaking.at = 0
  sent = []
  weir = await createTestApp({ modules: MODULES.map(breakable) })
})
afterEach(() => weir.stop())

async function deps(more: Partial<KeyDeps> = {}): Promise<KeyDeps> {
  const provider = await openFileProvider(weir.keyset)
  return { db: weir.db, provider, keyring: await openKeyring(weir.db, provider), now: Date.now, actor: 'cli', ...more }
}

/** Some days of a small shop: views, orders and returns of five people, two of them on two devices. */
async function fillShop(): Promise<void> {
  for (const who of PEOPLE) await weir.grant(who, 'personalisation', 'attribution')
  for (const [i, userId] of PEOPLE.entries()) {
    const devices = i < 2 ? [randomUUID(), randomUUID()] : [undefined]
    for (const [n, anonymousId] of devices.entries()) {
      const at = Date.now() - (i + 2 * n) * DAY_MS - 60_000
      const common = { userId, source: i % 2 === 0 ? 'mail' : 'search', at, ...(anonymousId && { anonymousId }) }
      const id = `ORDER-${userId}-${n}`
      const products = [{ product_id: `item-${i}` }, { product_id: `item-${n + 1}` }]
      sent.push(
        sentEvent({ ...common, name: 'Product Viewed', properties: { product_id: `item-${i}` } }),
        sentEvent({ ...common, name: 'Order Completed', properties: { order_id: id, total: 9 + i, products } }),
      )
      if (i === 1)
        sent.push(
          sentEvent({ ...common, name: 'Order Refunded', properties: { order_id: id, products: products.slice(1) } }),
        )
    }
  }
  expect(await weir.send(...sent.map(bodyOf))).toEqual(sent.map(() => 'accepted'))
  await weir.settle()
}
const PEOPLE = ['ann', 'bob', 'cat', 'dan', 'eve']

interface Gone {
  /** Whose events each module must hold nothing of. */
  readonly attribution?: readonly string[]
  readonly recommendation?: readonly string[]
}

/** What a module that heard of these people for the first time would hold, under the active root. */
async function expectRebuilt(gone: Gone = {}): Promise<void> {
  await weir.keyring.refresh()
  for (const module of MODULES) {
    const without = gone[module.name as keyof Gone] ?? []
    const by = weir.app.pseudonymiserOf(module)
    const events = sent.filter(({ userId }) => !without.includes(userId))
    const relinks = (await linksOf(events)).map(({ device, user }) => ({
      from: by.pseudonym(device, Date.now()),
      to: by.pseudonym(user, Date.now()),
    }))
    expect(await digestNow(weir, module)).toBe(await rebuiltDigest(weir, module, by, { events, relinks }))
  }
}

async function linksOf(events: readonly SentEvent[]): Promise<LinkOf[]> {
  const links = new Map<string, LinkOf>()
  for (const { anonymousId, userId } of events) {
    if (anonymousId === undefined) continue
    const device = (await subjectOf(weir, 'anonymous_id', anonymousId))!
    links.set(device, { device, user: (await subjectOf(weir, 'user_id', userId))! })
  }
  return [...links.values()]
}

/** The numbers of the roots that stand in a module's rows. */
async function rootsIn(schema: string): Promise<number[]> {
  const names = await namesIn(weir, schema)
  return [...new Set(names.map((name) => Buffer.from(name.split('.')[1]!, 'base64url').readUIntBE(0, 3)))]
}

async function roots(): Promise<number[][]> {
  return Promise.all(MODULES.map(({ name }) => rootsIn(name)))
}

test('without any change the state is that of modules that were handed everything at once', async () => {
  await fillShop()
  await expectRebuilt()
  expect(await roots()).toEqual([[1], [1]])
})

test('after a change of the root every row is under the new one, and the state is a rebuild: with withdrawals, links and erased people', async () => {
  await fillShop()
  await weir.refuse('cat', 'personalisation')
  await weir.refuse('dan', 'attribution')
  await weir.settle()
  await weir.grant('dan', 'attribution') // what was held before stays gone
  const erased = (await subjectOf(weir, 'user_id', 'eve'))!
  await forget(erased)
  sent = sent.filter(({ userId }) => userId !== 'eve')
  await rollKey(await deps(), 'pseudonym')
  await weir.settle()
  expect(await roots()).toEqual([[2], [2]])
  await expectRebuilt({ recommendation: ['cat'], attribution: ['dan'] })
  const rebuilds = await weir.entries('module.rebuild')
  expect(rebuilds.map(({ resource }) => resource).toSorted()).toEqual(['module:attribution', 'module:recommendation'])
})

/** As retention does with somebody who was not seen for long. */
async function forget(subject: SubjectId): Promise<void> {
  const day = 'current_date - 4000'
  await weir.owner.$client.query(`update weir.subject set seen_on = ${day} where subject_id = $1`, [subject])
  await weir.owner.$client.query(`update weir.consent_ledger set recorded_at = ${day} where subject_id = $1`, [subject])
  await weir.app.maintain()
  expect(await subjectOf(weir, 'user_id', 'eve')).toBeUndefined()
}

test('wherever a rebuild is cut off it goes on, and never are there rows under two roots', async () => {
  await fillShop()
  for (let kid = 2, at = 1; at > 0; kid++, at++) {
    await rollKey(await deps(), 'pseudonym')
    breaking.calls = 0
    breaking.at = at
    const cut = await weir.settle().then(
      () => false,
      () => true,
    )
    for (const held of await roots()) expect(held.length).toBeLessThanOrEqual(1)
    breaking.at = 0
    await weir.settle()
    expect(await roots()).toEqual([[kid], [kid]])
    await expectRebuilt()
    if (!cut) {
      expect(at).toBeGreaterThan(8) // clear, links and batch of both modules
      break
    }
  }
})

test('links that the log has not any more are told all the same', async () => {
  await fillShop()
  await weir.owner.$client.query('delete from weir.event_log where kind = 1')
  await rollKey(await deps(), 'pseudonym')
  await weir.settle()
  await expectRebuilt()
})

test('what is withdrawn while a rebuild is under way is in no module when it is done', async () => {
  await fillShop()
  await rollKey(await deps(), 'pseudonym')
  breaking.calls = 0
  breaking.at = 3
  await weir.settle().catch(() => undefined) // cleared; links are being told
  await weir.refuse('ann', 'personalisation', 'attribution')
  breaking.at = 0
  await weir.settle()
  await expectRebuilt({ attribution: ['ann'], recommendation: ['ann'] })
})

test('how far it is can be seen, credit by half of it is refused, and the old root is kept until it is done, not for longer', async () => {
  await fillShop()
  const token = await weir.token('analyst')
  expect((await token.get('/api/attribution/credit?model=last')).status).toBe(200)
  await rollKey(await deps(), 'pseudonym')
  const later = Date.now() + 8 * DAY_MS
  expect(await pseudonymsInUse(weir.db)).toEqual([1])
  await expect(destroyKeys(await deps(), 'pseudonym', 1)).rejects.toMatchObject({ code: 'key-in-use' })
  expect(await keepKeys(await deps({ now: () => later }), TIMES)).toMatchObject({
    destroyed: [],
    waiting: ['pseudonym'],
  })

  breaking.calls = 0
  breaking.at = 2 // the first module is cleared, and no more
  await weir.settle().catch(() => undefined)
  const { modules } = await keysStatus({ db: weir.db, provider: weir.keys }, TIMES, Date.now())
  expect(modules).toEqual([
    { module: 'attribution', root: 2, rollingDays: null, rebuilt: 0 },
    { module: 'recommendation', root: 1, rollingDays: null, rebuilt: null },
  ])
  expect(await token.get('/api/attribution/credit?model=last')).toMatchObject({
    status: 503,
    body: { code: 'rebuilding' },
  })

  breaking.at = 0
  await weir.settle()
  expect((await token.get('/api/attribution/credit?model=last')).status).toBe(200)
  expect(await pseudonymsInUse(weir.db)).toEqual([2])
  expect(await keepKeys(await deps({ now: () => later }), TIMES)).toMatchObject({
    destroyed: ['pseudonym/1'],
    waiting: [],
  })
  await weir.send(
    bodyOf(
      sentEvent({
        userId: 'ann',
        name: 'Product Viewed',
        properties: { product_id: 'late' },
        source: 'mail',
        at: Date.now(),
      }),
    ),
  )
  await weir.settle()
  expect(await roots()).toEqual([[2], [2]])
})

test('somebody is answered by what is held of them, before and after, on a node that was told of nothing', async () => {
  await fillShop()
  const ask = '/v1/recommendations?placement=popular&n=10'
  const items = async (): Promise<unknown> => {
    const { status, body } = await weir.server.get(ask, { 'weir-user-id': 'cat' })
    expect(status).toBe(200)
    return [body.mode, (body.items as { product_id: string }[]).map((item) => item.product_id)]
  }
  const before = await items()
  expect(before).toEqual(['personal', expect.not.arrayContaining(['item-2'])]) // what cat has ordered
  await rollKey(await deps(), 'pseudonym')
  await weir.settle()
  expect(await items()).toEqual(before)
  expect(await pseudonymsInUse(weir.db)).toEqual([2])
})

test('the runbook: rotate, wait, destroy; who has the old root and every subject id finds nobody any more', async () => {
  await fillShop()
  await weir.keyring.refresh()
  const stolen = weir.keyring.pseudonym.active
  const { rows } = await weir.owner.$client.query<{ subject_id: SubjectId }>('select subject_id from weir.subject')
  const known = (): Promise<number[]> =>
    Promise.all(
      MODULES.map(async ({ name, purpose }) => {
        const thief = makePseudonymiser(stolen.key, stolen.kid, purpose, name)
        const held = new Set(await namesIn(weir, name))
        return rows.filter((row) => held.has(thief.pseudonym(row.subject_id))).length
      }),
    )
  expect(Math.min(...(await known()))).toBeGreaterThanOrEqual(PEOPLE.length)
  await rollKey(await deps(), 'pseudonym')
  await weir.settle()
  const { modules } = await keysStatus({ db: weir.db, provider: weir.keys }, TIMES, Date.now())
  expect(modules.map(({ root, rebuilt }) => [root, rebuilt])).toEqual([
    [2, null],
    [2, null],
  ])
  expect((await destroyKeys(await deps(), 'pseudonym', 1)).map(({ kid }) => kid)).toEqual([1])
  expect(await known()).toEqual([0, 0])
  for (const { name } of MODULES)
    expect((await namesIn(weir, name)).filter((value) => value.slice(3, 7) === 'AAAB')).toEqual([])
  const { classes } = await keysStatus({ db: weir.db, provider: weir.keys }, TIMES, Date.now())
  expect(classes).toContainEqual({ class: 'pseudonym', active: 2, decryptOnly: [], destroyed: [1] })
  await expectRebuilt()
})
