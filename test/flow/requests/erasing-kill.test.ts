import { type ChildProcess, fork } from 'node:child_process'
import { randomInt, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findRequest } from '../../../src/rights/rows.ts'
import { readRows } from '../../support/person-rows.ts'
import { provedRequest } from '../../support/proved-request.ts'
import { createTestApp, order, type TestApp, track } from '../../support/test-app.ts'

const KILLS = process.env.WEIR_TEST_LONG === '1' ? 100 : 10
const PEOPLE = 4
const LEASE_MINUTES = 3 // what was leased to a node that was killed is free again then

let weir: TestApp

beforeAll(async () => {
  weir = await createTestApp({ coolingHours: 0 })
})
afterAll(() => weir.stop())

test(`an erasure that is killed ${KILLS} times, anywhere, is done once and whole`, {
  timeout: 20 * 60_000,
}, async () => {
  const seed = randomInt(2 ** 31)
  const random = sequence(seed)
  const requests: string[] = []
  let kills = 0
  let due: string[] = []
  while (kills < KILLS) {
    if (due.length === 0) {
      due = await askForErasures()
      requests.push(...due)
    }
    const node = startNode(kills * LEASE_MINUTES)
    const [message] = (await once(node, 'message')) as [{ ready?: true }]
    expect(message.ready).toBe(true)
    const dead = once(node, 'exit')
    setTimeout(() => node.kill('SIGKILL'), Math.floor(random() * 400))
    await dead
    kills++
    due = await stillOpen(due)
  }
  weir.moveClock(KILLS * LEASE_MINUTES * 60_000)
  for (let round = 0; round < 20 && (await stillOpen(requests)).length > 0; round++) {
    weir.moveClock(LEASE_MINUTES * 60_000)
    await weir.app.rights.processAll()
    await weir.settle()
  }
  console.log(`erasing: ${kills} kills, ${requests.length} erasures, seed ${seed}`)
  for (const id of requests) {
    const request = await findRequest(weir.db, id)
    expect(request).toMatchObject({
      state: 'completed_partial',
      receipt: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    })
  }
  const rows = await readRows(weir)
  expect(rows['weir.subject']).toBe(0)
  expect(rows['weir.sealed']).toBe(0)
  const ledger = (await readFile(join(weir.keysDir, 'erasures.jsonl'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
  expect(new Set(ledger.slice(1).map((line) => (JSON.parse(line) as { id: string }).id))).toEqual(new Set(requests))
})

async function askForErasures(): Promise<string[]> {
  const users = Array.from({ length: PEOPLE }, () => `u-${randomUUID()}`)
  for (const user of users) {
    await weir.grant(user, 'attribution', 'personalisation')
    await weir.send(track(user, 'Product Viewed', { product_id: 'P-1' }), order(user, `o-${user}`, ['P-1', 'P-2']))
  }
  await weir.settle()
  return Promise.all(
    users.map((user) => provedRequest(weir, 'erasure', [{ type: 'user_id', value: user, verified: true }])),
  )
}

async function stillOpen(ids: readonly string[]): Promise<string[]> {
  const found = await Promise.all(ids.map((id) => findRequest(weir.db, id)))
  return found.flatMap((one) => (one !== undefined && one.closedAt === undefined ? [one.id] : []))
}

function startNode(aheadMinutes: number): ChildProcess {
  const node = join(import.meta.dirname, '..', '..', 'support', 'erasing-node.ts')
  const ledger = join(weir.keysDir, 'erasures.jsonl')
  return fork(node, [weir.database.appUrl, weir.keysDir, ledger, String(aheadMinutes)])
}

/** mulberry32: numbers in [0, 1) that a seed repeats. */
function sequence(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
