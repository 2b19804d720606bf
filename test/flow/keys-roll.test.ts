import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { byteaArray, uuidArray } from '../../src/db/binary-array.ts'
import type { JsonObject } from '../../src/event/event.ts'
import { subjectId } from '../../src/event/ids.ts'
import { destroyKeys } from '../../src/keys/destroy.ts'
import { openKeyring } from '../../src/keys/keyring.ts'
import type { KeyProvider } from '../../src/keys/provider.ts'
import { openFileProvider } from '../../src/keys/providers/file.ts'
import { finishRoll, type KeyDeps, rollKey } from '../../src/keys/roll.ts'
import { keepKeys } from '../../src/keys/schedule.ts'
import { keysStatus } from '../../src/keys/status.ts'
import { storedOf, subjectOf } from '../support/stored.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

const DAY_MS = 86_400_000
const TIMES = { epochDays: 30, backupDays: 35, keyBackupDays: 35, overlapDays: 7 }
const viewed = (userId: string): JsonObject => ({
  type: 'track',
  event: 'Product Viewed',
  userId,
  properties: { product_id: 'p1' },
})

let weir: TestApp
beforeEach(async () => {
  weir = await createTestApp()
})
afterEach(() => weir.stop())

async function deps(more: Partial<KeyDeps> = {}): Promise<KeyDeps> {
  const provider = await openFileProvider(weir.keyset)
  const keyring = await openKeyring(weir.db, provider)
  return { db: weir.db, provider, keyring, now: Date.now, actor: 'cli', ...more }
}

async function kidsInUse(): Promise<number[]> {
  const { rows } = await weir.owner.$client.query<{ kid: Buffer }>(
    'select distinct substring(wrapped from 3 for 4) as kid from weir.subject_key order by 1',
  )
  return rows.map((row) => row.kid.readUInt32BE(0))
}

test('a roll rewraps while two nodes take events, neither of which was told; nothing is lost and all of it opens', async () => {
  const people = Array.from({ length: 40 }, (_, i) => `roll-${i}`)
  await Promise.all(people.map((user) => weir.grant(user, 'personalisation')))
  const node = await weir.node()
  const sendThere = async (event: JsonObject): Promise<string> => {
    const { status, body, text } = await node.post('/v1/batch', { batch: [{ messageId: randomUUID(), ...event }] })
    if (status !== 200) throw new Error(text)
    return (body.results as { outcome: string }[])[0]!.outcome
  }
  const sent = new Map<string, number>()
  let rolling = true
  const traffic = async (send: (event: JsonObject) => Promise<string>, prefix: string): Promise<void> => {
    for (let i = 0; rolling; i++) {
      // Known people and new ones in turns: a new one needs a key under the epoch of the moment.
      const user = i % 3 === 0 ? `${prefix}-new-${i}` : people[i % people.length]!
      if (i % 3 === 0) await weir.grant(user, 'personalisation')
      expect(await send(viewed(user))).toBe('accepted')
      sent.set(user, (sent.get(user) ?? 0) + 1)
    }
  }
  const both = [traffic(async (event) => (await weir.send(event))[0]!, 'a'), traffic(sendThere, 'b')]
  const rolled = await rollKey(await deps(), 'epoch')
  const again = await rollKey(await deps(), 'epoch')
  rolling = false
  await Promise.all(both)
  expect([rolled.kid, again.kid]).toEqual([2, 3])
  expect(rolled.rewrapped).toBeGreaterThanOrEqual(40)
  expect(await kidsInUse()).toEqual([3])
  await weir.keyring.refresh()
  for (const [user, count] of sent) {
    const stored = await storedOf(weir, (await subjectOf(weir, 'user_id', user))!)
    expect(stored.filter((one) => one.className === 'behaviour')).toHaveLength(count)
  }
  await weir.settle()
})

test('while the provider is asked for a new epoch nothing is locked: a withdrawal is answered', async () => {
  await weir.grant('ann', 'personalisation')
  const node = await weir.node() // takes the event, so that the one that delivers has not opened the key before
  const { status } = await node.post('/v1/batch', { batch: [{ messageId: randomUUID(), ...viewed('ann') }] })
  expect(status).toBe(200)
  await rollKey(await deps(), 'epoch')
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  const quick = { ...weir.keys }
  const slow: Partial<KeyProvider> = {
    async unwrap(...given) {
      asked.resolve()
      await answer.promise
      return quick.unwrap(...given)
    },
  }
  Object.assign(weir.keys, slow)
  const delivered = weir.app.delivery.processAll()
  await asked.promise
  await weir.refuse('ann', 'personalisation')
  answer.resolve()
  await delivered
  await weir.settle()
  const { rows } = await weir.owner.$client.query('select from recommendation.view')
  expect(rows).toHaveLength(0)
}, 20_000)

test('a key that is needed is not destroyed; one that only opens is, in the audit log first, and with it the version of the root', async () => {
  await weir.grant('somebody', 'personalisation')
  await rollKey(await deps(), 'epoch')
  await rollKey(await deps(), 'epoch')
  const d = await deps()
  await expect(destroyKeys(d, 'epoch', 3)).rejects.toMatchObject({ code: 'key-in-use' })
  const before = await weir.owner.$client.query<{ wrapped: Buffer }>(
    `select wrapped from weir.key where class = 'epoch' and kid = 1`,
  )
  const destroyed = await destroyKeys(d, 'epoch', 2)
  expect(destroyed.map((one) => one.kid)).toEqual([1, 2])
  expect(destroyed.every((one) => one.unrecoverableAt !== null)).toBe(true)
  await expect(d.provider.unwrap(before.rows[0]!.wrapped, { class: 'key-epoch', kid: '1' })).rejects.toMatchObject({
    code: 'key-root-destroyed',
  })
  expect(await destroyKeys(d, 'epoch', 2)).toEqual(destroyed)
  const entered = (await weir.entries()).filter(({ action }) => action.startsWith('keys.'))
  expect(entered.slice(-2)).toMatchObject([
    { action: 'keys.destroy', resource: 'key:epoch/1' },
    { action: 'keys.destroy', resource: 'key:epoch/2' },
  ])
  const fresh = await openKeyring(weir.db, await openFileProvider(weir.keyset)) // a start afterwards
  expect(fresh.epoch.readable.map((one) => one.kid)).toEqual([3])
})

test('a roll that was cut off anywhere is completed by the next housekeeping, and makes no second key', async () => {
  const d = await deps()
  await weir.grant('cut-off', 'personalisation')
  // After the root's new version and the pending key:
  await d.provider.rotate()
  const failing = await deps({
    keyring: { ...d.keyring, refresh: () => Promise.reject(new Error('cut off')) } as never,
  })
  await expect(rollKey({ ...failing }, 'epoch')).rejects.toThrow('cut off') // after it was made active
  const stopped = new AbortController()
  stopped.abort()
  await finishRoll(await deps({ signal: stopped.signal })) // before the first batch
  expect((await kidsInUse()).length).toBeGreaterThan(0)
  const kept = await keepKeys(await deps(), TIMES)
  expect(kept).toEqual({ destroyed: [], waiting: [] })
  expect(await kidsInUse()).toEqual([2])
  const { rows } = await weir.owner.$client.query(`select kid, state from weir.key where class = 'epoch' order by kid`)
  expect(rows).toEqual([
    { kid: 1, state: 'decrypt-only' },
    { kid: 2, state: 'active' },
  ])
})

test('two processes do not work on the keys at once', async () => {
  await weir.grant('somebody', 'personalisation')
  const d = await deps()
  const results = await Promise.allSettled([rollKey(d, 'epoch'), rollKey(await deps(), 'epoch')])
  const refused = results.filter((one) => one.status === 'rejected')
  expect(refused.length).toBeLessThanOrEqual(1)
  for (const one of refused) expect(one.reason).toMatchObject({ code: 'keys-busy' })
  expect(await kidsInUse()).toHaveLength(1)
})

test('by the schedule an epoch lasts as long as the policy says, and is destroyed when no backup is good any more', async () => {
  await weir.grant('somebody', 'personalisation')
  const start = Date.now()
  let clock = start
  const at = async (days: number) => {
    clock = start + days * DAY_MS
    return keepKeys(await deps({ now: () => clock, actor: 'weir' }), TIMES)
  }
  const first = await at(0)
  expect(first.epoch).toBeUndefined()
  const begun = await at(31)
  expect(begun).toEqual({ epoch: 2, destroyed: [], waiting: [] })
  expect(await at(32)).toEqual({ destroyed: [], waiting: [] })
  const later = await at(31 + 36)
  expect(later).toEqual({ epoch: 3, destroyed: ['epoch/1'], waiting: [] })
  const status = await keysStatus({ db: weir.db, provider: weir.keys }, TIMES, clock)
  const epochs = status.classes.find((one) => one.class === 'epoch')!
  expect(epochs).toEqual({ class: 'epoch', active: 3, decryptOnly: [2], destroyed: [1] })
  expect(status.horizon.erasedBefore).not.toBeNull()
  expect(Date.parse(status.horizon.erasedBefore!)).toBeLessThanOrEqual(clock)
  expect(Date.parse(status.horizon.unrecoverableAfter)).toBeGreaterThan(clock)
})

test('the horizon is told to those who answer for it, and to nobody else', async () => {
  const answer = await (await weir.token('auditor')).get('/api/keys/horizon')
  expect(answer.status).toBe(200)
  expect(Object.keys(answer.body).sort()).toEqual(['epochs', 'erasedBefore', 'unrecoverableAfter'])
  expect((await (await weir.token('analyst')).get('/api/keys/horizon')).status).toBe(403)
})

test('rewrapping many keys lets the table grow by less than a third', async () => {
  const rolled = await createTestApp()
  try {
    const count = process.env.WEIR_TEST_LONG === undefined ? 52_000 : 1_000_000
    for (let from = 0; from < count; from += 20_000) {
      const subjects = Array.from({ length: Math.min(20_000, count - from) }, () => subjectId(randomUUID()))
      await rolled.owner.$client.query(
        `insert into weir.subject_key (subject_id, key_version, wrapped)
         select s, 1, w from unnest($1::uuid[], $2::bytea[]) as n(s, w)`,
        [uuidArray(subjects), byteaArray(subjects.map((one) => rolled.keyring.createSubjectKey(one).wrapped))],
      )
    }
    const size = async (): Promise<number> => {
      const { rows } = await rolled.owner.$client.query<{ bytes: string }>(
        `select pg_total_relation_size('weir.subject_key')::text as bytes`,
      )
      return Number(rows[0]!.bytes)
    }
    const before = await size()
    const seen: number[] = []
    const progress = (done: number, total: number): void => {
      seen.push(done)
      expect(total).toBe(count)
    }
    const provider = await openFileProvider(rolled.keyset)
    const keyring = await openKeyring(rolled.db, provider)
    const done = await rollKey({ db: rolled.db, provider, keyring, now: Date.now, actor: 'cli', progress }, 'epoch')
    expect(done.rewrapped).toBe(count)
    expect(seen.at(-1)).toBe(count)
    const growth = (await size()) / before
    console.log(`rewrapped ${count} subject keys: the table grew to ${growth.toFixed(2)} of its size`)
    expect(growth).toBeLessThan(1.3)
  } finally {
    await rolled.stop()
  }
}, 900_000)
